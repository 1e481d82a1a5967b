//! One request to a server, and its reply: within limits of time and size, and never to anyone else.

use std::error::Error;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Url};
use serde_json::Value as Json;

use super::error::{RemoteError, clip};
use super::options::{ApiKey, RemoteOptions};
use crate::fetch::http::{is_loopback, redacted_url};

const USER_AGENT: &str = concat!("infa/", env!("CARGO_PKG_VERSION"));
/// Maximum bytes of an error's body: FastAPI repeats the refused text.
const ERROR_BYTES: usize = 1 << 20;
/// A reply may have that much, and as much again for every input: a vector of 40,000 numbers as text.
const BYTES_AN_INPUT: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub method: Method,
    /// The path after that of the server's URL; any character may be in a segment.
    pub path: Vec<String>,
    /// Added to the query of the server's URL.
    pub query: Option<(&'static str, String)>,
    /// JSON, if there is a body.
    pub body: Option<Bytes>,
    /// Number of inputs, which bounds the reply.
    pub inputs: usize,
}

impl Request {
    pub(crate) fn get(path: &[&str]) -> Self {
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        Self { method: Method::GET, path, query: None, body: None, inputs: 0 }
    }

    pub(crate) fn post(path: &[&str], body: &Json, inputs: usize) -> Self {
        let body = Some(Bytes::from(body.to_string()));
        Self { method: Method::POST, body, inputs, ..Self::get(path) }
    }
}

/// A reply with a status of success.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The way to a server.
pub(super) struct Http {
    client: Client,
    /// Without user and password.
    base: Url,
    authorization: Option<HeaderValue>,
    key: Option<ApiKey>,
    timeout: Duration,
    /// The reason that `https` does not work, if so.
    no_tls: Option<String>,
}

/// The certificate that a plain `openssl req -x509` makes: other clients accept it for a server.
const CERTIFICATE_OF_AUTHORITY: &str = "the server's certificate is that of an authority (CA:TRUE), not of a server; make it \
                                        with -addext basicConstraints=critical,CA:FALSE";

/// The reason of a failed handshake, without names from the code of rustls where they say too little.
fn in_words(reason: String) -> String {
    if reason.contains("CaUsedAsEndEntity") { CERTIFICATE_OF_AUTHORITY.to_owned() } else { reason }
}

impl Http {
    /// The way to the server at `url`; nothing is sent yet.
    ///
    /// # Errors
    /// A key that no header can carry, or no client at all.
    pub(crate) fn new(url: &Url, options: &RemoteOptions) -> Result<Self, RemoteError> {
        // Fails if a provider is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            let builder = Client::builder()
                .user_agent(USER_AGENT)
                // A key is for the server that it was given for.
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(options.connect_timeout);
            // A proxy elsewhere has another loopback.
            if is_loopback(url) { builder.no_proxy() } else { builder }
        };
        let (client, no_tls) = match builder().build() {
            Ok(client) => (client, None),
            Err(error) => {
                // A machine without any certificates: what is not encrypted still works.
                let bare = builder().tls_certs_only([]).build();
                (bare.map_err(|e| RemoteError::Connect { reason: innermost(&e) })?, Some(innermost(&error)))
            }
        };
        let mut base = url.clone();
        let authorization = authorization(&mut base, options.key.as_ref())?;
        let (key, timeout) = (options.key.clone(), options.request_timeout);
        Ok(Self { client, base, authorization, key, timeout, no_tls })
    }

    /// Sends `request` once, and reads its reply to the end.
    pub(crate) async fn send(&self, request: &Request) -> Result<Reply, RemoteError> {
        if let (Some(reason), "https") = (&self.no_tls, self.base.scheme()) {
            return Err(RemoteError::Tls { reason: reason.clone() });
        }
        let exchange = self.exchange(request);
        let timeout = RemoteError::Timeout { after: self.timeout };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(timeout))
    }

    async fn exchange(&self, request: &Request) -> Result<Reply, RemoteError> {
        let mut sent = reqwest::Request::new(request.method.clone(), self.url(request));
        if let Some(authorization) = &self.authorization {
            sent.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = &request.body {
            sent.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *sent.body_mut() = Some(body.clone().into());
        }
        let mut response = self.client.execute(sent).await.map_err(|e| self.failure(&e))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        if status.is_redirection() {
            let target = headers.get(LOCATION).and_then(|target| self.base.join(target.to_str().ok()?).ok());
            let target = target.map_or_else(|| "nowhere".into(), |target| redacted_url(&target));
            return Err(RemoteError::Redirect { target: clip(&target) });
        }
        let success = status.is_success();
        let limit = if success { BYTES_AN_INPUT * (1 + request.inputs) } else { ERROR_BYTES };
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
                Ok(Some(_)) if success => return Err(RemoteError::TooLarge { limit }),
                // The beginning has the reason.
                Ok(Some(_) | None) => break,
                Err(e) if success => return Err(self.failure(&e)),
                Err(_) => break,
            }
        }
        if success {
            return Ok(Reply { headers, body });
        }
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Err(RemoteError::Status {
            code: status.as_u16(),
            message: message(&body).map(|message| self.without_key(&without_traceback(message))),
            // A date is left to our own judgement.
            retry_after: retry_after.map(Duration::from_secs),
        })
    }

    /// The reason that a reply is no result: the server's own, where the reply holds one.
    pub(crate) fn unfit(&self, reply: &Reply, error: RemoteError) -> RemoteError {
        match complaint(&reply.body).filter(|_| matches!(error, RemoteError::Shape { .. })) {
            Some(message) => {
                let message = self.without_key(&without_traceback(message));
                RemoteError::shape(format!("it is an error with HTTP 200: {message}"))
            }
            None => error,
        }
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&request.path);
        }
        if let Some((name, value)) = &request.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        url
    }

    fn failure(&self, error: &reqwest::Error) -> RemoteError {
        let reason = self.without_key(&innermost(error));
        if error.is_timeout() && !error.is_connect() {
            RemoteError::Timeout { after: self.timeout }
        } else if is_tls(error) {
            RemoteError::Tls { reason: in_words(reason) }
        } else if error.is_connect() {
            RemoteError::Connect { reason: if error.is_timeout() { "timed out".into() } else { reason } }
        } else {
            RemoteError::Broken { reason }
        }
    }

    /// Foreign text on one line, without the key.
    fn without_key(&self, text: &str) -> String {
        match &self.key {
            Some(key) => clip(&text.replace(key.reveal(), "…")),
            None => clip(text),
        }
    }
}

