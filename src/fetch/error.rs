//! Errors of fetches, with hints for the user.
//!
//! One type for HTTP, pip, archives and locks: `model` and `runtime` wrap it and add their context.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The fetch was cancelled.
    #[error("interrupted")]
    Cancelled,
    /// `--offline` forbids the network and the thing is not cached.
    #[error("{what} is not cached and --offline forbids the network")]
    Offline {
        /// The name of the wanted thing.
        what: String,
    },
    /// The address is malformed.
    #[error("{url} is not a usable address: {reason}")]
    Address { url: String, reason: String },
    /// No answer: name resolution, connection, TLS, or a timeout.
    #[error("no connection to {url}: {reason}")]
    Unreachable { url: String, reason: String },
    /// The answer began and broke off, again and again. What arrived is kept for the next attempt.
    #[error("the connection to {url} broke after {received} bytes: {reason}")]
    Cut {
        url: String,
        /// Bytes that are here.
        received: u64,
        reason: String,
    },
    /// The HTTP client could not be set up on this machine.
    #[error("cannot make HTTPS requests: {reason}")]
    Client { reason: String },
    /// A header, such as the access token's, has a character that headers cannot hold.
    #[error("{what} holds characters that no HTTP header may hold")]
    Header {
        /// The kind of header; its value is not shown.
        what: String,
    },
    /// The server answered with an error status.
    #[error("{url} answered {status}{}", message.as_deref().map(|m| format!(" ({m})")).unwrap_or_default())]
    Status {
        url: String,
        /// The HTTP status code.
        status: u16,
        /// The Hub's machine-readable reason (header `X-Error-Code`), such as `GatedRepo`.
        code: Option<String>,
        /// The Hub's reason for people (header `X-Error-Message`).
        message: Option<String>,
    },
    /// The response makes no sense.
    #[error("{url} sent an unusable response: {reason}")]
    Malformed { url: String, reason: String },
    /// The bytes that arrived are not the ones that were promised.
    #[error("{what} does not have the expected SHA-256 {expected}: it has {actual}")]
    Checksum {
        what: String,
        /// The sum promised, in hex.
        expected: String,
        /// The sum of what arrived, in hex.
        actual: String,
    },
    /// The same, of a file that is kept in Git.
    #[error("{what} is not the file that was promised: Git's id of it would be {actual}, not {expected}")]
    GitBlob {
        what: String,
        /// The id promised, in hex.
        expected: String,
        /// The id of what arrived, in hex.
        actual: String,
    },
    /// More or fewer bytes than promised.
    #[error("{what} should have {expected} bytes, but has {actual}")]
    Size {
        what: String,
        /// Bytes promised.
        expected: u64,
        /// Bytes announced or arrived.
        actual: u64,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// A zip archive is damaged, or holds unsafe names or sizes.
    #[error("{} is not a usable archive: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        reason: String,
    },
    /// pip is missing or failed.
    #[error("{command} failed: {reason}")]
    Pip {
        /// The command line.
        command: String,
        /// The last lines it printed.
        reason: String,
    },
}

impl FetchError {
    /// Names the file an I/O error is about: `.map_err(FetchError::io(path))`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FetchError + use<> {
        let path = path.to_path_buf();
        move |source| FetchError::Io { path, source }
    }

    /// True if the network or the server is down; then an older cached copy may be used.
    pub fn is_unreachable(&self) -> bool {
        match self {
            FetchError::Unreachable { .. } | FetchError::Cut { .. } | FetchError::Client { .. } => true,
            FetchError::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    /// The remedy, in one sentence, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            FetchError::Cancelled | FetchError::Malformed { .. } => return None,
            FetchError::Offline { .. } => "run once without --offline (and without HF_HUB_OFFLINE), then it is cached",
            FetchError::Address { .. } => "an address begins with https:// or http://: check HF_ENDPOINT",
            FetchError::Unreachable { .. } => {
                "check the network; behind a proxy set HTTPS_PROXY, and HF_ENDPOINT names a mirror of the Hub"
            }
            FetchError::Cut { .. } => "run the command again: the download goes on where it stopped",
            FetchError::Client { .. } => {
                "install the system's certificates (package ca-certificates), or name a file of them in SSL_CERT_FILE"
            }
            FetchError::Header { .. } => "an access token is one line of letters and digits: check HF_TOKEN",
            FetchError::Status { status: 401 | 403, .. } => {
                "the server refuses access: check the address and the token"
            }
            FetchError::Status { status: 429, .. } => "too many requests: wait a little and run the command again",
            FetchError::Status { status, .. } if *status >= 500 => "the server has trouble: try again later",
            FetchError::Status { .. } => return None,
            FetchError::Checksum { .. } | FetchError::GitBlob { .. } | FetchError::Size { .. } => {
                "nothing was installed; try again, and if it happens again a proxy or mirror may be changing files"
            }
            FetchError::Io { path, source } => return io_hint(path, source),
            FetchError::Archive { .. } => "remove the file and run the command again to download it anew",
            FetchError::Pip { reason, .. } => pip_hint(reason),
        };
        Some(text.to_owned())
    }
}

/// The settings of the directories that are written.
const CACHES: &str = "--cache-dir names that of infa, HF_HOME that of models from the Hub";

fn io_hint(path: &Path, source: &std::io::Error) -> Option<String> {
    let place = path.parent().unwrap_or(path).display();
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some(format!("make room on the disk of {place}, or use another one: {CACHES}"))
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some(format!("make {place} writable, or use a directory that is: {CACHES}"))
        }
        // Of a directory that cannot be made.
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            Some(format!("use a directory that can be made and written: {CACHES}"))
        }
        _ => None,
    }
}

fn pip_hint(reason: &str) -> &'static str {
    if reason.contains("No module named pip") {
        "install pip for this Python (python3 -m ensurepip --upgrade, or the package python3-pip)"
    } else if reason.contains("not found on this machine") {
        "install Python 3 with pip, or name another interpreter"
    } else {
        "run the command by hand to see all it prints; a proxy or mirror is set in pip's own configuration"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hints_name_a_remedy_where_there_is_one() {
        let pip = |reason: &str| FetchError::Pip { command: "pip".into(), reason: reason.into() }.hint().unwrap();
        assert!(pip("/usr/bin/python3: No module named pip").contains("ensurepip"));
        assert!(pip("snake was not found on this machine").contains("Python 3"));
        let full = FetchError::io(Path::new("/cache/blobs/x"))(ErrorKind::StorageFull.into());
        assert!(full.hint().unwrap().contains("/cache/blobs"));
        for kind in [ErrorKind::NotFound, ErrorKind::NotADirectory, ErrorKind::PermissionDenied] {
            let unwritable = FetchError::io(Path::new("/proc/x/onnxruntime"))(kind.into());
            assert!(unwritable.hint().unwrap().contains("--cache-dir"), "{kind:?}");
        }
        assert!(FetchError::Cancelled.hint().is_none());
    }

    #[test]
    fn a_status_shows_the_servers_message() {
        let status = |message: Option<&str>| {
            FetchError::Status { url: "http://h/x".into(), status: 403, code: None, message: message.map(Into::into) }
                .to_string()
        };
        assert_eq!(status(None), "http://h/x answered 403");
        assert_eq!(status(Some("no")), "http://h/x answered 403 (no)");
    }
}
