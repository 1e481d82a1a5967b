//! One connection, from its first byte to its last: HTTP/1.1 or HTTP/2, watched over.

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

/// Whether the peer of an HTTP/2 connection is still there is asked this often.
const PING: Duration = Duration::from_secs(20);

/// A connection that is serving requests is looked after this often.
const PATROL: Duration = Duration::from_secs(30);

/// Where files are short, connections from which nothing has come for so long are closed.
const SILENCE: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Clone)]
pub struct Connections<L> {
    pub app: Arc<App>,
    pub layers: L,
    pub timeouts: Timeouts,
    pub phase: watch::Receiver<Phase>,
    /// Changes whenever there is no file for another connection.
    pub shortage: watch::Receiver<u64>,
    /// Connections that were cut in the middle of a request.
    pub cut: Arc<AtomicUsize>,
}

/// What the server waits for before it ends: that nobody holds one of these.
pub type Ticket = mpsc::Sender<()>;

/// What happens to a connection.
enum Event {
    /// It is over.
    Ended,
    /// The client kept the server waiting for too long.
    Overdue(Waiting),
    /// The server comes nearer to its end.
    Phase(Phase),
    /// There is no file for another connection.
    Shortage,
}

impl<L: Layers> Connections<L> {
    /// A connection that begins with TLS.
    pub async fn handshake(self, stream: TcpStream, tls: Certificate, ticket: Option<Ticket>) {
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
            Ok(Err(e)) => tracing::debug!("no TLS with a client: {e}"),
            Err(_) => tracing::debug!("no TLS with a client in time"),
        }
    }

    /// A connection.
    pub async fn one(self, stream: Box<dyn Stream>, ticket: Option<Ticket>) {
        let Self { app, layers, timeouts, mut phase, mut shortage, cut } = self;
        shortage.mark_unchanged();
        let mut now = *phase.borrow_and_update();
        let mut ticket = ticket.filter(|_| now == Phase::Serving);
        let activity = Arc::new(Activity::new());
        let socket = Socket::new(stream, timeouts.write, Arc::clone(&activity));
        let service = service_fn(|request| requests::serve(request, &layers, &app, &activity));
        let protocols = protocols();
        let mut connection = pin!(protocols.serve_connection(TokioIo::new(socket), service));
        let mut timer = pin!(sleep_until(Instant::now() + timeouts.header));
        // Set once a client is asked to leave that only sits there.
        let mut leave: Option<Instant> = None;
        loop {
            let deadline = || leave.map(|at| (at, Waiting::Request)).or_else(|| activity.deadline(&timeouts));
            let event = tokio::select! {
                biased;
                event = watch(connection.as_mut(), timer.as_mut(), deadline) => event,
                // Without a server there is nothing to serve.
                next = phase.wait_for(|&phase| phase > now) => Event::Phase(next.map_or(Phase::Cut, |phase| *phase)),
                Ok(()) = shortage.changed() => Event::Shortage,
            };
            match event {
                Event::Ended | Event::Overdue(Waiting::Reader) => return,
                Event::Overdue(Waiting::Head) => {
                    activity.give_up();
                    // Asked for more of the head once again, the socket tells the client, and that ends it.
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
                    // A client about to send its first request learns from the reply that the server is going down.
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

/// HTTP as it is spoken here.
fn protocols() -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    // hyper's own clock for heads runs while a connection is idle, too: it would close idle connections as if they were
    // slow. `Activity` tells the two apart.
    protocols.http1().timer(TokioTimer::new()).header_read_timeout(None);
    protocols.http2().timer(TokioTimer::new()).keep_alive_interval(PING);
    protocols
}

/// Drives a connection until it ends or its deadline is over. The timer is never set later than to the deadline; where
/// it goes off too early it is set anew.
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
                // Over HTTP/2 a request may end without a word to this task.
                None => timer.as_mut().reset(now + PATROL),
            }
        }
    })
    .await
}