/// The `Authorization` header: the key, or user and password of the URL, which are removed from it.
fn authorization(url: &mut Url, key: Option<&ApiKey>) -> Result<Option<HeaderValue>, RemoteError> {
    let decoded = |text: &str| percent_decoded(text);
    let user = decoded(url.username());
    let password = url.password().map(decoded);
    // They fail where there can be none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let value = match key {
        Some(key) => format!("Bearer {}", key.reveal()),
        None if user.is_empty() && password.is_none() => return Ok(None),
        None => format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.unwrap_or_default()))),
    };
    let value = HeaderValue::from_str(&value);
    let reason = "the API key holds characters that no header can carry";
    let mut value = value.map_err(|_| RemoteError::Connect { reason: reason.into() })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// User names, passwords and segments of paths stand percent-encoded in URLs.
pub(super) fn percent_decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    reqwest::Url::parse(&format!("http://x/?{pair}"))
        .ok()
        .and_then(|url| url.query_pairs().next().map(|(_, value)| value.into_owned()))
        .unwrap_or_default()
}

/// `text` without the lines of a Python traceback: what stands before it, and the error that it ends with.
fn without_traceback(text: String) -> String {
    let Some((before, traceback)) = text.split_once("Traceback (most recent call last):") else { return text };
    // Lines of code are indented; an error is `Name: reason`, or its name alone.
    let error = traceback.lines().rev().find(|line| {
        let name = line.split(':').next().unwrap_or_default();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        !name.is_empty() && name != "At" && name.chars().all(is_name)
    });
    format!("{before}{}", error.unwrap_or("Traceback …"))
}

/// The server's message in place of a result: with success, though it is an error.
fn complaint(body: &[u8]) -> Option<String> {
    let json: Json = serde_json::from_slice(body).ok()?;
    let says = ["error", "message", "detail"].iter().any(|field| json.get(field).is_some_and(|says| !says.is_null()));
    says.then(|| message(body)).flatten()
}

