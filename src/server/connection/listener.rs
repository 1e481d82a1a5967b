//! What is listened on: a TCP port or a Unix socket.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

#[cfg(unix)]
use super::unix_socket::UnixSocket;
use crate::server::{Bound, Listen, ServeError};

/// How long no connection is accepted after the system could not give one, usually for want of file descriptors:
/// connections that end in the meantime give theirs back.
const PAUSE: Duration = Duration::from_millis(100);

/// That is written to the log once in this time.
const COMPLAINT: Duration = Duration::from_secs(10);

/// A new connection.
pub enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

pub struct Listener {
    socket: Socket,
    bound: Bound,
    complained: Option<Instant>,
    /// How often the system had no file for a connection.
    shortage: watch::Sender<u64>,
}

impl Listener {
    pub async fn bind(listen: &Listen) -> Result<Self, ServeError> {
        let (socket, bound) = match listen {
            Listen::Tcp { host, port, tls } => {
                let fail = |error| ServeError::Bind { host: host.clone(), port: *port, error };
                // As in a URL, an IPv6 address may stand in brackets.
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

    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Changes whenever the system has no file for a connection: then idle ones should make room.
    pub fn shortage(&self) -> watch::Receiver<u64> {
        self.shortage.subscribe()
    }

    /// The next connection, however long it takes and whatever goes wrong in between. Can be dropped and called again.
    pub async fn accept(&mut self) -> Accepted {
        loop {
            let accepted = match &self.socket {
                Socket::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    // Replies are written in one piece: waiting for more would only delay their end.
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

/// Whether the client was gone before it was accepted.
fn is_the_clients(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(e.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
