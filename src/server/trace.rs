//! Traces of requests, sent to an OpenTelemetry collector.
//!
//! Each request is a span that continues the caller's trace (`traceparent`), with child spans for tokenization, queue
//! and inference. A bounded queue collects the spans and a separate thread sends them: a slow or missing collector
//! costs spans, never requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};

use crate::engine::Times;
use crate::panic_guard::catch_panic;

/// The collector and the name of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceOptions {
    /// The collector's URL, such as `http://localhost:4318`; `/v1/traces` is appended if missing.
    pub endpoint: String,
    /// `service.name` of the spans.
    pub service: String,
}

impl TraceOptions {
    /// The flags, or else OpenTelemetry's own variables; `None` if neither names a collector.
    pub fn resolve(endpoint: Option<String>, service: Option<String>) -> Option<Self> {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = endpoint.filter(|url| !url.is_empty());
        let endpoint = endpoint
            .or_else(|| var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
            .or_else(|| var("OTEL_EXPORTER_OTLP_ENDPOINT"))?;
        let service = service.or_else(|| var("OTEL_SERVICE_NAME")).unwrap_or_else(|| "infa".into());
        Some(Self { endpoint, service })
    }
}

/// An endpoint that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("--otlp-endpoint: {0}")]
pub struct TraceError(String);

/// The tracer of requests.
pub struct Tracing {
    provider: SdkTracerProvider,
    pub(super) tracer: SdkTracer,
    pub(super) propagator: TraceContextPropagator,
}

impl Tracing {
    /// Starts the sending thread. Headers for the collector come from `OTEL_EXPORTER_OTLP_HEADERS`, sampling from
    /// `OTEL_TRACES_SAMPLER`, batching from `OTEL_BSP_*`. Must not be called by a thread that runs async code.
    ///
    /// # Errors
    /// An endpoint that is not an http or https URL.
    pub fn start(options: &TraceOptions) -> Result<Arc<Self>, TraceError> {
        let TraceOptions { endpoint, service } = options;
        if !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
            return Err(TraceError("it must be a URL that begins with http:// or https://".into()));
        }
        let base = endpoint.trim_end_matches('/');
        let url = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
        // Fails if another part of the program has installed one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder().timeout(SEND).redirect(reqwest::redirect::Policy::none());
        let client = client.build().map_err(|e| TraceError(format!("no HTTP client: {e}")))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(url)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(SEND)
            .build()
            .map_err(|e| TraceError(e.to_string()))?;
        let resource = Resource::builder()
            .with_service_name(service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        // It panics if no thread can be started.
        let provider = catch_panic(|| {
            SdkTracerProvider::builder()
                .with_batch_exporter(WarnOnce { exporter, failed: AtomicBool::new(false) })
                .with_resource(resource)
                .build()
        });
        let provider = provider.map_err(|e| TraceError(format!("no thread can be started: {e}")))?;
        let tracer = provider.tracer("infa");
        Ok(Arc::new(Self { provider, tracer, propagator: TraceContextPropagator::new() }))
    }

    /// Sends the remaining spans, within `patience`. Must not be called by a thread that runs async code.
    pub fn stop(&self, patience: Duration) {
        if let Err(e) = self.provider.shutdown_with_timeout(patience) {
            tracing::debug!("the last traces were not sent: {e}");
        }
    }
}

const PATH: &str = "/v1/traces";
/// Timeout of one batch.
const SEND: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// The span of the task's request, if it is traced.
    static CURRENT: (Arc<Tracing>, Context);
}

/// Runs `work` inside the span of `context`.
pub(crate) async fn scope<T>(tracing: Arc<Tracing>, context: Context, work: impl Future<Output = T>) -> T {
    CURRENT.scope((tracing, context), work).await
}

/// Records child spans of the current request for the phases of a model call that began at `started`.
pub(crate) fn phases(model: &str, started: SystemTime, times: &Times, tokens: usize) {
    let _ = CURRENT.try_with(|(tracing, parent)| {
        let Times { tokenize, queue, infer } = *times;
        let mut begin = started;
        for (name, duration) in [("tokenize", tokenize), ("queue", queue), ("infer", infer)] {
            let end = begin + duration;
            let attributes = [
                KeyValue::new("infa.model", model.to_owned()),
                KeyValue::new("infa.tokens", i64::try_from(tokens).unwrap_or(i64::MAX)),
            ];
            let builder = tracing.tracer.span_builder(name).with_start_time(begin).with_attributes(attributes);
            builder.start_with_context(&tracing.tracer, parent).end_with_timestamp(end);
            begin = end;
        }
    });
}

/// An exporter that warns about the first of several failures in a row.
#[derive(Debug)]
struct WarnOnce<E> {
    exporter: E,
    failed: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for WarnOnce<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        match &sent {
            Ok(()) => self.failed.store(false, Ordering::Relaxed),
            Err(e) if !self.failed.swap(true, Ordering::Relaxed) => tracing::warn!(
                "traces cannot be sent to the collector of --otlp-endpoint, which must speak OTLP over HTTP (usually port \
                 4318): {e}; this warning is not repeated until it works"
            ),
            Err(_) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
