//! Errors at the start of the server.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    #[error("cannot listen on {host}:{port}: {error}")]
    Bind { host: String, port: u16, error: io::Error },
    #[error("--unix-socket {}: {error}", path.display())]
    UnixSocket { path: PathBuf, error: io::Error },
    #[error("--unix-socket {}: {reason}", path.display())]
    NotStale { path: PathBuf, reason: &'static str },
    #[error("{flag} {}: {reason}", path.display())]
    Tls {
        /// `--tls-cert` or `--tls-key`
        flag: &'static str,
        path: PathBuf,
        reason: String,
    },
    #[error("{flag} {value:?}: {reason}")]
    Flag { flag: &'static str, value: String, reason: String },
}

impl ServeError {
    /// Advice on how to mend the error.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bind { error, .. } => match error.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("another program listens there: choose another port with --port".into())
                }
                io::ErrorKind::PermissionDenied => Some("ports below 1024 are for root: choose one with --port".into()),
                io::ErrorKind::AddrNotAvailable => Some(
                    "--host is an address of this machine: 127.0.0.1 for this machine alone, 0.0.0.0 for all networks"
                        .into(),
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
