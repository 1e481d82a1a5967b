//! Options of requests to a server.

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// The model's name on the server; `None`: the server is queried, or has only one.
    pub model: Option<String>,
    pub key: Option<ApiKey>,
    /// True if scores are requested without an activation function.
    pub raw_scores: bool,
    /// Retries of a request after transient failures.
    pub retries: u32,
    pub connect_timeout: Duration,
    /// The longest time from the first byte of a request to the last of its reply.
    pub request_timeout: Duration,
    /// Maximum number of texts in an HTTP request; `None`: an engine's request is one HTTP request of any size, and is
    /// never split.
    pub request_batch: Option<NonZero<usize>>,
    pub concurrency: NonZero<usize>,
}

impl RemoteOptions {
    /// Texts in a request: the default limit of text-embeddings-inference.
    pub const REQUEST_BATCH: NonZero<usize> = NonZero::new(32).expect("not zero");
    pub const CONCURRENCY: NonZero<usize> = NonZero::new(4).expect("not zero");
    /// A full request of long texts takes a slow machine that long.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// The usual options with another time limit of requests.
    pub fn within(request_timeout: Duration) -> Self {
        let connect_timeout = Self::CONNECT_TIMEOUT.min(request_timeout);
        Self { connect_timeout, request_timeout, ..Self::default() }
    }
}

impl Default for RemoteOptions {
    /// No retries, no key, the server's own model.
    fn default() -> Self {
        Self {
            model: None,
            key: None,
            raw_scores: false,
            retries: 0,
            connect_timeout: Self::CONNECT_TIMEOUT,
            request_timeout: Self::REQUEST_TIMEOUT,
            request_batch: Some(Self::REQUEST_BATCH),
            concurrency: Self::CONCURRENCY,
        }
    }
}

/// A key, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// This key; `None` if it is empty.
    pub fn new(key: impl Into<String>) -> Option<Self> {
        let key = key.into();
        (!key.trim().is_empty()).then_some(Self(key))
    }

    /// The key that the environment has: that of the first of `variables` that is set.
    pub fn from_env(variables: &[&str]) -> Option<Self> {
        variables.iter().find_map(|name| Self::new(std::env::var(name).ok()?.trim()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_shown_and_not_empty() {
        let options = RemoteOptions { key: ApiKey::new("secret"), ..RemoteOptions::default() };
        assert!(options.key.is_some() && !format!("{options:?}").contains("secret"));
        assert_eq!(ApiKey::new(" "), None);
    }
}
