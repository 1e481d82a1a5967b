//! What every request can see: the models, the limits, and whether the server is going down.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::http::ApiError;
use super::limits::Limits;
use super::memory::BodyBudget;
use super::metrics::Metrics;
use super::models::{Models, Served, Service};
use super::trace::Tracing;
use crate::engine::OutputKind;

/// The server's state, shared by all requests.
pub struct App {
    pub models: Models,
    pub limits: Limits,
    /// Memory for the requests that are being served.
    pub memory: BodyBudget,
    pub metrics: Arc<Metrics>,
    /// Where traces go, if they are wanted.
    pub tracing: Option<Arc<Tracing>>,
    /// When the server started.
    pub started: Instant,
    draining: watch::Sender<bool>,
}

impl App {
    pub fn new(models: Models, limits: Limits, metrics: Arc<Metrics>, tracing: Option<Arc<Tracing>>) -> Arc<Self> {
        let (memory, started) = (BodyBudget::new(limits.memory), Instant::now());
        let draining = watch::Sender::new(false);
        Arc::new(Self { models, limits, memory, metrics, tracing, started, draining })
    }

    /// From now on the server is not ready: it only finishes what it has.
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

    /// Whether requests are answered: all models are there, and the server is not going down.
    pub fn is_ready(&self) -> bool {
        !self.is_draining() && self.models.all_ready()
    }

    /// The model in memory; one that was idle for long comes back first.
    pub async fn acquire(&self, served: &Arc<Served>) -> Result<Arc<Service>, ApiError> {
        Ok(served.acquire(self.limits.model_return).await?)
    }

    /// The model that a request names, or the first.
    pub async fn model(&self, name: Option<&str>) -> Result<Arc<Service>, ApiError> {
        self.acquire(self.models.choose(name, None)?).await
    }

    /// The model for `output`: the one that a request names, or the first that is made for it.
    pub async fn model_for(&self, name: Option<&str>, output: OutputKind) -> Result<Arc<Service>, ApiError> {
        self.acquire(self.models.choose(name, Some(output))?).await
    }
}
