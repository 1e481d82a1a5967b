//! Names from a peer that become paths.
//!
//! A server, an archive or a cached pointer may name `../../.bashrc`; every such name is checked here first.

use std::path::{Component, Path, PathBuf};

/// A relative path with `/` between its parts, every part an ordinary name.
///
/// # Errors
/// In words, why the name is refused: empty, absolute, `..`, control characters, backslashes, overlong.
pub(crate) fn relative(name: &str) -> Result<PathBuf, &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > 1024 || name.split('/').any(|part| part.len() > 255) {
        return Err("it is too long");
    }
    if name.chars().any(char::is_control) {
        return Err("it holds control characters");
    }
    if name.contains('\\') {
        return Err("it holds a backslash");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("it is absolute or leaves its directory");
    }
    // Drive letters and alternate streams (`C:x`, `a:b`) exist on Windows only.
    if cfg!(windows) && name.contains(':') {
        return Err("it holds a colon");
    }
    let path = Path::new(name);
    if path.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(path.to_path_buf())
    } else {
        Err("it is absolute or leaves its directory")
    }
}

/// One path segment of a URL, percent-encoded: everything but RFC 3986's unreserved characters.
pub(crate) fn url_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&super::digest::hex(&[byte]).to_uppercase());
        }
    }
    out
}

/// A path of several segments, each percent-encoded, the slashes kept.
pub(crate) fn url_path(name: &str) -> String {
    name.split('/').map(url_segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ordinary_names_pass() {
        for name in ["config.json", "onnx/model.onnx", "1_Pooling/config.json", "ünï côde", ".gitattributes", "a..b"]
        {
            assert_eq!(relative(name).unwrap(), Path::new(name), "{name}");
        }
    }

    #[test]
    fn names_that_leave_their_directory_are_refused() {
        for name in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "../../x",
            "a/../../x",
            "a/./b",
            "a//b",
            "a/",
            "./a",
            "a\0b",
            "a\nb",
            "..\\x",
            "a\\b",
            "\u{7f}",
        ] {
            assert!(relative(name).is_err(), "{name:?}");
        }
        assert!(relative(&"a".repeat(256)).is_err());
        assert!(relative(&"a/".repeat(600)).is_err());
    }

    #[test]
    fn url_paths_are_percent_encoded_segment_by_segment() {
        assert_eq!(url_path("a b/ü?#%.json"), "a%20b/%C3%BC%3F%23%25.json");
        assert_eq!(url_segment("refs/pr/1"), "refs%2Fpr%2F1");
    }
}
