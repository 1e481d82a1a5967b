//! Sockets: what is listened on, and the way of a connection until its requests are routed.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::{App, routes};

/// Where the server listens.
#[derive(Debug, Clone)]
pub enum Listen {
    /// A TCP address.
    Tcp(SocketAddr),
}

/// Serves `app` until `shutdown` is done; `bound` is told the address.
pub async fn serve(
    app: Arc<App>,
    listen: Listen,
    bound: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Listen::Tcp(address) = listen;
    let listener = TcpListener::bind(address).await?;
    bound(listener.local_addr()?);
    axum::serve(listener, routes::router(app)).with_graceful_shutdown(shutdown).await
}
