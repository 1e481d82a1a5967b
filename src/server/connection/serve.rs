//! Accepts connections, serves each in its own task, and shuts the server down.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::listener::{Accepted, Listener};
use super::one::Connections;
use super::phase::Phase;
use crate::server::{App, Bound, Listen, ServeError, ServerOptions, layers, openapi, routes, tls};

/// Figures of the shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Requests in progress when the shutdown began.
    pub begun: usize,
    /// Connections cut during a request when the time was up.
    pub cut: usize,
}

/// Maximum time for the responses to requests that arrived during the shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer than any server runs, and short enough to be added to an instant.
const FAR_FUTURE: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Serves `app` until `shutdown` completes and requests in progress are finished. `bound` receives the address.
///
/// During the shutdown, `/readyz` and new work get 503. The server ends as soon as no request is left, or when
/// [`ServerOptions::shutdown_timeout`] is over.
///
/// # Errors
/// Errors of the address, the socket's path, TLS files and options.
pub async fn serve(
    app: Arc<App>,
    listen: Listen,
    options: ServerOptions,
    bound: impl FnOnce(&Bound),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Drained, ServeError> {
    let tls = match &listen {
        Listen::Tcp { tls: Some(files), .. } => Some(tls::Certificate::read(files)?),
        _ => None,
    };
    let mut listener = Listener::bind(&listen).await?;
    let routes = routes::router().merge(openapi::router(options.api_keys.are_needed()));
    let routes = routes.with_state(Arc::clone(&app));
    let layers = layers::around(routes, &app, &options, &listen, listener.bound())?;
    bound(listener.bound());

    let phase = watch::Sender::new(Phase::Serving);
    // Each connection that the shutdown waits for holds a ticket.
    let (ticket, mut tickets) = mpsc::channel::<()>(1);
    let mut ticket = Some(ticket);
    let cut = Arc::new(AtomicUsize::new(0));
    let connections = Connections {
        app: Arc::clone(&app),
        layers,
        timeouts: options.timeouts.clone(),
        phase: phase.subscribe(),
        shortage: listener.shortage(),
        cut: Arc::clone(&cut),
    };
    let mut shutdown = std::pin::pin!(shutdown);
    let (mut end, mut begun) = (None, 0);
    loop {
        let times_up = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = listener.accept() => {
                let (connections, ticket) = (connections.clone(), ticket.clone());
                match (accepted, tls.clone()) {
                    (Accepted::Tcp(stream), Some(tls)) => drop(tokio::spawn(connections.handshake(stream, tls, ticket))),
                    (Accepted::Tcp(stream), None) => drop(tokio::spawn(connections.one(Box::new(stream), ticket))),
                    #[cfg(unix)]
                    (Accepted::Unix(stream), _) => drop(tokio::spawn(connections.one(Box::new(stream), ticket))),
                }
            }
            () = &mut shutdown, if end.is_none() => {
                app.drain();
                begun = app.metrics.in_flight();
                end = Some(Instant::now() + options.shutdown_timeout.min(FAR_FUTURE));
                ticket = None;
                phase.send_replace(Phase::Draining);
            }
            // The last ticket is dropped: nothing is ever sent.
            _ = tickets.recv(), if end.is_some() => break,
            () = times_up => break,
        }
    }
    drop((listener, connections));
    phase.send_replace(Phase::Closing);
    // The shutdown timeout limits these responses, too.
    let last = (Instant::now() + FLUSH_TIMEOUT).min(end.unwrap_or_else(Instant::now));
    if timeout_at(last, phase.closed()).await.is_err() {
        phase.send_replace(Phase::Cut);
        // Dropping a connection is immediate; a blocked task does not delay the end.
        let _ = timeout(FLUSH_TIMEOUT, phase.closed()).await;
    }
    Ok(Drained { begun, cut: cut.load(Ordering::SeqCst) })
}
