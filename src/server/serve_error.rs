//! Errors at the start of the server.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    #[error("cannot listen on {}:{port}: {error}", if .host.is_empty() { "\"\"" } else { .host })]
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
            Self::Bind { host, error, .. } => match error.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("another program listens there: choose another port with --port".into())
                }
                io::ErrorKind::PermissionDenied => Some("ports below 1024 are for root: choose one with --port".into()),
                io::ErrorKind::AddrNotAvailable => Some(
                    "--host is an address of this machine: 127.0.0.1 for this machine alone, 0.0.0.0 for all networks"
                        .into(),
                ),
                // A number at the end is a port, unless the name has more colons, as an address of IPv6 has.
                _ => Some(match host.rsplit_once(':') {
                    Some((name, digits)) if !name.contains(':') && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                        format!("the port is a flag of its own: --host {name} --port {digits}")
                    }
                    _ => "--host is a name or an address of this machine, such as 127.0.0.1 or localhost".into(),
                }),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_none_is_explained() {
        let hint = |host: &str| {
            let error = io::Error::other("failed to lookup address information");
            ServeError::Bind { host: host.into(), port: 7997, error }.hint().unwrap_or_default()
        };
        assert_eq!(hint("127.0.0.1:80"), "the port is a flag of its own: --host 127.0.0.1 --port 80");
        for host in ["999.1.1.1", "", "::g", "fe80::1:80", "a:b"] {
            assert!(hint(host).starts_with("--host is a name or an address"), "{host}");
        }
        let error = io::Error::other("x");
        assert_eq!(ServeError::Bind { host: String::new(), port: 1, error }.to_string(), "cannot listen on \"\":1: x");
    }
}
