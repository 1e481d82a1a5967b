//! A client's socket for HTTP: slow readers are cut, slow headers get 408, and a client that is still sending can read
//! its complete response.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_io_timeout::TimeoutWriter;

use super::activity::{Activity, HALF_CLOSE};
use crate::server::Timeouts;

/// A connection of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Maximum time and bytes that are read from a client that is still sending after its response. Closing the socket over
/// unread bytes would reset the connection, and the client's system may then discard the response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 << 20;

/// The response to headers that take too long.
const SLOW_HEAD: &str = concat!(
    "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 127\r\n\r\n",
    r#"{"error":{"message":"the request's headers come too slowly","type":"invalid_request_error","param":null,"code":"slow_headers"}}"#,
);

pub(crate) struct Socket {
    stream: Pin<Box<TimeoutWriter<Box<dyn Stream>>>>,
    activity: Arc<Activity>,
    linger: Option<(Pin<Box<Sleep>>, usize)>,
    /// The time until which a half-closed client may wait for its response, and whether its request is whole.
    end: Option<(Pin<Box<Sleep>>, bool)>,
    half_closed: Duration,
}

impl Socket {
    pub(crate) fn new(stream: Box<dyn Stream>, timeouts: &Timeouts, activity: Arc<Activity>) -> Self {
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(timeouts.write));
        Self { stream: Box::pin(stream), activity, linger: None, end: None, half_closed: timeouts.half_closed }
    }

    /// The client has closed its side. Keeps hyper, which would drop the request, from this as long as the client waits
    /// for its response.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.end.is_none() && self.activity.has_just_sent() {
            self.end = Some((Box::pin(sleep(HALF_CLOSE)), false));
        }
        let Some((timer, is_whole)) = &mut self.end else { return Poll::Ready(Ok(())) };
        while self.activity.awaits_response() {
            ready!(timer.as_mut().poll(context));
            if *is_whole || !self.activity.is_whole() {
                break;
            }
            *is_whole = true;
            timer.as_mut().reset(Instant::now() + self.half_closed);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (timer, left) = self.linger.get_or_insert_with(|| (Box::pin(sleep(LINGER)), LINGER_BYTES));
        let mut space = [0; 8192];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match self.stream.as_mut().poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && *left > 0 => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.as_mut().poll(context),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.activity.is_given_up() {
            // If the socket is full, the client does not read anyway.
            if this.stream.as_mut().poll_write(context, SLOW_HEAD.as_bytes()).is_ready() {
                let _ = this.stream.as_mut().poll_flush(context);
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(this.stream.as_mut().poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            this.activity.received();
            return Poll::Ready(Ok(()));
        }
        this.poll_end(context)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.stream.as_mut().poll_write(context, data);
        this.activity.sent(written.is_ready());
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(this.stream.as_mut().poll_shutdown(context))?;
        }
        if this.activity.has_unread() { this.poll_linger(context).map(Ok) } else { Poll::Ready(Ok(())) }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.stream.as_mut().poll_write_vectored(context, data);
        this.activity.sent(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
