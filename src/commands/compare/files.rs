//! The content of files, by their names and first bytes: what to compare, and what was probably meant.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::commands::Error;

/// Bytes of a file that are looked at.
const HEAD: u64 = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A report of `infa bench`.
    Report,
    /// Vectors, by the extension or by the first bytes.
    Vectors,
    Texts,
    /// Pipes, directories, other JSON, other bytes: reading it shows more.
    Other,
}

impl Content {
    fn of(path: &Path) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("npy" | "npz" | "jsonl" | "ndjson" | "csv" | "parquet") => return Self::Vectors,
            // A pipe can be read once only.
            _ if !path.is_file() => return Self::Other,
            _ => {}
        }
        let mut head = Vec::new();
        // A file that cannot be read is reported when it is read.
        let _ = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        let text = String::from_utf8_lossy(&head);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let is_json = text.starts_with(['{', '[']) || extension.as_deref() == Some("json");
        if text.starts_with('{') && text.contains("\"schema_version\"") {
            Self::Report
        } else if head.starts_with(b"\x93NUMPY")
            || head.starts_with(b"PAR1")
            || (text.starts_with(['{', '[']) && text.contains("\"embedding\""))
        {
            Self::Vectors
        } else if is_json || text.is_empty() || text.contains(['\0', char::REPLACEMENT_CHARACTER]) {
            Self::Other
        } else {
            Self::Texts
        }
    }
}

/// True if these are files of vectors, rather than results of runs: one is, and none is a result file.
pub(super) fn hold_vectors(files: &[PathBuf]) -> bool {
    let contents: Vec<Content> = files.iter().map(|file| Content::of(file)).collect();
    contents.contains(&Content::Vectors) && !contents.contains(&Content::Report)
}

/// Fails if one of these result files is plainly something else.
pub(super) fn expect_reports<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<(), Error> {
    for file in files {
        let (found, hint) = match Content::of(file) {
            Content::Vectors => {
                ("saved vectors", "infa compare vectors OLD NEW compares two files of vectors".to_owned())
            }
            Content::Texts => ("texts", with_engines(file)),
            Content::Report | Content::Other => continue,
        };
        let message = format!("{}: not a report of infa bench, but {found}", file.display());
        return Err(Error::Usage { message, hint });
    }
    Ok(())
}

/// Fails if one of these files of vectors is plainly something else, or if there is only one.
pub(super) fn expect_vectors(files: &[PathBuf]) -> Result<(), Error> {
    for file in files {
        let (found, hint) = match Content::of(file) {
            Content::Report => ("a report of infa bench", "infa compare runs BASE NEW compares reports".to_owned()),
            Content::Texts => {
                let vectors = file.with_extension("npy");
                let write = format!("infa embed {} --format npy -o {}", file.display(), vectors.display());
                ("texts", format!("{write} writes their vectors"))
            }
            Content::Vectors | Content::Other => continue,
        };
        let message = format!("{}: not saved vectors, but {found}", file.display());
        return Err(Error::Usage { message, hint });
    }
    match files {
        [one] => Err(Error::Usage {
            message: format!("{}: a single file of vectors has nothing to be compared with", one.display()),
            hint: "name a second one: infa compare vectors OLD NEW".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn with_engines(file: &Path) -> String {
    format!("infa compare engines --engines onnx,onnx:int8 {} compares engines on them", file.display())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names_and_first_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes, expected) in [
            ("a.npy", &b""[..], Content::Vectors),
            ("b", b"\x93NUMPY\x01\x00", Content::Vectors),
            ("c.bin", b"PAR1", Content::Vectors),
            ("d.txt", b" [{\"index\":0,\"embedding\":[1]}]", Content::Vectors),
            ("e.json", b"\xef\xbb\xbf{\"schema_version\":1}", Content::Report),
            ("f", b"{\"schema_version\":1}", Content::Report),
            ("g.txt", b"what do cats eat\na bridge\n", Content::Texts),
            ("h", "Bäume\n".as_bytes(), Content::Texts),
            ("i.json", b"<html>", Content::Other),
            ("j", b"{\"results\":[]}", Content::Other),
            ("k", b"\x7fELF\0\0\xff", Content::Other),
            ("l.txt", b" \n", Content::Other),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(Content::of(&path), expected, "{name}");
        }
        assert_eq!(Content::of(dir.path()), Content::Other);
        assert_eq!(Content::of(&dir.path().join("missing")), Content::Other);
    }
}
