//! `--url-prefix`: taken off the path before anything else looks at it.

use axum::extract::{OriginalUri, Request};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use tower::util::MapRequestLayer;

use super::paths::is_health;
use crate::server::ServeError;

/// What stands before every path: nothing, or a path with a slash at its start and none at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

/// Marks a request whose path is not under the prefix.
#[derive(Debug, Clone, Copy)]
pub struct Outside;

impl Prefix {
    /// Slashes at the ends may be there or not.
    pub fn parse(text: &str) -> Result<Self, ServeError> {
        let path = text.trim_matches('/');
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        if path.is_empty() {
            Ok(Self(String::new()))
        } else if path.chars().all(allowed) && !path.contains("//") {
            Ok(Self(format!("/{path}")))
        } else {
            let reason = "a path has only letters, digits and - . _ ~ between its slashes".into();
            Err(ServeError::Flag { flag: "--url-prefix", value: text.into(), reason })
        }
    }

    /// What is left of a path, if it is under the prefix.
    fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        match path.strip_prefix(&self.0)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// The request without the prefix; what the client asked for stays in [`OriginalUri`].
    fn take_off(&self, mut request: Request) -> Request {
        if self.0.is_empty() {
            return request;
        }
        let uri = request.uri().clone();
        match self.strip(uri.path()) {
            Some(path) => {
                let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
                // A path that was fine is so without its head; if not, it will not be found.
                if let Ok(path) = PathAndQuery::try_from(format!("{path}{query}")) {
                    let mut parts = uri.clone().into_parts();
                    parts.path_and_query = Some(path);
                    if let Ok(stripped) = Uri::from_parts(parts) {
                        *request.uri_mut() = stripped;
                    }
                }
            }
            None if is_health(uri.path()) => {}
            None => {
                request.extensions_mut().insert(Outside);
            }
        }
        request.extensions_mut().insert(OriginalUri(uri));
        request
    }
}

pub fn layer(prefix: Prefix) -> MapRequestLayer<impl Fn(Request) -> Request + Clone + Send> {
    MapRequestLayer::new(move |request| prefix.take_off(request))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn path(prefix: &str, uri: &str) -> Option<String> {
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let request = Prefix::parse(prefix).unwrap().take_off(request);
        request.extensions().get::<Outside>().is_none().then(|| request.uri().to_string())
    }

    #[test]
    fn the_prefix_goes_and_the_query_stays() {
        for prefix in ["/a/b", "a/b", "/a/b/"] {
            assert_eq!(path(prefix, "/a/b/v1/models?x=1").unwrap(), "/v1/models?x=1");
            assert_eq!(path(prefix, "/a/b").unwrap(), "/");
            assert_eq!(path(prefix, "/a/b?x").unwrap(), "/?x");
            assert_eq!(path(prefix, "/a/b/").unwrap(), "/");
            assert_eq!(path(prefix, "/health").unwrap(), "/health");
            assert_eq!(path(prefix, "/a/b/health").unwrap(), "/health");
            for outside in ["/", "/a", "/a/bc", "/models", "/A/B/models"] {
                assert_eq!(path(prefix, outside), None, "{outside}");
            }
        }
    }

    #[test]
    fn no_prefix_changes_nothing() {
        for prefix in ["", "/"] {
            assert_eq!(path(prefix, "/v1/models?x=1").unwrap(), "/v1/models?x=1");
        }
    }

    #[test]
    fn odd_prefixes_are_refused() {
        for prefix in ["/a b", "/a?b", "/a//b", "/{a}", "/ä"] {
            assert!(Prefix::parse(prefix).unwrap_err().to_string().contains("--url-prefix"), "{prefix}");
        }
    }
}
