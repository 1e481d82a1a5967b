//! Requests that HTTP/1.1 forbids and hyper lets through (RFC 9112, sections 3.2 and 6.1).
//!
//! Programs between client and server may interpret such a request differently.

use axum::extract::Request;
use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::server::ApiError;

pub(crate) async fn check(request: Request, next: Next) -> Response {
    match fault(request.version(), request.headers()) {
        Some((status, message, code)) => ApiError::new(status, message).code(code).into_response(),
        None => next.run(request).await,
    }
}

type Fault = (StatusCode, &'static str, &'static str);

/// The request's violation of HTTP.
fn fault(version: Version, headers: &HeaderMap) -> Option<Fault> {
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_11 => return Some((BAD, "there is no Host header", "bad_host")),
        (Some(_), Some(_)) => return Some((BAD, "there is more than one Host header", "bad_host")),
        (Some(host), None) if !is_host(host.as_bytes()) => {
            return Some((BAD, "the header Host is not a name or address with an optional port", "bad_host"));
        }
        _ => {}
    }
    let values = headers.get_all(TRANSFER_ENCODING).iter().map(|value| value.as_bytes());
    let codings: Vec<&[u8]> = values.flat_map(|value| value.split(|&b| b == b',')).map(<[u8]>::trim_ascii).collect();
    match codings[..] {
        [] => None,
        _ if codings.iter().any(|coding| !coding.eq_ignore_ascii_case(b"chunked")) => {
            let message = "unsupported Transfer-Encoding: only chunked is supported";
            Some((StatusCode::NOT_IMPLEMENTED, message, "unsupported_transfer_coding"))
        }
        [_] => None,
        _ => Some((BAD, "the body is chunked more than once (Transfer-Encoding)", "broken_body")),
    }
}

/// True for a host with an optional port. An empty one is valid where the target has no host either.
fn is_host(value: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(value) else { return value.is_empty() };
    !authority.as_str().contains('@')
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn status(version: Version, fields: &[(HeaderName, &'static str)]) -> Option<u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        fault(version, &headers).map(|(status, ..)| status.as_u16())
    }

    #[test]
    fn a_request_of_http_1_1_has_one_host() {
        assert_eq!(status(Version::HTTP_11, &[]), Some(400));
        assert_eq!(status(Version::HTTP_11, &[(HOST, "a"), (HOST, "a")]), Some(400));
        for fine in ["localhost", "127.0.0.1:7997", "[::1]:7997", "example.org", "a_b", ""] {
            assert_eq!(status(Version::HTTP_11, &[(HOST, fine)]), None, "{fine}");
        }
        for bad in ["a b", "a/b", "user@a", "a:b:c", "http://a"] {
            assert_eq!(status(Version::HTTP_11, &[(HOST, bad)]), Some(400), "{bad}");
        }
        assert_eq!(status(Version::HTTP_10, &[]), None);
        assert_eq!(status(Version::HTTP_2, &[]), None);
        assert_eq!(status(Version::HTTP_10, &[(HOST, "a"), (HOST, "b")]), Some(400));
    }

    #[test]
    fn bodies_are_chunked_once_or_not_at_all() {
        let of = |value| status(Version::HTTP_11, &[(HOST, "a"), (TRANSFER_ENCODING, value)]);
        for fine in ["chunked", "Chunked", " chunked "] {
            assert_eq!(of(fine), None, "{fine}");
        }
        for unknown in ["gzip, chunked", "deflate,chunked", "x", "identity", "chunked, gzip", "chunked;q=1", ""] {
            assert_eq!(of(unknown), Some(501), "{unknown}");
        }
        let twice = [(HOST, "a"), (TRANSFER_ENCODING, "chunked"), (TRANSFER_ENCODING, "chunked")];
        assert_eq!(status(Version::HTTP_11, &twice), Some(400));
        assert_eq!(of("chunked, chunked"), Some(400));
    }
}
