//! Why the server cannot start.

use std::io;
use std::path::PathBuf;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {host}:{port}: {error}")]
    Bind {
        /// `--host`
        host: String,
        /// `--port`
        port: u16,
        /// What the system says.
        error: io::Error,
    },
    /// The Unix socket cannot be listened on.
    #[error("--unix-socket {}: {error}", path.display())]
    UnixSocket {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Something is there that is not a stale socket.
    #[error("--unix-socket {}: {reason}", path.display())]
    NotStale {
        /// The path.
        path: PathBuf,
        /// What it is.
        reason: &'static str,
    },
    /// A file that TLS needs is unusable.
    #[error("{flag} {}: {reason}", path.display())]
    Tls {
        /// `--tls-cert` or `--tls-key`
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The value of a flag is unusable.
    #[error("{flag} {value:?}: {reason}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ServeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bind { error, .. } => match error.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("another program listens there: choose another port with --port".into())
                }
                io::ErrorKind::PermissionDenied => Some("ports below 1024 are for root: choose one with --port".into()),
                io::ErrorKind::AddrNotAvailable => Some(
                    "--host is an address of this machine: 127.0.0.1 for itself alone, 0.0.0.0 for everybody".into(),
                ),
                _ => None,
            },
            Self::UnixSocket { error, .. } => match error.kind() {
                io::ErrorKind::NotFound => Some("the directory must exist".into()),
                io::ErrorKind::InvalidInput => Some("the path of a socket has at most 107 bytes".into()),
                _ => None,
            },
            Self::NotStale { .. } => Some("name another path with --unix-socket".into()),
            Self::Tls { .. } | Self::Flag { .. } => None,
        }
    }
}
