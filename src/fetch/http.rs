//! The HTTP client: redirects, tokens, retries and limits in one place.
//!
//! Redirects are followed by hand for two rules: a token never leaves its scheme, host and port, and an `https` address
//! never turns into an `http` one.

use super::exchange::{Body, ExchangeError, Failure, Head, exchange, innermost};
use super::limits::Limits;
use super::retry::{AttemptError, Retries};
use super::{Context, FetchError};
use reqwest::blocking::{Client, Request};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use std::time::Duration;

const MAX_REDIRECTS: usize = 10;
const USER_AGENT: &str = concat!("infa/", env!("CARGO_PKG_VERSION"));

/// A client with its connection pool. Making one reads the system's certificates: make it once, and only when needed.
#[derive(Debug)]
pub struct Http {
    client: Client,
    /// The reason that `https` does not work, if it does not.
    no_tls: Option<String>,
    pub(super) limits: Limits,
}

/// A request before it is sent; `extra` may differ from host to host of a redirect chain.
pub(super) struct HttpRequest<'a> {
    pub method: Method,
    pub url: Url,
    pub token: Option<&'a str>,
    pub extra: &'a dyn Fn(&Url) -> Vec<(HeaderName, String)>,
    /// Return the redirect to another host instead of following it.
    pub stay: bool,
}

/// An answer with its body still to come.
pub(super) struct HttpResponse {
    /// The address of the last answer.
    pub url: Url,
    pub head: Head,
    pub body: Body,
    /// Headers of the redirects before the last answer, on the first host only.
    pub before: Vec<HeaderMap>,
}

impl Http {
    /// A client within these limits.
    ///
    /// A machine without any certificates gets a client too, for plain `http` only.
    ///
    /// # Errors
    /// `Client` when not even that can be set up.
    pub fn new(limits: Limits) -> Result<Self, FetchError> {
        // Fails if one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            let builder = Client::builder()
                .user_agent(USER_AGENT)
                .http1_only()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(limits.connect)
                .timeout(limits.stall);
            if limits.proxies { builder } else { builder.no_proxy() }
        };
        let (client, no_tls) = match builder().build() {
            Ok(client) => (client, None),
            Err(error) => {
                let bare = builder().tls_certs_only([]).build();
                (bare.map_err(|e| FetchError::Client { reason: innermost(&e) })?, Some(innermost(&error)))
            }
        };
        Ok(Self { client, no_tls, limits })
    }

    /// A JSON document.
    ///
    /// # Errors
    /// `Unreachable`, `Cut`, `Status`; `Malformed` when it is not the JSON expected or larger than the limit;
    /// `Offline` and `Cancelled` from the context.
    pub fn get_json<T: DeserializeOwned>(
        &self,
        url: &str,
        token: Option<&str>,
        ctx: &Context,
    ) -> Result<T, FetchError> {
        let url = parse(url)?;
        let bytes = self.retrying(ctx, || {
            let ask = HttpRequest { method: Method::GET, url: url.clone(), token, extra: &|_| Vec::new(), stay: false };
            let mut answer = self.send(ask, ctx)?;
            let mut bytes = Vec::new();
            while let Some(chunk) =
                answer.body.chunk(ctx).map_err(|error| body_error(error, &url, bytes.len() as u64))?
            {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > self.limits.json_bytes {
                    let reason = format!("more than {} bytes", self.limits.json_bytes);
                    return Err(FetchError::Malformed { url: redacted_url(&url), reason }.into());
                }
            }
            Ok(bytes)
        })?;
        serde_json::from_slice(&bytes)
            .map_err(|error| FetchError::Malformed { url: redacted_url(&url), reason: error.to_string() })
    }

    /// The headers of an address, those of the last answer first: redirects are followed within its own host only.
    ///
    /// # Errors
    /// As [`Http::get_json`], without the JSON.
    pub fn head(&self, url: &str, token: Option<&str>, ctx: &Context) -> Result<Vec<HeaderMap>, FetchError> {
        let url = parse(url)?;
        self.retrying(ctx, || {
            let ask = HttpRequest { method: Method::HEAD, url: url.clone(), token, extra: &|_| Vec::new(), stay: true };
            let answer = self.send(ask, ctx)?;
            let mut headers = vec![answer.head.headers];
            headers.extend(answer.before.into_iter().rev());
            Ok(headers)
        })
    }

    fn retrying<T>(&self, ctx: &Context, attempt: impl Fn() -> Result<T, AttemptError>) -> Result<T, FetchError> {
        // Two more attempts are enough for a small document.
        let mut retries = Retries::new(&self.limits, self.limits.retries.min(2));
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(error) => retries.wait(error, false, ctx)?,
            }
        }
    }

    /// Sends a request and follows its redirects to an answer that is neither a redirect nor an error.
    pub(super) fn send(&self, ask: HttpRequest, ctx: &Context) -> Result<HttpResponse, AttemptError> {
        if ctx.offline {
            return Err(FetchError::Offline { what: redacted_url(&ask.url) }.into());
        }
        let mut url = ask.url.clone();
        let mut before = Vec::new();
        for _ in 0..=MAX_REDIRECTS {
            let request = self.request(&ask, &url)?;
            let (head, body) = exchange(&self.client, request, ctx).map_err(|error| connection_error(error, &url))?;
            let Some(target) = redirect(&head, &url)? else {
                // 416 is an answer: it concerns the requested range.
                return match head.status {
                    200..=299 | 416 => Ok(HttpResponse { url, head, body, before }),
                    _ => Err(status_error(&head, &url)),
                };
            };
            if ask.stay && !same_origin(&target, &ask.url) {
                return Ok(HttpResponse { url, head, body, before });
            }
            if same_origin(&url, &ask.url) {
                before.push(head.headers);
            }
            url = target;
        }
        let reason = format!("more than {MAX_REDIRECTS} redirects");
        Err(FetchError::Malformed { url: redacted_url(&ask.url), reason }.into())
    }

    fn request(&self, ask: &HttpRequest, url: &Url) -> Result<Request, FetchError> {
        if let (Some(reason), "https") = (&self.no_tls, url.scheme()) {
            return Err(FetchError::Client { reason: reason.clone() });
        }
        let mut request = Request::new(ask.method.clone(), url.clone());
        let value = |text: &str, what: &str| {
            HeaderValue::from_str(text).map_err(|_| FetchError::Header { what: what.to_owned() })
        };
        for (name, text) in (ask.extra)(url) {
            let checked = value(&text, name.as_str())?;
            request.headers_mut().insert(name, checked);
        }
        if let Some(token) = ask.token.filter(|_| same_origin(url, &ask.url)) {
            let mut bearer = value(&format!("Bearer {token}"), "the access token")?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        Ok(request)
    }
}

