//! Download of one file, atomic: complete and checked, or absent.
//!
//! Bytes go to `NAME.incomplete` beside the destination and are hashed as they arrive; only a file of the right size
//! and sum is renamed into place. The next attempt, in this process or a later one, resumes a partial file.

use super::digest::{Hasher, git_blob_file};
use super::exchange::Head;
use super::http::{Http, HttpRequest, body_error, parse, redacted_url, same_origin, text};
use super::retry::{AttemptError, Retries};
use super::{Context, FetchError, ProgressTask};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, RANGE};
use reqwest::{Method, Url};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A download: its address, its destination, and its expected size and sum.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    pub url: &'a str,
    /// Sent as `Authorization: Bearer` only to the scheme, host and port of `url`.
    pub token: Option<&'a str>,
    /// Further headers, by lower-case name; like the token they go to the first host only.
    pub headers: &'a [(&'static str, &'a str)],
    /// Its destination; the directory is made.
    pub destination: &'a Path,
    /// Its SHA-256 in hex, where known.
    pub expected_sha256: Option<&'a str>,
    /// The name that Git gives it by its contents, in hex, where known.
    pub expected_git_blob: Option<&'a str>,
    /// Its size in bytes, where known.
    pub expected_size: Option<u64>,
    /// Its strong ETag at the first host, without quotes, where known.
    pub etag: Option<&'a str>,
    /// Its name for people.
    pub label: &'a str,
}

/// A file that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

