//! `--allow-host`: the host names that the server accepts.
//!
//! A server on a loopback address without an API key trusts every program of the machine, and a web browser is one of
//! them. A page of `evil.example` cannot read responses of another origin, but the owner of that name can later let it
//! resolve to 127.0.0.1 (DNS rebinding): then server and page have the same origin. The name is still in the header
//! Host, and no foreign name is accepted. All routes are guarded, health and metrics as well: their clients use an
//! address, `localhost`, or a name passed to `--allow-host`.
//!
//! Requests that a browser sends for a page of another site are refused before their bodies are read, unless
//! `--cors-allow-origin` allows the page: it could not read the response, but could keep the server busy.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::server::{ApiError, Bound, Listen, ServeError, ServerOptions};

const FLAG: &str = "--allow-host";

/// Suffixes of names that resolve to this machine or its network (RFC 6761, RFC 6762, ICANN's `.internal`).
const LOCAL: [&str; 3] = [".localhost", ".local", ".internal"];

/// The accepted hosts.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    /// False if all hosts are accepted.
    active: bool,
    /// In lower case; those that begin with a dot match all names with that suffix.
    names: Vec<String>,
    /// Origins whose pages may send requests, or `*`.
    origins: Vec<String>,
}

impl Hosts {
    /// The hosts that a server with these options accepts. `listen` is the configured address, `bound` the actual one.
    ///
    /// # Errors
    /// A value of `--allow-host` that is not a host name.
    pub(crate) fn new(options: &ServerOptions, listen: &Listen, bound: &Bound) -> Result<Self, ServeError> {
        let mut names = options.allow_host.iter().map(|name| parse(name)).collect::<Result<Vec<_>, _>>()?;
        let loopback = match bound {
            Bound::Tcp { address, .. } => Some(address.ip().is_loopback()),
            Bound::Unix(_) => None,
        };
        let wanted = !names.is_empty() || (loopback == Some(true) && !options.api_keys.are_needed());
        let active = loopback.is_some() && wanted && !names.iter().any(|name| name == "*");
        names.push("localhost".into());
        if let Listen::Tcp { host, .. } = listen {
            names.push(normal(host));
        }
        names.extend(sysinfo::System::host_name().map(|name| normal(&name)));
        names.extend(LOCAL.map(str::to_owned));
        let origins = options.cors_allow_origin.iter().map(|origin| origin.to_ascii_lowercase()).collect();
        Ok(Self(Arc::new(Rules { active, names, origins })))
    }
}

impl Rules {
    fn has_name(&self, host: &str) -> bool {
        self.names.iter().any(|name| host == name || (name.starts_with('.') && host.ends_with(name.as_str())))
    }

    /// The host of the request, if it is not accepted.
    fn refused(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let stated = headers.get(header::HOST).map(|value| host_of(value.as_bytes()));
        let target = uri.host().map(normal);
        // Without a host, the request is not from a browser.
        let mut hosts = stated.into_iter().chain(target).filter(|host| !host.is_empty());
        hosts.find(|host| host.parse::<IpAddr>().is_err() && !self.has_name(host))
    }

    /// The origin of the page that sends the request, if it is of another site and not allowed.
    fn foreign(&self, headers: &HeaderMap) -> Option<String> {
        // Set by the browser, independent of what proxies do to the header Host.
        if headers.get("sec-fetch-site")?.as_bytes() != b"cross-site" {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?.to_str().ok()?.to_ascii_lowercase();
        // Browser extensions and programs with an embedded browser have other schemes.
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
        let host = host_of(host.as_bytes());
        let here = host.parse().is_ok_and(|address: IpAddr| address.is_loopback()) || self.has_name(&host);
        let allowed = here || self.origins.iter().any(|allowed| allowed == "*" || *allowed == origin);
        (!allowed).then_some(origin)
    }
}

/// Passes requests for accepted hosts and from allowed pages.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !hosts.0.active {
        return next.run(request).await;
    }
    let refuse = |message, code| ApiError::new(StatusCode::FORBIDDEN, message).code(code).into_response();
    if let Some(host) = hosts.0.refused(request.uri(), request.headers()) {
        let message = format!(
            "the host {host:?} is not a name of this machine; to allow it, start the server with {FLAG} {host}, or \
             with an API key"
        );
        return refuse(message, "host_not_allowed");
    }
    if let Some(origin) = hosts.0.foreign(request.headers()) {
        let message = format!("pages of {origin:?} may not send requests; --cors-allow-origin allows them");
        return refuse(message, "origin_not_allowed");
    }
    next.run(request).await
}

/// The host in `HOST` or `HOST:PORT`.
fn host_of(value: &[u8]) -> String {
    match Authority::try_from(value) {
        Ok(authority) => normal(authority.host()),
        // The layer `message` refuses it in a header.
        Err(_) => String::from_utf8_lossy(value).into_owned(),
    }
}

