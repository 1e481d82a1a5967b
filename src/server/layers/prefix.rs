//! `--url-prefix` and needless slashes: removed from the path first.

use std::borrow::Cow;

use axum::extract::{OriginalUri, Request};
use tower::util::MapRequestLayer;

use super::paths::{single_slashes, with_path, without_last_slash};
use crate::server::ServeError;
use crate::server::routes::is_health;

/// The prefix of all paths: empty, or a path with a slash at its start and none at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(String);

/// Marks a request whose path is not under the prefix, which it holds.
#[derive(Debug, Clone)]
pub(crate) struct Outside(pub String);

impl Prefix {
    /// Slashes at the ends are optional.
    pub(crate) fn parse(text: &str) -> Result<Self, ServeError> {
        let path = text.trim_matches('/');
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        if path.is_empty() {
            Ok(Self(String::new()))
        } else if path.chars().all(allowed) && !path.split('/').any(|part| ["", ".", ".."].contains(&part)) {
            Ok(Self(format!("/{path}")))
        } else {
            let reason = "a path has only letters, digits and - . _ ~ between its slashes, and no part . or ..".into();
            Err(ServeError::Flag { flag: "--url-prefix", value: text.into(), reason })
        }
    }

    /// The rest of a path under the prefix; `None` for other paths.
    fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.0.is_empty() {
            return Some(path);
        }
        match path.strip_prefix(&self.0)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// The request without prefix and needless slashes; [`OriginalUri`] keeps the prefix.
    fn take_off(&self, mut request: Request) -> Request {
        let uri = match single_slashes(request.uri().path()) {
            Cow::Borrowed(_) => request.uri().clone(),
            // A valid path stays valid with fewer slashes.
            Cow::Owned(path) => with_path(request.uri(), &path).unwrap_or_else(|| request.uri().clone()),
        };
        let path = match self.strip(uri.path()) {
            Some(path) => path,
            None if is_health(without_last_slash(uri.path())) => uri.path(),
            None => {
                request.extensions_mut().insert(Outside(self.0.clone()));
                uri.path()
            }
        };
        let path = without_last_slash(path);
        if path != request.uri().path()
            && let Some(stripped) = with_path(&uri, path)
        {
            *request.uri_mut() = stripped;
        }
        request.extensions_mut().insert(OriginalUri(uri));
        request
    }
}

pub(crate) fn layer(prefix: Prefix) -> MapRequestLayer<impl Fn(Request) -> Request + Clone + Send> {
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
            assert_eq!(path(prefix, "//health/").unwrap(), "/health");
            assert_eq!(path(prefix, "//a//b///v1/models/?x=//").unwrap(), "/v1/models?x=//");
            assert_eq!(path(prefix, "/a/b/docs//").unwrap(), "/docs/");
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
            assert_eq!(path(prefix, "//v1//models/?x=1").unwrap(), "/v1/models?x=1");
            assert_eq!(path(prefix, "//").unwrap(), "/");
        }
    }

    #[test]
    fn odd_prefixes_are_refused() {
        for prefix in ["/a b", "/a?b", "/a//b", "/{a}", "/ä", "../x", "/a/./b", "/a/.."] {
            assert!(Prefix::parse(prefix).unwrap_err().to_string().contains("--url-prefix"), "{prefix}");
        }
    }
}
