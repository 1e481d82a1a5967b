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

/// The metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    models: Families,
    loaded: IntGaugeVec,
    loading: IntGaugeVec,
    resident_memory: IntGauge,
}

impl Metrics {
    /// # Errors
    /// If two metrics have the same name, or a name is invalid.
    pub fn new() -> Result<Arc<Self>, MetricsError> {
        let registry = Registry::new();
        let add = Registrar(&registry);
        let build = add.gauges("infa_build_info", "The running version; always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        // The names of Prometheus' own client libraries, which dashboards know.
        let started = Gauge::new("process_start_time_seconds", "Start time of the process in seconds since 1970.")?;
        started.set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));
        add.register(started)?;
        let resident_memory =
            add.register(IntGauge::new("process_resident_memory_bytes", "Resident memory of the process in bytes.")?)?;
        Ok(Arc::new(Self {
            requests: Requests::new(add)?,
            models: Families::new(add)?,
            loaded: add.gauges("infa_model_loaded", "1 if the model is in memory, ready for requests.", &["model"])?,
            loading: add.gauges("infa_model_loading", "1 while the model is downloaded or loaded.", &["model"])?,
            resident_memory,
            registry,
        }))
    }

    /// The metrics of the model served under `name`; the same counters for the same name.
    pub fn model(&self, name: &str) -> Arc<ModelMetrics> {
        self.models.of(name)
    }

    /// Number of HTTP requests in progress.
    pub fn in_flight(&self) -> usize {
        self.requests.in_flight()
    }

    /// Begins a request. `route`: the template of its path.
    pub fn open(&self, route: Option<MatchedPath>, method: &Method) -> Open<'_> {
        Open::new(&self.requests, route, method)
    }

    /// Sets the current state of a model.
    pub fn set_model(&self, model: &ModelMetrics, stats: Stats, is_loaded: bool, is_loading: bool) {
        model.set_stats(stats);
        self.loaded.with_label_values(&[model.name()]).set(is_loaded.into());
        self.loading.with_label_values(&[model.name()]).set(is_loading.into());
    }

    /// All metrics in Prometheus' text format; see [`Metrics::CONTENT_TYPE`].
    ///
    /// # Errors
    /// If a metric cannot be written: a bug.
    pub fn render(&self) -> Result<String, MetricsError> {
        if let Some(bytes) = process::resident_memory() {
            self.resident_memory.set(bytes);
        }
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// The format of [`Metrics::render`].
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
}
