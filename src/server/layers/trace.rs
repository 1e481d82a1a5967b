//! Records a span of each request, if a collector is named.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;

use super::request_id::RequestId;
use crate::server::trace::{Tracing, scope};

pub(crate) async fn record(State(tracing): State<Arc<Tracing>>, request: Request, next: Next) -> Response {
    let parent = tracing.propagator.extract_with_context(&Context::new(), &HeaderExtractor(request.headers()));
    let method = request.method().to_string();
    let mut attributes = vec![KeyValue::new("url.path", request.uri().path().to_owned())];
    let name = match request.extensions().get::<MatchedPath>() {
        Some(route) => {
            attributes.push(KeyValue::new("http.route", route.as_str().to_owned()));
            format!("{method} {}", route.as_str())
        }
        None => method.clone(),
    };
    attributes.push(KeyValue::new("http.request.method", method));
    if let Some(id) = request.extensions().get::<RequestId>() {
        attributes.push(KeyValue::new("infa.request_id", id.as_str().to_owned()));
    }
    let builder = tracing.tracer.span_builder(name).with_kind(SpanKind::Server).with_attributes(attributes);
    let context = parent.with_span(builder.start_with_context(&tracing.tracer, &parent));
    // A dropped span ends, so that a request whose client goes away has one as well.
    let response = scope(Arc::clone(&tracing), context.clone(), next.run(request)).await;
    let span = context.span();
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(response.status().as_u16())));
    if response.status().is_server_error() {
        span.set_status(Status::error(response.status().as_str().to_owned()));
    }
    span.end();
    response
}
