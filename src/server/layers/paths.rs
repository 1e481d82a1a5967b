//! Needless slashes in paths.
//!
//! Doubled and trailing ones, from base URLs that end in a slash, are removed first, so that no layer, above all the
//! check of the key, sees another path than the routes do.

use std::borrow::Cow;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The documentation page, whose files have addresses relative to it: its slash stays.
const PAGE: &str = "/docs/";

/// The path with runs of slashes collapsed.
pub(crate) fn single_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return path.into();
    }
    let mut single = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !single.ends_with('/') {
            single.push(c);
        }
    }
    single.into()
}

/// The path without a final slash, except for the root and the documentation page.
pub(crate) fn without_last_slash(path: &str) -> &str {
    if path == PAGE { path } else { path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path) }
}

/// `uri` with another path and the same query.
pub(crate) fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_in_a_row_become_one() {
        for (path, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("///v1//embeddings///", "/v1/embeddings/"),
            ("/v1/models/a%2F%2Fb", "/v1/models/a%2F%2Fb"),
            ("*", "*"),
        ] {
            assert_eq!(single_slashes(path), expected, "{path}");
        }
    }

    #[test]
    fn the_slash_at_the_end_goes_where_it_means_nothing() {
        for (path, expected) in
            [("/", "/"), ("/rerank/", "/rerank"), ("/rerank", "/rerank"), ("/docs/", "/docs/"), ("/docs/a/", "/docs/a")]
        {
            assert_eq!(without_last_slash(path), expected, "{path}");
        }
    }

    #[test]
    fn the_query_stays() {
        let uri: Uri = "http://host//info//?model=a//b&x".parse().unwrap();
        assert_eq!(with_path(&uri, "/info").unwrap(), "http://host/info?model=a//b&x");
    }
}
