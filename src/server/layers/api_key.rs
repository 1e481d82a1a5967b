//! Checks the API key, before the request body is read.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::server::routes::is_health;
use crate::server::{ApiError, ApiKeys};

/// Passes requests with a valid key and health checks.
pub(crate) async fn check(State(keys): State<ApiKeys>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !keys.are_needed() || is_health(path) {
        return next.run(request).await;
    }
    let headers = request.headers();
    // Azure's clients use their own header.
    let azure = || headers.get("api-key").map(|value| Some(value.as_bytes()));
    let key = headers.get(header::AUTHORIZATION).map(|value| bearer(value.as_bytes())).or_else(azure);
    let message = match key {
        Some(Some(key)) if keys.contain(key) => return next.run(request).await,
        Some(Some(_)) => "the API key is not valid",
        Some(None) => "the header Authorization must be: Bearer KEY",
        None => "an API key is required, in the header Authorization: Bearer KEY",
    };
    let mut refusal = ApiError::new(StatusCode::UNAUTHORIZED, message).code("invalid_api_key").into_response();
    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    refusal
}

/// The key in an Authorization header.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for value in ["Bearer key", "bearer key", "BEARER  key "] {
            assert_eq!(bearer(value.as_bytes()), Some(b"key".as_slice()), "{value}");
        }
        for value in ["", "key", "Bearer", "Basic key1234", "Bearerkey"] {
            assert_eq!(bearer(value.as_bytes()), None, "{value}");
        }
    }
}
