//! `--max-concurrent-requests`: the limit of requests in progress; during shutdown no new ones are accepted.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::server::{ApiError, App};

/// `Retry-After` of refused requests.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(crate) struct ConcurrencyLimit {
    app: Arc<App>,
    permits: Arc<Semaphore>,
}

impl ConcurrencyLimit {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        let permits = app.limits.concurrent_requests.min(Semaphore::MAX_PERMITS);
        Self { app: Arc::clone(app), permits: Arc::new(Semaphore::new(permits)) }
    }
}

/// Limits requests for work only: health, metrics, models and documentation (all GET) always get a response.
pub(crate) async fn bound(State(limit): State<ConcurrencyLimit>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let refuse = |status, message: String, code| {
        ApiError::new(status, message).code(code).retry_after(RETRY_AFTER).into_response()
    };
    if limit.app.is_draining() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down".into(), "draining");
    }
    let Ok(_permit) = limit.permits.try_acquire() else {
        let most = limit.app.limits.concurrent_requests;
        let message =
            format!("{most} requests are in progress, which is the maximum (--max-concurrent-requests); retry later");
        return refuse(StatusCode::TOO_MANY_REQUESTS, message, "too_many_requests");
    };
    next.run(request).await
}