/// The server's message in the common shapes: OpenAI's `error.message`, TEI's and KServe's `error`, Cohere's `message`,
/// FastAPI's `detail`, or plain text.
fn message(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let Ok(json) = serde_json::from_str::<Json>(&text) else {
        let html = text.trim_start().starts_with('<');
        return (!html && !text.trim().is_empty()).then(|| text.into_owned());
    };
    let fields = [&json["error"]["message"], &json["error"], &json["message"], &json["detail"]];
    let message = fields.into_iter().find(|value| !value.is_null() && !value.is_object());
    match message {
        Some(Json::String(message)) => Some(message.clone()),
        // Each with the place and what is wrong with it.
        Some(Json::Array(problems)) => {
            let problem = |problem: &Json| {
                let place: Vec<String> = problem["loc"].as_array().into_iter().flatten().map(plain).collect();
                let reason = problem.get("msg").map_or_else(|| plain(problem), plain);
                if place.is_empty() { reason } else { format!("{}: {reason}", place.join(".")) }
            };
            Some(problems.iter().take(3).map(problem).collect::<Vec<_>>().join("; "))
        }
        Some(other) => Some(other.to_string()),
        None => Some(json.to_string()),
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// True if encryption is what failed.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<rustls::Error>())
}

/// The innermost cause: the outer ones only repeat the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// An error and its causes. An `io::Error` does not return its inner error as a source, so it is unwrapped.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn http(url: &str) -> Http {
        Http::new(&Url::parse(url).unwrap(), &RemoteOptions::default()).unwrap()
    }

    #[test]
    fn paths_are_added_to_the_servers_url() {
        let url = |base: &str, path: &[&str]| http(base).url(&Request::get(path)).to_string();
        assert_eq!(url("http://a:1", &["embed"]), "http://a:1/embed");
        assert_eq!(url("http://a:1/", &["v1", "embeddings"]), "http://a:1/v1/embeddings");
        assert_eq!(url("http://a/x/y/?api-version=3", &["embed"]), "http://a/x/y/embed?api-version=3");
        assert_eq!(url("http://a", &["v2", "models", "a/b c", "infer"]), "http://a/v2/models/a%2Fb%20c/infer");
        let info = Request { query: Some(("model", "a&b".into())), ..Request::get(&["info"]) };
        assert_eq!(http("http://a/?k=1").url(&info).to_string(), "http://a/info?k=1&model=a%26b");
    }

    #[test]
    fn who_asks() {
        let of = |url: &str, key: Option<&str>| {
            let mut url = Url::parse(url).unwrap();
            let value = authorization(&mut url, key.and_then(ApiKey::new).as_ref()).unwrap();
            assert!(!url.as_str().contains('@'), "{url}");
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(of("http://a", None), None);
        assert_eq!(of("http://a", Some("k")).unwrap(), "Bearer k");
        assert_eq!(of("http://me:p%40ss+@a", None).unwrap(), format!("Basic {}", STANDARD.encode("me:p@ss+")));
        assert_eq!(of("http://me:secret@a", Some("k")).unwrap(), "Bearer k");
        let mut url = Url::parse("http://a").unwrap();
        let error = authorization(&mut url, ApiKey::new("a\nb").as_ref()).unwrap_err();
        assert!(!error.to_string().contains("a\nb"), "{error}");
    }

    #[test]
    fn of_a_traceback_the_error_is_left() {
        let of = |text: &str| without_traceback(text.into());
        let inner = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    raise X\n";
        let triton = format!(
            "Failed to process, message: {inner}c.Wrapped: {inner}\nRuntimeError: too long\n\n\nAt:\n  /tmp/a.py(5): execute\n"
        );
        assert_eq!(of(&triton), "Failed to process, message: RuntimeError: too long");
        assert_eq!(of(&format!("{inner}KeyboardInterrupt")), "KeyboardInterrupt");
        assert_eq!(of(inner), "Traceback …");
        assert_eq!(of("no: traceback"), "no: traceback");
    }

    #[test]
    fn an_error_in_place_of_a_result() {
        let of = |body: &str| complaint(body.as_bytes());
        for error in [r#"{"error":{"message":"no such model"}}"#, r#"{"object":"error","message":"no such model"}"#] {
            assert_eq!(of(error).unwrap(), "no such model");
        }
        assert_eq!(of(r#"{"error":"no such model"}"#).unwrap(), "no such model");
        assert_eq!(of(r#"{"detail":[{"loc":["body"],"msg":"missing"}]}"#).unwrap(), "body: missing");
        for other in [r#"{"data":[],"error":null}"#, "[1]", "{}", "no JSON", "{\"error\":"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn what_servers_say() {
        let of = |body: &str| message(body.as_bytes()).map(|message| clip(&message));
        assert_eq!(of(r#"{"error":{"message":"no model","type":"x"}}"#).unwrap(), "no model");
        assert_eq!(
            of(r#"{"error":"Input validation error","error_type":"Validation"}"#).unwrap(),
            "Input validation error"
        );
        assert_eq!(of(r#"{"message":"invalid api token"}"#).unwrap(), "invalid api token");
        assert_eq!(of(r#"{"detail":"Not Found"}"#).unwrap(), "Not Found");
        let fastapi = r#"{"detail":[{"type":"missing","loc":["body","input",0],"msg":"Field required"}]}"#;
        assert_eq!(of(fastapi).unwrap(), "body.input.0: Field required");
        assert_eq!(of("overloaded\n").unwrap(), "overloaded");
        assert_eq!(of("<html><body>Bad gateway</body></html>"), None);
        assert_eq!(of(""), None);
        assert_eq!(of(r#"{"code":7}"#).unwrap(), r#"{"code":7}"#);
    }
}
