//! The listening socket: a TCP port or a Unix socket.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

#[cfg(unix)]
use super::unix_socket::UnixSocket;
use crate::server::{Bound, Listen, ServeError};

/// Pause after a failed accept, usually for lack of file descriptors: connections that end meanwhile free theirs.
const PAUSE: Duration = Duration::from_millis(100);

/// Minimum interval of the log's warning about it.
const COMPLAINT: Duration = Duration::from_secs(10);

/// A new connection.
pub(crate) enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

pub(crate) struct Listener {
    socket: Socket,
    bound: Bound,
    complained: Option<Instant>,
    /// Number of times that the system had no file descriptor for a connection.
    shortage: watch::Sender<u64>,
}

impl Listener {
    pub(crate) async fn bind(listen: &Listen) -> Result<Self, ServeError> {
        let (socket, bound) = match listen {
            Listen::Tcp { host, port, tls } => {
                let fail = |error| ServeError::Bind { host: host.clone(), port: *port, error };
                // An IPv6 address may stand in brackets, as in a URL.
                let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                let listener = TcpListener::bind((name, *port)).await.map_err(fail)?;
                let address = listener.local_addr().map_err(fail)?;
                (Socket::Tcp(listener), Bound::Tcp { address, tls: tls.is_some() })
            }
            #[cfg(unix)]
            Listen::Unix { unix_socket } => {
                (Socket::Unix(UnixSocket::bind(unix_socket)?), Bound::Unix(unix_socket.clone()))
            }
            #[cfg(not(unix))]
            Listen::Unix { unix_socket } => {
                let error = io::ErrorKind::Unsupported.into();
                return Err(ServeError::UnixSocket { path: unix_socket.clone(), error });
            }
        };
        Ok(Self { socket, bound, complained: None, shortage: watch::Sender::new(0) })
    }

    pub(crate) fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Changes whenever file descriptors run out: then idle connections should close.
    pub(crate) fn shortage(&self) -> watch::Receiver<u64> {
        self.shortage.subscribe()
    }

    /// The next connection; errors in between are retried. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> Accepted {
        loop {
            let accepted = match &self.socket {
                Socket::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    // Responses are written in one piece: Nagle's algorithm would only delay their end.
                    let _ = stream.set_nodelay(true);
                    Accepted::Tcp(stream)
                }),
                #[cfg(unix)]
                Socket::Unix(socket) => socket.accept().await.map(Accepted::Unix),
            };
            match accepted {
                Ok(accepted) => return accepted,
                Err(e) if is_the_clients(&e) => {}
                Err(e) => {
                    if self.complained.is_none_or(|at| at.elapsed() > COMPLAINT) {
                        self.complained = Some(Instant::now());
                        tracing::warn!("no connection can be accepted for now: {e}");
                    }
                    self.shortage.send_modify(|times| *times += 1);
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// True if the client was gone before its connection was accepted.
fn is_the_clients(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(e.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
