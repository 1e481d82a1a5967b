//! The state that all requests share: models, limits, shutdown.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::http::ApiError;
use super::limits::Limits;
use super::memory::BodyBudget;
use super::metrics::Metrics;
use super::models::{LoadedModel, Models, ServedModel};
use super::trace::Tracing;
use crate::engine::OutputKind;

pub struct App {
    pub models: Models,
    pub limits: Limits,
    /// Memory for request bodies and large responses.
    pub memory: BodyBudget,
    pub metrics: Arc<Metrics>,
    /// `None` without a trace collector.
    pub tracing: Option<Arc<Tracing>>,
    pub started: Instant,
    draining: watch::Sender<bool>,
}

impl App {
    pub fn new(models: Models, limits: Limits, metrics: Arc<Metrics>, tracing: Option<Arc<Tracing>>) -> Arc<Self> {
        let (memory, started) = (BodyBudget::new(limits.memory), Instant::now());
        let draining = watch::Sender::new(false);
        Arc::new(Self { models, limits, memory, metrics, tracing, started, draining })
    }

    /// Begins the shutdown: `/readyz` fails, and only requests in progress are finished.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Becomes true when the server begins to shut down.
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// True if all models are ready and the server is not shutting down.
    pub fn is_ready(&self) -> bool {
        !self.is_draining() && self.models.all_ready()
    }

    /// The model, loaded again first if it was unloaded.
    pub async fn acquire(&self, served: &Arc<ServedModel>) -> Result<Arc<LoadedModel>, ApiError> {
        Ok(served.acquire(self.limits.model_return).await?)
    }

    /// The model that the request names, or else the first.
    pub async fn model(&self, name: Option<&str>) -> Result<Arc<LoadedModel>, ApiError> {
        self.acquire(self.models.choose(name, None)?).await
    }

    /// The model that the request names, or else the first made for `output`.
    pub async fn model_for(&self, name: Option<&str>, output: OutputKind) -> Result<Arc<LoadedModel>, ApiError> {
        self.acquire(self.models.choose(name, Some(output))?).await
    }
}
