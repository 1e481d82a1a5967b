//! What Prometheus is told at `/metrics`: one registry a server, so that several in one process never mix.
//!
//! Labels are bounded: routes by their template, models by the names they are served under, the rest by words that
//! stand in this folder.

mod model;
mod process;
mod requests;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

pub use model::{ModelMetrics, Outcome, Work};
pub use requests::{RefusalCode, record};

use super::models::Models;

/// A metric that cannot be registered: the program's own mistake, found by the first server of any test.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// All that is counted and measured.
pub struct Metrics {
    registry: Registry,
    requests: requests::Requests,
    models: model::Families,
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
            requests: requests::Requests::new(add)?,
            models: model::Families::new(add)?,
            loaded: add.gauges("infa_model_loaded", "1 if the model is in memory, ready for requests.", &["model"])?,
            loading: add.gauges("infa_model_loading", "1 while the model is fetched or loaded.", &["model"])?,
            resident_memory,
            registry,
        }))
    }

    /// What is counted of the model that is served under `name`; the same counters for the same name.
    pub fn model(&self, name: &str) -> Arc<ModelMetrics> {
        self.models.of(name)
    }

    /// HTTP requests that are being worked on now.
    pub fn in_flight(&self) -> usize {
        self.requests.in_flight()
    }

    /// Everything, in Prometheus' text format; see [`Metrics::CONTENT_TYPE`].
    ///
    /// # Errors
    /// If a metric cannot be written, which would be the program's own mistake.
    pub fn render(&self, models: &Models) -> Result<String, MetricsError> {
        for model in models.all() {
            let name = model.spec.name.as_str();
            model.spec.metrics.engine(model.service().map(|service| service.stats()).unwrap_or_default());
            self.loaded.with_label_values(&[name]).set(model.is_loaded().into());
            self.loading.with_label_values(&[name]).set(model.is_loading().into());
        }
        if let Some(bytes) = process::resident_memory() {
            self.resident_memory.set(bytes);
        }
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }

    /// The format of [`Metrics::render`].
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
}

/// Makes metrics and registers them.
#[derive(Clone, Copy)]
struct Registrar<'r>(&'r Registry);

impl Registrar<'_> {
    fn register<C: Collector + Clone + 'static>(self, metric: C) -> Result<C, MetricsError> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counters(self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, MetricsError> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauges(self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, MetricsError> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histograms(
        self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, MetricsError> {
        self.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?)
    }
}

/// Upper bounds of durations, in seconds.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
