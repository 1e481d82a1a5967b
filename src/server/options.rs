//! Options of the server's connections: address, access, timeouts.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::ApiKeys;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Tcp {
        /// `--host`: an address or a name that resolves to one.
        host: String,
        /// `--port`; 0 for a free one.
        port: u16,
        /// HTTPS instead of HTTP.
        tls: Option<TlsFiles>,
    },
    /// A Unix socket, `--unix-socket`.
    Unix {
        /// The path of the socket file. A stale socket is replaced, any other file is an error.
        unix_socket: PathBuf,
    },
}

/// The certificate and key of HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `--tls-cert`: PEM, the server's certificate first, then the intermediate ones.
    pub tls_cert: PathBuf,
    /// `--tls-key`: PEM, the unencrypted private key of the first certificate (PKCS#8, PKCS#1 or SEC1).
    pub tls_key: PathBuf,
}

/// The address that the server listens on; displays as a URL (`http://127.0.0.1:7997`, `unix:/run/infa.sock`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    Tcp {
        /// With the actual port.
        address: SocketAddr,
        /// True for HTTPS.
        tls: bool,
    },
    Unix(PathBuf),
}

impl Bound {
    /// The URL for a browser on this machine, with `prefix` (without slashes at its ends) and without a final slash;
    /// `None` for a Unix socket.
    pub fn url(&self, prefix: &str) -> Option<String> {
        let Self::Tcp { mut address, tls } = *self else { return None };
        // Listening on all addresses: a browser needs one of them.
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

/// Access, paths and timeouts of the server. The limits of a single request are [`super::Limits`].
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// `--api-key`: requests must carry one of these keys; without keys, access is open.
    pub api_keys: ApiKeys,
    /// `--cors-allow-origin`: origins whose pages may send requests, or `*`; empty: only the server's own origin.
    pub cors_allow_origin: Vec<String>,
    /// `--allow-host`: accepted host names besides this machine's own, or `*`. `layers::host` says when they are
    /// checked.
    pub allow_host: Vec<String>,
    /// `--url-prefix`: the path before all routes, such as `/models/a`; may be empty. Health checks also work without
    /// it.
    pub url_prefix: String,
    /// `--request-timeout`: maximum time from a request's headers to its response; `None`: unlimited.
    pub request_timeout: Option<Duration>,
    /// `--shutdown-timeout`: maximum time for requests in progress when the server shuts down.
    pub shutdown_timeout: Duration,
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

/// Maximum times that a client may keep the server waiting. They have no flags: only tests shorten them.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// From the first byte of a request (for the first request: from the start of the connection) to the end of its
    /// headers.
    pub header: Duration,
    /// Between two pieces of a request body.
    pub body: Duration,
    /// Between two pieces of a request body during shutdown.
    pub last_body: Duration,
    /// Between two pieces of a response that the client reads.
    pub write: Duration,
    /// Between two requests of a connection.
    pub keep_alive: Duration,
    /// From the end of a request whose client has closed its side of the connection to that of the response.
    pub half_closed: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        // Longer than the idle timeout of common load balancers (60 s), so that the balancer closes idle connections.
        Self {
            handshake: seconds(10),
            header: seconds(10),
            body: seconds(30),
            last_body: seconds(5),
            write: seconds(30),
            keep_alive: seconds(75),
            half_closed: seconds(5),
        }
    }
}
