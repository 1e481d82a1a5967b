//! What the operator decides about the way of a connection: where it comes in, who may, and how long things may take.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::ApiKeys;

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A TCP address.
    Tcp {
        /// `--host`: an address or a name that resolves to one.
        host: String,
        /// `--port`; 0 takes a free one.
        port: u16,
        /// HTTPS instead of HTTP.
        tls: Option<TlsFiles>,
    },
    /// A Unix socket, `--unix-socket`.
    Unix {
        /// The path of the socket. A socket that nobody serves any more is replaced, any other file is not.
        unix_socket: PathBuf,
    },
}

/// What HTTPS needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `--tls-cert`: PEM, the server's certificate first, then those between it and the root.
    pub tls_cert: PathBuf,
    /// `--tls-key`: PEM, the private key of the first certificate (PKCS#8, PKCS#1 or SEC1), not encrypted.
    pub tls_key: PathBuf,
}

/// Where the server has come to listen; displays as a URL (`http://127.0.0.1:7997`, `unix:/run/infa.sock`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// A TCP address.
    Tcp {
        /// The address, with the port that was taken.
        address: SocketAddr,
        /// Whether it is HTTPS.
        tls: bool,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl Bound {
    /// A URL by which a browser on this machine comes here, with `prefix` (without slashes at its ends) and without a
    /// slash at its end; `None` of a Unix socket.
    pub fn url(&self, prefix: &str) -> Option<String> {
        let Self::Tcp { mut address, tls } = *self else { return None };
        // Every address of the machine is listened on; a browser needs one.
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        let slash = if prefix.is_empty() { "" } else { "/" };
        Some(format!("{}{slash}{prefix}", Self::Tcp { address, tls }))
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address, tls: false } => write!(f, "http://{address}"),
            Self::Tcp { address, tls: true } => write!(f, "https://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Who may ask, under which path, and for how long. What bounds a single request is in [`super::Limits`].
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// `--api-key`: requests must carry one of these; where there are none, everybody may ask.
    pub api_keys: ApiKeys,
    /// `--cors-allow-origin`: origins whose pages may ask, or `*`; none: browsers keep to their own origin.
    pub cors_allow_origin: Vec<String>,
    /// `--allow-host`: names that the server answers to besides this machine's own, or `*`. See `layers::host` for when
    /// it looks.
    pub allow_host: Vec<String>,
    /// `--url-prefix`: put before every path, such as `/models/a`; empty: nothing. Health answers without it as well.
    pub url_prefix: String,
    /// `--request-timeout`: from a request's headers to its answer; `None`: as long as it takes.
    pub request_timeout: Option<Duration>,
    /// `--shutdown-timeout`: how long requests that were begun may go on when the server is to end.
    pub shutdown_timeout: Duration,
    /// How long a client may keep the server waiting.
    pub timeouts: Timeouts,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            api_keys: ApiKeys::default(),
            cors_allow_origin: Vec::new(),
            allow_host: Vec::new(),
            url_prefix: String::new(),
            request_timeout: None,
            shutdown_timeout: Duration::from_secs(30),
            timeouts: Timeouts::default(),
        }
    }
}

/// How long a client may keep the server waiting. No flags: only tests want them shorter.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// For TLS to be agreed upon.
    pub handshake: Duration,
    /// From the first byte of a request (of a connection, for its first request) to the end of its headers.
    pub header: Duration,
    /// Between two pieces of a request's body.
    pub body: Duration,
    /// The same for bodies that have not come yet when the server is to end.
    pub last_body: Duration,
    /// Between two pieces of a reply that the client takes.
    pub write: Duration,
    /// For the next request of a connection.
    pub keep_alive: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        // Idle connections live longer than those of the usual load balancers (60 s), so that it is they who close.
        Self {
            handshake: seconds(10),
            header: seconds(10),
            body: seconds(30),
            last_body: seconds(5),
            write: seconds(30),
            keep_alive: seconds(75),
        }
    }
}
