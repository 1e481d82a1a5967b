//! `--cors-allow-origin`: the origins whose pages may send requests.

use std::time::Duration;

use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use crate::server::ServeError;

/// Maximum time that a browser caches the permission.
const REMEMBER: Duration = Duration::from_secs(3600);

/// `None` without allowed origins.
pub(crate) fn layer(origins: &[String]) -> Result<Option<CorsLayer>, ServeError> {
    let allowed = match origins {
        [] => return Ok(None),
        _ if origins.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        _ => AllowOrigin::list(origins.iter().map(|origin| parse(origin)).collect::<Result<Vec<_>, _>>()?),
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        // Not `*`, which excludes Authorization.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(ExposeHeaders::any())
        .max_age(REMEMBER);
    Ok(Some(layer))
}

/// Browsers send scheme, host and port, and compare exactly: other values would never match.
fn parse(origin: &str) -> Result<HeaderValue, ServeError> {
    let refuse = |reason: &str| ServeError::Flag {
        flag: "--cors-allow-origin",
        value: origin.into(),
        reason: format!("{reason}, as in https://example.org or http://localhost:3000, or *"),
    };
    let Some((scheme, host)) = origin.split_once("://").filter(|(scheme, host)| !scheme.is_empty() && !host.is_empty())
    else {
        return Err(refuse("an origin has a scheme and a host"));
    };
    if host.contains(['/', '?', '#', '@', '*']) {
        return Err(refuse("an origin is a scheme, a host and perhaps a port"));
    }
    let origin = format!("{}://{}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let visible = origin.bytes().all(|b| b.is_ascii_graphic());
    HeaderValue::try_from(origin).ok().filter(|_| visible).ok_or_else(|| refuse("an origin is written in ASCII"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        assert_eq!(parse("https://Example.org").unwrap(), "https://example.org");
        assert_eq!(parse("http://localhost:3000").unwrap(), "http://localhost:3000");
        for bad in ["example.org", "https://example.org/", "https://", "://x", "https://*.example.org", "https://a b"] {
            assert!(parse(bad).unwrap_err().to_string().contains("--cors-allow-origin"), "{bad}");
        }
    }
}
