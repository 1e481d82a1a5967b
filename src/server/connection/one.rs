//! One connection, HTTP/1.1 or HTTP/2, with its deadlines.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::activity::{Activity, Waiting};
use super::phase::Phase;
use super::requests::{self, Layers};
use super::socket::{Socket, Stream};
use crate::server::tls::Certificate;
use crate::server::{App, Timeouts};

/// Interval of pings to the peer of an HTTP/2 connection.
const PING: Duration = Duration::from_secs(20);

/// Interval of checks of a connection that serves requests.
const PATROL: Duration = Duration::from_secs(30);

/// When file descriptors run out, connections without any byte for this long are closed.
const SILENCE: Duration = Duration::from_secs(1);

/// The state that all connections share.
#[derive(Clone)]
pub(crate) struct Connections<L> {
    pub app: Arc<App>,
    pub layers: L,
    pub timeouts: Timeouts,
    pub phase: watch::Receiver<Phase>,
    /// Changes whenever file descriptors run out.
    pub shortage: watch::Receiver<u64>,
    /// Number of connections that were cut during a request.
    pub cut: Arc<AtomicUsize>,
}

/// The server ends when all of these are dropped.
pub(crate) type Ticket = mpsc::Sender<()>;

/// An event of a connection.
enum Event {
    Ended,
    /// The client was too slow.
    Overdue(Waiting),
    /// The shutdown proceeds.
    Phase(Phase),
    /// File descriptors ran out.
    Shortage,
}

impl<L: Layers> Connections<L> {
    /// Serves a connection that begins with TLS.
    pub(crate) async fn handshake(self, stream: TcpStream, tls: Certificate, ticket: Option<Ticket>) {
        let mut phase = self.phase.clone();
        let ticket = ticket.map(|ticket| ticket.downgrade());
        let handshake = async { tls.acceptor().await.accept(stream).await };
        let agreed = tokio::select! {
            agreed = timeout(self.timeouts.handshake, handshake) => agreed,
            _ = phase.wait_for(|&phase| phase >= Phase::Closing) => return,
        };
        drop(phase);
        match agreed {
            Ok(Ok(stream)) => self.one(Box::new(stream), ticket.and_then(|ticket| ticket.upgrade())).await,
            Ok(Err(e)) => tracing::debug!("TLS handshake failed: {e}"),
            Err(_) => tracing::debug!("TLS handshake timed out"),
        }
    }

    pub(crate) async fn one(self, stream: Box<dyn Stream>, ticket: Option<Ticket>) {
        let Self { app, layers, timeouts, mut phase, mut shortage, cut } = self;
        shortage.mark_unchanged();
        let mut now = *phase.borrow_and_update();
        let mut ticket = ticket.filter(|_| now == Phase::Serving);
        let activity = Arc::new(Activity::new());
        let socket = Socket::new(stream, &timeouts, Arc::clone(&activity));
        let service = service_fn(|request| requests::serve(request, &layers, &app, &activity));
        let protocols = protocols();
        let mut connection = pin!(protocols.serve_connection(TokioIo::new(socket), service));
        let mut timer = pin!(sleep_until(Instant::now() + timeouts.header));
        // The time by which an idle client must have closed the connection, once the server wants it closed.
        let mut leave: Option<Instant> = None;
        loop {
            let deadline = || leave.map(|at| (at, Waiting::Request)).or_else(|| activity.deadline(&timeouts));
            let event = tokio::select! {
                biased;
                event = watch(connection.as_mut(), timer.as_mut(), deadline) => event,
                // The sender is gone only if the server is.
                next = phase.wait_for(|&phase| phase > now) => Event::Phase(next.map_or(Phase::Cut, |phase| *phase)),
                Ok(()) = shortage.changed() => Event::Shortage,
            };
            match event {
                Event::Ended | Event::Overdue(Waiting::Reader) => return,
                Event::Overdue(Waiting::Head) => {
                    activity.give_up();
                    // Polled once more, the socket sends the 408 and ends the connection.
                    poll_fn(|context| {
                        let _ = connection.as_mut().poll(context);
                        Poll::Ready(())
                    })
                    .await;
                    return;
                }
                Event::Shortage if activity.is_silent(SILENCE) => return,
                Event::Shortage if !activity.is_idle() || leave.is_some() => {}
                Event::Overdue(Waiting::Request) if leave.is_some() => return,
                Event::Overdue(Waiting::Request) | Event::Shortage => {
                    leave = Some(Instant::now() + timeouts.write);
                    connection.as_mut().graceful_shutdown();
                }
                Event::Phase(Phase::Cut) => {
                    if activity.is_busy() {
                        cut.fetch_add(1, Ordering::SeqCst);
                    }
                    return;
                }
                Event::Phase(next) => {
                    now = next;
                    // A client that is about to send its first request gets a response that says so.
                    if activity.is_used() || next == Phase::Closing {
                        connection.as_mut().graceful_shutdown();
                    } else {
                        drop(ticket.take());
                    }
                }
            }
        }
    }
}

/// The settings of HTTP.
fn protocols() -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    // hyper's timeout for headers also runs while a connection is idle: it would close idle connections as if they were
    // slow. `Activity` distinguishes the two.
    protocols.http1().timer(TokioTimer::new()).header_read_timeout(None);
    protocols.http2().timer(TokioTimer::new()).keep_alive_interval(PING);
    protocols
}

/// Drives a connection until it ends or its deadline is over. The timer is never set later than the deadline; if it
/// fires too early, it is set again.
async fn watch<C: Future>(
    mut connection: Pin<&mut C>,
    mut timer: Pin<&mut Sleep>,
    deadline: impl Fn() -> Option<(Instant, Waiting)>,
) -> Event {
    poll_fn(|context| {
        if connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Ended);
        }
        loop {
            let deadline = deadline();
            if let Some((at, _)) = deadline
                && at < timer.deadline()
            {
                timer.as_mut().reset(at);
            }
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            match deadline {
                Some((at, waiting)) if at <= now => return Poll::Ready(Event::Overdue(waiting)),
                Some((at, _)) => timer.as_mut().reset(at),
                // Over HTTP/2, a request may end without waking this task.
                None => timer.as_mut().reset(now + PATROL),
            }
        }
    })
    .await
}
