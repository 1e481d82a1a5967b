//! The registry of a server's metrics.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::MatchedPath;
use axum::http::Method;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Registry, TextEncoder};

use super::model::{Families, ModelMetrics};
use super::process;
use super::registrar::{MetricsError, Registrar};
use super::requests::{Open, Requests};
use crate::batch::scheduler::Stats;

/// All that is counted and measured.
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    models: Families,
    loaded: IntGaugeVec,
    loading: IntGaugeVec,
    resident_memory: IntGauge,
}

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// If two metrics have one name, or one has a name that Prometheus does not allow.
    pub fn new() -> Result<Arc<Self>, MetricsError> {
        let registry = Registry::new();
        let add = Registrar(&registry);
        let build = add.gauges("infa_build_info", "The version that runs; always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        // The two names of processes are those of Prometheus' own clients, which every dashboard knows.
        let started = Gauge::new("process_start_time_seconds", "When the process started, in seconds since 1970.")?;
        started.set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));
        add.register(started)?;
        let resident_memory =
            add.register(IntGauge::new("process_resident_memory_bytes", "Memory of the process that is in RAM.")?)?;
        Ok(Arc::new(Self {
            requests: Requests::new(add)?,
            models: Families::new(add)?,
            loaded: add.gauges("infa_model_loaded", "1 if the model is in memory, ready for requests.", &["model"])?,
            loading: add.gauges("infa_model_loading", "1 while the model is fetched or loaded.", &["model"])?,
            resident_memory,
            registry,
        }))
    }

    /// The metrics of the model that is served under `name`; the same counters for the same name.
    pub fn model(&self, name: &str) -> Arc<ModelMetrics> {
        self.models.of(name)
    }

    /// HTTP requests that are being worked on now.
    pub fn in_flight(&self) -> usize {
        self.requests.in_flight()
    }

    /// A request that begins now. `route` is the template of its path.
    pub fn open(&self, route: Option<MatchedPath>, method: &Method) -> Open<'_> {
        Open::new(&self.requests, route, method)
    }

    /// What is true of a model now.
    pub fn set_model(&self, model: &ModelMetrics, stats: Stats, is_loaded: bool, is_loading: bool) {
        model.set_stats(stats);
        self.loaded.with_label_values(&[model.name()]).set(is_loaded.into());
        self.loading.with_label_values(&[model.name()]).set(is_loading.into());
    }

    /// Everything, in Prometheus' text format; see [`Metrics::CONTENT_TYPE`].
    ///
    /// # Errors
    /// If a metric cannot be written, which would be the program's own mistake.
    pub fn render(&self) -> Result<String, MetricsError> {
        if let Some(bytes) = process::resident_memory() {
            self.resident_memory.set(bytes);
        }
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// The format of [`Metrics::render`].
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
}