/// The target of a redirect, or `None` for any other answer.
fn redirect(head: &Head, from: &Url) -> Result<Option<Url>, FetchError> {
    if !matches!(head.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let bad = |reason: &str| FetchError::Malformed { url: redacted_url(from), reason: reason.to_owned() };
    let target = text(&head.headers, LOCATION.as_str()).ok_or_else(|| bad("a redirect without a target"))?;
    let target = from.join(&target).map_err(|_| bad("a redirect to something that is not an address"))?;
    match (from.scheme(), target.scheme()) {
        ("http", "http") | (_, "https") => Ok(Some(target)),
        ("https", "http") => Err(bad("a redirect from https to http")),
        _ => Err(bad("a redirect to something that is neither http nor https")),
    }
}

fn status_error(head: &Head, url: &Url) -> AttemptError {
    let clip = |value: String| value.chars().take(300).collect::<String>();
    let error = FetchError::Status {
        url: redacted_url(url),
        status: head.status,
        code: text(&head.headers, "x-error-code").map(clip),
        message: text(&head.headers, "x-error-message").map(clip),
    };
    if matches!(head.status, 429 | 502 | 503 | 504) {
        // Retry-After may also be a date; then our own backoff must do.
        let wait =
            text(&head.headers, RETRY_AFTER.as_str()).and_then(|s| s.trim().parse().ok()).map(Duration::from_secs);
        AttemptError::Transient { error, wait, never_connected: false }
    } else {
        AttemptError::Permanent(error)
    }
}

fn connection_error(error: ExchangeError, url: &Url) -> AttemptError {
    match error {
        ExchangeError::Local(error) => AttemptError::Permanent(error),
        ExchangeError::Network(Failure { reason, never_connected }) => AttemptError::Transient {
            error: FetchError::Unreachable { url: redacted_url(url), reason },
            wait: None,
            never_connected,
        },
    }
}

/// A body that broke off after `received` bytes.
pub(super) fn body_error(error: ExchangeError, url: &Url, received: u64) -> AttemptError {
    match error {
        ExchangeError::Local(error) => AttemptError::Permanent(error),
        ExchangeError::Network(Failure { reason, .. }) => {
            let error = FetchError::Cut { url: redacted_url(url), received, reason };
            AttemptError::Transient { error, wait: None, never_connected: false }
        }
    }
}

/// Parses an address of a request.
pub(super) fn parse(url: &str) -> Result<Url, FetchError> {
    let bad = |reason: String| FetchError::Address { url: url.to_owned(), reason };
    let parsed = Url::parse(url).map_err(|error| bad(error.to_string()))?;
    if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() {
        Ok(parsed)
    } else {
        Err(bad("it begins with neither https:// nor http://".to_owned()))
    }
}

/// An address as messages may show it; what cannot be parsed is shown as it is.
pub(crate) fn display_url(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| redacted_url(&url))
}

/// An address as it may be shown: without user, password, and the query (where CDNs keep signatures).
pub(crate) fn redacted_url(url: &Url) -> String {
    let mut url = url.clone();
    // They fail where there can be none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// True if only this machine can reach `url`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// True if both have the same scheme, host and port.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

/// A header as text, when it is text.
pub(super) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shown_addresses_hold_no_secrets() {
        let url = Url::parse("https://me:secret@host:8443/a/b?X-Signature=secret#secret").unwrap();
        assert_eq!(redacted_url(&url), "https://host:8443/a/b");
    }

    #[test]
    fn loopback_is_an_address_or_localhost() {
        let is = |url: &str| is_loopback(&Url::parse(url).unwrap());
        for url in ["http://127.0.0.1:80", "http://127.1.2.3", "http://[::1]:80/x", "http://LocalHost"] {
            assert!(is(url), "{url}");
        }
        assert!(!is("http://10.0.0.1") && !is("http://localhost.example.org") && !is("http://[::2]"));
    }

    #[test]
    fn only_web_addresses_are_asked() {
        for url in ["", "host/x", "file:///etc/passwd", "ftp://h/x", "http://"] {
            assert!(matches!(parse(url), Err(FetchError::Address { .. })), "{url}");
        }
    }

    #[test]
    fn redirects_do_not_leave_the_web_or_drop_tls() {
        let to = |from: &str, target: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_str(target).unwrap());
            redirect(&Head { status: 302, headers }, &Url::parse(from).unwrap())
        };
        assert_eq!(to("https://a/b/c", "/d").unwrap().unwrap().as_str(), "https://a/d");
        assert_eq!(to("http://a/b", "https://c/d").unwrap().unwrap().as_str(), "https://c/d");
        for target in ["http://a/b", "file:///etc/passwd", "http://", "data:,x"] {
            assert!(to("https://a/b", target).is_err(), "{target}");
        }
    }
}
