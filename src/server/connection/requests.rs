//! Requests of one connection: passed to the layers, with records of their progress.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tower::Service;

use super::activity::{self, Activity};
use crate::server::App;

/// If a request is refused before its body is read, hyper skips the part of the body that has arrived. This much has
/// usually arrived with the headers, so that the connection can be kept, which matters under overload.
const SKIPPED: u64 = 8 << 10;

/// The service that handles requests.
pub(crate) trait Layers:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Layers for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Serves one request.
pub(crate) fn serve<L: Layers>(
    request: hyper::Request<Incoming>,
    layers: &L,
    app: &Arc<App>,
    activity: &Arc<Activity>,
) -> impl Future<Output = Result<hyper::Response<ResponseBody>, Infallible>> + Send + use<L> {
    let http2 = request.version() >= Version::HTTP_2;
    let mut watched = activity.begin(http2);
    let (mut layers, app, activity) = (layers.clone(), Arc::clone(app), Arc::clone(activity));
    if request.body().is_end_stream() {
        activity.has_read_all();
    }
    async move {
        let request = request.map(|incoming| Body::new(Upload { incoming, http2, activity: Arc::clone(&activity) }));
        let Ok(mut response) = layers.call(request).await;
        // The rest of a body that was too slow is not awaited.
        let slow = response.status() == StatusCode::REQUEST_TIMEOUT;
        if !http2 && (slow || app.is_draining() || activity.is_abandoned()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        watched.progress();
        Ok(response.map(|body| ResponseBody { body, request: watched }))
    }
}

/// A request body.
struct Upload {
    incoming: Incoming,
    http2: bool,
    activity: Arc<Activity>,
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.incoming).poll_frame(context));
        if frame.is_none() || this.incoming.is_end_stream() {
            this.activity.has_read_all();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.incoming.is_end_stream() {
            self.activity.leave_unread();
            // HTTP/2 resets one stream and keeps the others.
            if !self.http2 && self.incoming.size_hint().upper().is_none_or(|left| left > SKIPPED) {
                self.activity.abandon();
            }
        }
    }
}

/// The body of a response, which records what the connection takes over.
pub(crate) struct ResponseBody {
    body: Body,
    request: activity::Request,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        this.request.progress();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