/// In lower case, without the brackets of an IPv6 address and the final dot of a full name.
fn normal(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A value of the flag: a name, `*.name` for all names below it, or `*` for any.
fn parse(text: &str) -> Result<String, ServeError> {
    let refuse = || ServeError::Flag {
        flag: FLAG,
        value: text.into(),
        reason: "a host is a name or an address without scheme, port or path, such as infa.example.org; \
                 *.example.org stands for all names below it, * for any"
            .into(),
    };
    if text == "*" {
        return Ok("*".into());
    }
    let (below, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
    let name = normal(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = !name.is_empty() && name.chars().all(allowed) && !name.starts_with('.') && !name.contains("..");
    match name.parse::<IpAddr>() {
        Ok(_) if !below => Ok(name),
        _ if !is_name => Err(refuse()),
        _ if below => Ok(format!(".{name}")),
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::server::ApiKeys;

    fn options(allow: &[&str], key: bool) -> ServerOptions {
        let keys = if key { ApiKeys::new(["k"]).unwrap() } else { ApiKeys::default() };
        let allow_host = allow.iter().map(|&name| name.to_owned()).collect();
        ServerOptions { allow_host, api_keys: keys, ..ServerOptions::default() }
    }

    fn rules(options: &ServerOptions, address: &str) -> Hosts {
        let listen = Listen::Tcp { host: "my-loopback".into(), port: 0, tls: None };
        Hosts::new(options, &listen, &Bound::Tcp { address: address.parse().unwrap(), tls: false }).unwrap()
    }

    fn refused(hosts: &Hosts, uri: &str, host: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        hosts.0.active && hosts.0.refused(&uri.parse().unwrap(), &headers).is_some()
    }

    #[test]
    fn names_of_this_machine_and_addresses_are_let_in() {
        let hosts = rules(&options(&[], false), "127.0.0.1:7997");
        for host in [
            "localhost",
            "LOCALHOST:7997",
            "localhost.",
            "127.0.0.1:7997",
            "192.168.1.7",
            "[::1]:7997",
            "[fe80::1]",
            "a.localhost",
            "printer.local:80",
            "host.docker.internal:7997",
            "my-loopback",
            "",
        ] {
            assert!(!refused(&hosts, "/", Some(host)), "{host}");
        }
        assert!(!refused(&hosts, "/", None));
        if let Some(own) = sysinfo::System::host_name() {
            assert!(!refused(&hosts, "/", Some(&own)), "{own}");
        }
        for host in ["evil.example", "localhost.evil.example", "evillocalhost", "127.0.0.1.evil.example:7997", "local"]
        {
            assert!(refused(&hosts, "/", Some(host)), "{host}");
        }
        // The host in the target counts, too.
        assert!(refused(&hosts, "http://evil.example/", Some("localhost")));
        assert!(refused(&hosts, "http://localhost/", Some("evil.example")));
    }

    #[test]
    fn the_flag_adds_names_and_a_star_ends_the_check() {
        let hosts = rules(&options(&["infa.example.org", "*.corp.example"], false), "127.0.0.1:1");
        for (host, is_refused) in [
            ("infa.example.org", false),
            ("Infa.Example.org:443", false),
            ("a.corp.example", false),
            ("corp.example", true),
            ("evil.example", true),
            ("localhost", false),
        ] {
            assert_eq!(refused(&hosts, "/", Some(host)), is_refused, "{host}");
        }
        assert!(!refused(&rules(&options(&["a", "*"], false), "127.0.0.1:1"), "/", Some("evil.example")));
    }

    #[test]
    fn only_unprotected_loopback_addresses_are_guarded_by_default() {
        let evil = Some("evil.example");
        for (address, key, is_refused) in [
            ("127.0.0.1:1", false, true),
            ("127.8.8.8:1", false, true),
            ("[::1]:1", false, true),
            ("127.0.0.1:1", true, false),
            ("0.0.0.0:1", false, false),
            ("192.168.1.7:1", false, false),
        ] {
            assert_eq!(refused(&rules(&options(&[], key), address), "/", evil), is_refused, "{address} {key}");
            // With `--allow-host`, the check is always on.
            assert!(refused(&rules(&options(&["a"], key), address), "/", evil), "{address} {key}");
        }
        let listen = Listen::Unix { unix_socket: "/run/infa.sock".into() };
        let unix = Hosts::new(&options(&["a"], false), &listen, &Bound::Unix("/run/infa.sock".into())).unwrap();
        assert!(!refused(&unix, "/", evil));
    }

    #[test]
    fn pages_of_other_sites_are_refused_where_browsers_say_so() {
        let options = ServerOptions { cors_allow_origin: vec!["https://App.example".into()], ..options(&[], false) };
        let hosts = rules(&options, "127.0.0.1:1");
        let foreign = |site: &str, origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("sec-fetch-site", HeaderValue::from_str(site).unwrap());
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            hosts.0.foreign(&headers).is_some()
        };
        assert!(foreign("cross-site", "http://evil.example"));
        assert!(foreign("cross-site", "https://203.0.113.7"));
        for (site, origin) in [
            ("same-origin", "http://evil.example"),
            ("cross-site", "https://app.example"),
            ("cross-site", "http://localhost:3000"),
            ("cross-site", "http://127.0.0.1:3000"),
            ("cross-site", "chrome-extension://abc"),
            ("none", "http://evil.example"),
        ] {
            assert!(!foreign(site, origin), "{site} {origin}");
        }
        assert!(hosts.0.foreign(&HeaderMap::new()).is_none());
    }

    #[test]
    fn values_that_are_no_hosts_are_refused() {
        for bad in ["", "http://a", "a:80", "a/b", "*.", "*a", "a..b", ".a", "a b", "*.*"] {
            assert!(parse(bad).unwrap_err().to_string().contains(FLAG), "{bad}");
        }
        assert_eq!(parse("[::1]").unwrap(), "::1");
    }
}
