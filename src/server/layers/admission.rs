//! How much work is let in: `--max-concurrent-requests`, and none when the server is going down.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use super::error_for;
use crate::server::{ApiError, App};

/// When a client that was turned away should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What decides who is let in.
#[derive(Clone)]
pub struct Door {
    app: Arc<App>,
    places: Arc<Semaphore>,
}

impl Door {
    pub fn new(app: &Arc<App>) -> Self {
        let places = app.limits.concurrent_requests.min(Semaphore::MAX_PERMITS);
        Self { app: Arc::clone(app), places: Arc::new(Semaphore::new(places)) }
    }

    fn refusal(&self, status: StatusCode, message: impl Into<String>, code: &'static str) -> ApiError {
        ApiError { retry_after: Some(RETRY_AFTER), ..ApiError::new(status, message).code(code) }
    }
}

/// Only what asks for work is bounded: health, metrics, models and documentation (all GET) are answered always.
pub async fn admit(State(door): State<Door>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let path = request.uri().path();
    if door.app.is_draining() {
        let message = "the server is shutting down";
        return error_for(path, door.refusal(StatusCode::SERVICE_UNAVAILABLE, message, "draining"));
    }
    let Ok(_place) = door.places.try_acquire() else {
        let message =
            format!("{} requests are being served already; try again later", door.app.limits.concurrent_requests);
        return error_for(path, door.refusal(StatusCode::TOO_MANY_REQUESTS, message, "too_many_requests"));
    };
    next.run(request).await
}
