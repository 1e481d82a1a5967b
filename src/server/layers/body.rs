//! Reads and decompresses the whole body before the route sees it, with limits of size, compressed or not, and of time.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::server::ApiError;
use crate::server::memory::{BodyBudget, BodyPermit};

#[derive(Debug, Clone)]
pub(crate) struct BodyLimits {
    /// Maximum bytes, after decompression.
    pub bytes: usize,
    /// The budget of all requests together.
    pub memory: BodyBudget,
    /// Maximum pause between two pieces.
    pub timeout: Duration,
    /// During shutdown, maximum time for all that is missing.
    pub last: Duration,
    pub draining: watch::Receiver<bool>,
}

/// Minimum bytes per second on average once [`BodyLimits::timeout`] is over: a body sent byte by byte would otherwise
/// hold a request's permit for days.
const MIN_BYTES_PER_SECOND: u64 = 1024;

/// `Retry-After` for a body that was late at shutdown: another server may take its place.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Maximum bytes that are reserved because of a header.
const MAX_RESERVED: usize = 1 << 20;

/// Compressed bytes that are decompressed at once (to at most 1,032 times as many).
const INFLATED_AT_ONCE: usize = 1024;

pub(crate) async fn read(State(limits): State<BodyLimits>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let encoding = parts.headers.remove(header::CONTENT_ENCODING);
    let gzip = match encoding.as_ref().map(|encoding| encoding.as_bytes().trim_ascii().to_ascii_lowercase()).as_deref()
    {
        None | Some(b"" | b"identity") => false,
        Some(b"gzip" | b"x-gzip") => true,
        Some(_) => {
            let message = "unsupported Content-Encoding: bodies are plain or gzip";
            let error = ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).code("unsupported_encoding");
            let mut refusal = error.into_response();
            refusal.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
            return refusal;
        }
    };
    // Held until the response: the values parsed from a body take as much again.
    let mut permit = limits.memory.permit();
    match limits.read(body, gzip, &mut permit).await {
        Ok(bytes) => {
            parts.headers.remove(header::TRANSFER_ENCODING);
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
        Err(error) => error.into_response(),
    }
}

impl BodyLimits {
    async fn read(&self, mut body: Body, gzip: bool, permit: &mut BodyPermit) -> Result<Bytes, ApiError> {
        let announced = body.size_hint().exact().and_then(|n| usize::try_from(n).ok());
        if !gzip && body.size_hint().lower() > self.bytes as u64 {
            return Err(self.too_large());
        }
        let mut bounded = Bounded { bytes: BytesMut::new(), limit: self.bytes };
        let mut inflating = gzip.then(|| MultiGzDecoder::new(Bounded { bytes: BytesMut::new(), limit: self.bytes }));
        let (begun, mut received) = (Instant::now(), 0);
        // A client that stopped inside its body must not delay the shutdown.
        let (mut draining, mut ending) = (self.draining.clone(), None);
        loop {
            let allowed = Duration::from_secs(received / MIN_BYTES_PER_SECOND);
            let patience = (Instant::now() + self.timeout).min(begun + self.timeout + allowed);
            let patience = ending.map_or(patience, |(since, before)| {
                patience.min(since + self.last + Duration::from_secs((received - before) / MIN_BYTES_PER_SECOND))
            });
            let frame = tokio::select! {
                biased;
                frame = timeout_at(patience, body.frame()) => frame,
                _ = draining.wait_for(|&draining| draining), if ending.is_none() => {
                    ending = Some((Instant::now(), received));
                    continue;
                }
            };
            let frame = match frame {
                Ok(Some(frame)) => frame.map_err(|e| broken(format!("the body ends too early: {e}")))?,
                Ok(None) => break,
                Err(_) if ending.is_some() => return Err(self.too_late()),
                Err(_) => return Err(self.too_slow()),
            };
            let Ok(data) = frame.into_data() else { continue };
            received += data.len() as u64;
            match &mut inflating {
                Some(decoder) => {
                    for piece in data.chunks(INFLATED_AT_ONCE) {
                        decoder.write_all(piece).map_err(|e| self.not_inflated(&e))?;
                        permit.grow(decoder.get_ref().bytes.len())?;
                        // Decompression takes time: other tasks run in between.
                        tokio::task::yield_now().await;
                    }
                }
                // Most bodies arrive in one piece.
                None if bounded.bytes.is_empty() && body.is_end_stream() && data.len() <= self.bytes => {
                    permit.grow(data.len())?;
                    return Ok(data);
                }
                None => {
                    if bounded.bytes.is_empty() {
                        bounded.bytes.reserve(announced.unwrap_or(0).min(MAX_RESERVED));
                    }
                    bounded.write_all(&data).map_err(|_| self.too_large())?;
                    permit.grow(bounded.bytes.len())?;
                }
            }
        }
        let bytes = match inflating {
            Some(decoder) => decoder.finish().map_err(|e| self.not_inflated(&e))?.bytes,
            None => bounded.bytes,
        };
        Ok(bytes.freeze())
    }

    fn too_large(&self) -> ApiError {
        let message = format!("the body has more than {} bytes (--body-limit)", self.bytes);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("body_too_large")
    }

    fn too_slow(&self) -> ApiError {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body arrives too slowly").code("slow_body")
    }

    fn too_late(&self) -> ApiError {
        let message = "the server is shutting down, and the body has not arrived";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).code("draining").retry_after(RETRY_AFTER)
    }

    fn not_inflated(&self, error: &io::Error) -> ApiError {
        match error.kind() {
            io::ErrorKind::FileTooLarge => self.too_large(),
            _ => broken(format!("Content-Encoding is gzip, but the body is not: {error}")),
        }
    }
}

fn broken(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, message).code("broken_body")
}

/// A buffer with a limit: writing more fails before memory is used.
struct Bounded {
    bytes: BytesMut,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > self.limit - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
