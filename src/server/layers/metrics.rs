//! Counts and measures all requests.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::server::metrics::Metrics;

pub(crate) async fn record(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut open = metrics.open(route, request.method());
    let response = next.run(request).await;
    open.responded(&response);
    response
}
