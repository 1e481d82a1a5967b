//! The request's id and its line in the access log.

use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

use crate::server::routes::is_health;

/// The header of the id, in requests and responses.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum characters of a client's id, and of a path in the log.
const MAX_ID: usize = 128;
const MAX_PATH: usize = 256;

/// The request's id, a request extension: visible ASCII.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The client's id if it is safe for a log, else a new one.
    fn of(request: &Request) -> Self {
        let sane =
            |id: &&HeaderValue| (1..=MAX_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
        let sent = request.headers().get(HEADER).filter(sane).cloned();
        // A UUID is always a valid header value.
        let new = || HeaderValue::try_from(Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("-"));
        Self(sent.unwrap_or_else(new))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }
}

/// A request in progress. Dropping it without a response means that the client is gone.
struct Access {
    method: Method,
    path: String,
    id: RequestId,
    begun: Instant,
    responded: bool,
}

impl Access {
    fn of(request: &Request, id: RequestId) -> Self {
        let path = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0).path();
        // The query may hold private data.
        let path = path.chars().take(MAX_PATH).collect();
        Self { method: request.method().clone(), path, id, begun: Instant::now(), responded: false }
    }

    /// `status`: 499, as nginx logs it, if the client went away.
    fn log(&self, status: u16, bytes: Option<u64>) {
        let ms = (self.begun.elapsed().as_secs_f64() * 1e5).round() / 1e2;
        let Self { method, path, id, .. } = self;
        // Health checks are frequent and would flood the log.
        if is_health(path) && status < 400 {
            tracing::debug!(target: "infa::access", %method, path, status, ms, id = id.as_str(), bytes, "request");
        } else {
            tracing::info!(target: "infa::access", %method, path, status, ms, id = id.as_str(), bytes, "request");
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if !self.responded {
            self.log(499, None);
        }
    }
}

pub(crate) async fn give(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let mut access = Access::of(&request, id.clone());
    let span = tracing::info_span!("request", id = id.as_str());
    let mut response = next.run(request).instrument(span).await;
    access.responded = true;
    access.log(response.status().as_u16(), response.body().size_hint().exact());
    response.headers_mut().insert(HEADER, id.0);
    response
}