impl Http {
    /// Downloads one file, replacing the file at the destination.
    ///
    /// A partial file of an earlier run is resumed only if an expected SHA-256 or an ETag proves that it belongs to
    /// this file.
    ///
    /// # Errors
    /// `Unreachable` and `Cut` after the retries, `Status`, `Malformed`; `Size` and `Checksum` if the bytes are not the
    /// expected ones (then the partial file is deleted); `Io`; `Offline` and `Cancelled` from the context.
    pub fn download(&self, wanted: Download, ctx: &Context) -> Result<Downloaded, FetchError> {
        let url = parse(wanted.url)?;
        if ctx.offline {
            return Err(FetchError::Offline { what: wanted.label.to_owned() });
        }
        if let Some(parent) = wanted.destination.parent() {
            std::fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
        }
        let mut task = ctx.progress.start(wanted.label, wanted.expected_size);
        let mut again = true;
        loop {
            let mut partial = Partial::open(&wanted, ctx)?;
            let outcome =
                self.fill(&wanted, &url, &mut partial, &mut *task, ctx).and_then(|()| partial.check(&wanted, ctx));
            match outcome {
                Ok(sha256) => return partial.finish(wanted.destination, sha256),
                Err(error @ (FetchError::Checksum { .. } | FetchError::GitBlob { .. } | FetchError::Size { .. })) => {
                    let patched = partial.patched;
                    partial.discard()?;
                    // Pieces of two answers may not belong together; one whole answer is final.
                    if !(patched && std::mem::take(&mut again)) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends requests until the partial file has its full length.
    fn fill(
        &self,
        wanted: &Download,
        url: &Url,
        partial: &mut Partial,
        task: &mut dyn ProgressTask,
        ctx: &Context,
    ) -> Result<(), FetchError> {
        let start = partial.position;
        // A server that always cuts at the same byte makes no progress, however much it sends.
        let mut furthest = start;
        let mut retries = Retries::new(&self.limits, self.limits.retries);
        // A validator belongs to the host that gave it: a CDN's ETag is not the Hub's.
        let mut validators: Vec<(Url, String)> = wanted.etag.map(|e| (url.clone(), e.to_owned())).into_iter().collect();
        loop {
            task.position(partial.position);
            if partial.position > 0 && Some(partial.position) == wanted.expected_size {
                return Ok(());
            }
            let error = match self.attempt(wanted, url, partial, &mut validators, task, ctx) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if partial.position > furthest {
                furthest = partial.position;
                retries.reset();
            }
            retries.wait(error, furthest > start, ctx)?;
        }
    }

    /// One request: the rest of the file if the server can, or else all of it.
    fn attempt(
        &self,
        wanted: &Download,
        url: &Url,
        partial: &mut Partial,
        validators: &mut Vec<(Url, String)>,
        task: &mut dyn ProgressTask,
        ctx: &Context,
    ) -> Result<(), AttemptError> {
        let position = partial.position;
        let answer = {
            let extra = |hop: &Url| -> Vec<(HeaderName, String)> {
                let mut headers = Vec::new();
                if same_origin(hop, url) {
                    let own = wanted.headers.iter().map(|(n, v)| (HeaderName::from_static(n), (*v).to_owned()));
                    headers.extend(own);
                }
                let validator = validators.iter().find(|(at, _)| same_origin(at, hop)).map(|(_, etag)| etag);
                // Without a validator only the sum proves that the pieces fit.
                if position > 0 && (validator.is_some() || wanted.expected_sha256.is_some()) {
                    headers.push((RANGE, format!("bytes={position}-")));
                    headers.extend(validator.map(|etag| (IF_RANGE, format!("\"{etag}\""))));
                }
                headers
            };
            self.send(
                HttpRequest { method: Method::GET, url: url.clone(), token: wanted.token, extra: &extra, stay: false },
                ctx,
            )?
        };
        if let Some(etag) = strong_etag(&answer.head) {
            validators.retain(|(at, _)| !same_origin(at, &answer.url));
            validators.push((answer.url.clone(), etag));
        }
        let total = begin(wanted, &answer.head, &answer.url, partial)?;
        let mut body = answer.body;
        while let Some(chunk) = body.chunk(ctx).map_err(|error| body_error(error, &answer.url, partial.position))? {
            partial.append(&chunk)?;
            if let Some(expected) = wanted.expected_size.filter(|&size| partial.position > size) {
                return Err(size_error(wanted, expected, partial.position).into());
            }
            task.position(partial.position);
        }
        match wanted.expected_size.or(total) {
            Some(size) if partial.position < size => {
                let reason = format!("{size} bytes were announced");
                let error = FetchError::Cut { url: redacted_url(&answer.url), received: partial.position, reason };
                Err(AttemptError::Transient { error, wait: None, never_connected: false })
            }
            _ => Ok(()),
        }
    }
}

/// Makes the partial file fit the response, and returns the length of the whole file.
fn begin(wanted: &Download, head: &Head, url: &Url, partial: &mut Partial) -> Result<Option<u64>, AttemptError> {
    let malformed = |reason: String| FetchError::Malformed { url: redacted_url(url), reason };
    // The response does not continue the partial file: discard it and request the whole file.
    let start_over = |partial: &mut Partial, reason: String| {
        partial.clear()?;
        Err(AttemptError::Transient {
            error: malformed(reason),
            wait: Some(std::time::Duration::ZERO),
            never_connected: false,
        })
    };
    match head.status {
        206 if partial.position > 0 => {
            let range = text(&head.headers, CONTENT_RANGE.as_str()).unwrap_or_default();
            let Some((start, total)) = content_range(&range) else {
                return start_over(partial, format!("Content-Range {range:?}"));
            };
            let fits = total.is_none() || wanted.expected_size.is_none() || total == wanted.expected_size;
            if start != partial.position || !fits {
                return start_over(partial, format!("Content-Range {range:?} instead of {}-", partial.position));
            }
            partial.patched = true;
            Ok(total)
        }
        200 => {
            partial.clear()?;
            let total = text(&head.headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
            match (wanted.expected_size, total) {
                (Some(expected), Some(actual)) if expected != actual => {
                    Err(size_error(wanted, expected, actual).into())
                }
                _ => Ok(total),
            }
        }
        416 if partial.position > 0 => start_over(partial, "the range is beyond its end".to_owned()),
        status => Err(malformed(format!("status {status} for a file")).into()),
    }
}

fn size_error(wanted: &Download, expected: u64, actual: u64) -> FetchError {
    FetchError::Size { what: wanted.label.to_owned(), expected, actual }
}

/// `bytes START-END/TOTAL` (RFC 9110, 14.4): the start, and the total unless it is `*`.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        digits => Some(digits.parse().ok()?),
    };
    (start <= end && total.is_none_or(|total| end < total)).then_some((start, total))
}

/// An ETag that If-Range may repeat: strong, quoted, without anything strange inside.
fn strong_etag(head: &Head) -> Option<String> {
    let value = text(&head.headers, ETAG.as_str())?;
    let inner = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!inner.is_empty() && inner.bytes().all(|b| b.is_ascii_graphic() && b != b'"')).then(|| inner.to_owned())
}

/// The file `NAME.incomplete`, and the running sum of its bytes.
struct Partial {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    position: u64,
    /// Its bytes come from more than one answer.
    patched: bool,
}

impl Partial {
    fn open(wanted: &Download, ctx: &Context) -> Result<Self, FetchError> {
        let mut path = OsString::from(wanted.destination);
        path.push(".incomplete");
        let path = PathBuf::from(path);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(FetchError::io(&path))?;
        let mut partial = Self { path, file, hasher: Hasher::new(), position: 0, patched: false };
        let length = partial.file.metadata().map_err(FetchError::io(&partial.path))?.len();
        let vouched = wanted.expected_sha256.is_some() || wanted.etag.is_some();
        let fits = match wanted.expected_size {
            // A file of full length that was not renamed yet is kept only if its sum can be checked.
            Some(size) => length < size || (length == size && wanted.expected_sha256.is_some()),
            None => true,
        };
        if length > 0 && vouched && fits {
            partial.position = partial.hasher.absorb(&mut partial.file, &partial.path, &ctx.cancel)?;
            partial.patched = true;
        } else {
            partial.clear()?;
        }
        Ok(partial)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(FetchError::io(&self.path))?;
        self.hasher.update(bytes);
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Empties the file and its sum.
    fn clear(&mut self) -> Result<(), FetchError> {
        self.file.set_len(0).map_err(FetchError::io(&self.path))?;
        self.file.seek(SeekFrom::Start(0)).map_err(FetchError::io(&self.path))?;
        self.hasher = Hasher::new();
        self.position = 0;
        self.patched = false;
        Ok(())
    }

    /// Compares size and sum with the expected ones; returns the sum.
    fn check(&self, wanted: &Download, ctx: &Context) -> Result<String, FetchError> {
        if let Some(expected) = wanted.expected_size.filter(|&size| size != self.position) {
            return Err(size_error(wanted, expected, self.position));
        }
        if let Some(expected) = wanted.expected_git_blob {
            let actual = git_blob_file(&self.path, &ctx.cancel)?;
            if !actual.eq_ignore_ascii_case(expected) {
                let (what, expected) = (wanted.label.to_owned(), expected.to_owned());
                return Err(FetchError::GitBlob { what, expected, actual });
            }
        }
        let actual = self.hasher.clone().finish();
        match wanted.expected_sha256 {
            Some(expected) if !actual.eq_ignore_ascii_case(expected) => {
                Err(FetchError::Checksum { what: wanted.label.to_owned(), expected: expected.to_owned(), actual })
            }
            _ => Ok(actual),
        }
    }

    fn finish(self, destination: &Path, sha256: String) -> Result<Downloaded, FetchError> {
        self.file.sync_all().map_err(FetchError::io(&self.path))?;
        drop(self.file);
        std::fs::rename(&self.path, destination).map_err(FetchError::io(destination))?;
        Ok(Downloaded { size: self.position, sha256 })
    }

    fn discard(self) -> Result<(), FetchError> {
        drop(self.file);
        std::fs::remove_file(&self.path).map_err(FetchError::io(&self.path))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn content_ranges_are_read_strictly() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in ["", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "5-9/10", "bytes 5-9", "bytes -1-9/10"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
