//! Failures of requests to a server.

use std::time::Duration;

/// The reason that a request to a server has no usable reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    #[error("no connection: {reason}")]
    Connect { reason: String },
    #[error("no encrypted connection: {reason}")]
    Tls { reason: String },
    #[error("no complete reply within {}", humantime::format_duration(*.after))]
    Timeout { after: Duration },
    #[error("the connection broke: {reason}")]
    Broken { reason: String },
    #[error("HTTP {code}{}", .message.as_ref().map(|message| format!(": {message}")).unwrap_or_default())]
    Status { code: u16, message: Option<String>, retry_after: Option<Duration> },
    #[error("it redirects to {target}, which is not followed")]
    Redirect { target: String },
    #[error("the reply is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the reply cannot be read: {reason}")]
    Garbage { reason: String },
    #[error("the reply does not fit: {reason}")]
    Shape { reason: String },
    /// A vector or a score is not a usable number: NaN, infinite, all zeros.
    #[error("{0}")]
    Numbers(&'static str),
    #[error("interrupted")]
    Cancelled,
}

impl RemoteError {
    pub(super) fn garbage(reason: impl ToString) -> Self {
        Self::Garbage { reason: clip(&reason.to_string()) }
    }

    pub(super) fn shape(reason: impl ToString) -> Self {
        Self::Shape { reason: clip(&reason.to_string()) }
    }

    /// A short name of what went wrong, the same for all of a kind: for counting.
    pub fn kind(&self) -> String {
        match self {
            Self::Connect { .. } => "connect".into(),
            Self::Tls { .. } => "tls".into(),
            Self::Timeout { .. } => "timeout".into(),
            Self::Broken { .. } => "broken".into(),
            Self::Status { code, .. } => format!("status {code}"),
            Self::Redirect { .. } => "redirect".into(),
            Self::TooLarge { .. } => "too large".into(),
            Self::Garbage { .. } => "garbage".into(),
            Self::Shape { .. } => "wrong shape".into(),
            Self::Numbers(_) => "numbers".into(),
            Self::Cancelled => "cancelled".into(),
        }
    }

    pub fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Broken { .. } => true,
            Self::Status { code, .. } => matches!(code, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// True if the inputs may be the reason: one of them, or their number.
    pub fn is_about_inputs(&self) -> bool {
        matches!(self, Self::Status { code: 400 | 413 | 422, .. })
    }
}

/// Maximum length of foreign text in a message, in characters.
const MAX_MESSAGE: usize = 300;

/// `text` on one line, without control characters, and not too long.
pub(super) fn clip(text: &str) -> String {
    let mut clipped = String::new();
    let mut characters = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !clipped.is_empty() {
            clipped.push(' ');
            characters += 1;
        }
        for c in word.chars() {
            if characters == MAX_MESSAGE {
                clipped.push('…');
                return clipped;
            }
            clipped.push(c);
            characters += 1;
        }
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_made_harmless() {
        assert_eq!(clip(" a\u{1b}[31m\n\tb\u{7}"), "a [31m b");
        let long = clip(&"ä".repeat(1000));
        assert_eq!(long.chars().count(), MAX_MESSAGE + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn what_may_pass() {
        let status = |code| RemoteError::Status { code, message: None, retry_after: None };
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(status(code).may_pass(), "{code}");
        }
        for code in [400, 401, 403, 404, 413, 422, 424, 501] {
            assert!(!status(code).may_pass(), "{code}");
        }
        assert!(!RemoteError::garbage("x").may_pass());
        assert_eq!(status(429).kind(), "status 429");
        assert_eq!(status(429).to_string(), "HTTP 429");
    }
}
