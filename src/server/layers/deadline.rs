//! `--request-timeout`. A request over its time is dropped, and its remaining work is cancelled.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::server::ApiError;

pub(crate) async fn bound(State(limit): State<Option<Duration>>, request: Request, next: Next) -> Response {
    let Some(limit) = limit else { return next.run(request).await };
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("no result within {} s (--request-timeout)", limit.as_secs_f64());
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).code("timeout").into_response()
    })
}
