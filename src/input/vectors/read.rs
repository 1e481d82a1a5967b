//! Reads saved vectors: the first bytes of a file decide between the formats.

use super::csv;
use super::error::VectorsError;
use super::json;
use super::npy;
use super::parquet;
use super::set::{Builder, Receiver, VectorSet, origin};
use crate::input::InputError;
use crate::input::files::reader::Reader;
use crate::input::files::source::Source;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Bytes of the beginning that are looked at.
pub(super) const HEAD: usize = 64;

/// Reads all vectors of `path`; `-` is stdin.
///
/// # Errors
/// The file cannot be read, is of no known format, is damaged, or holds no row.
pub(crate) fn read(path: &Path) -> Result<VectorSet, VectorsError> {
    let vectors = read_into(path, Builder::new)?;
    if vectors.rows.is_empty() { Err(VectorsError::Empty { file: vectors.name }) } else { Ok(vectors) }
}

/// Hands all vectors of `path`, `-` being stdin, to `receiver` with their texts, block by block: of `.npy` in C order,
/// JSON and CSV some MiB at a time, of Parquet at least a row group, of `.npy` in Fortran order all.
///
/// # Errors
/// As [`read`], and the error of the receiver, which ends the reading.
pub(crate) fn each(path: &Path, receiver: &mut Receiver<'_>) -> Result<(), VectorsError> {
    let mut any = false;
    let mut counted = |vectors: VectorSet| {
        any = true;
        receiver(vectors)
    };
    let rest = read_into(path, |name| Builder::streaming(name, &mut counted))?;
    let name = Arc::clone(&rest.name);
    if !rest.rows.is_empty() {
        any = true;
        receiver(rest)?;
    }
    if any { Ok(()) } else { Err(VectorsError::Empty { file: name }) }
}

/// The rows that the builder keeps: all, or the last block.
fn read_into<'r>(path: &Path, builder: impl FnOnce(Arc<str>) -> Builder<'r>) -> Result<VectorSet, VectorsError> {
    let source = Source::check(path)?;
    let mut reader = source.open(&Arc::new(AtomicU64::new(0)))?;
    let mut head = Vec::with_capacity(HEAD);
    let read = |source_error| InputError::Read { origin: origin(&source.name, 1), source: source_error };
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(read)?;
    let kind = Kind::of(&head);
    let reader: Reader = Box::new(Cursor::new(head).chain(reader));
    let file = || Arc::clone(&source.name);
    let builder = builder(Arc::clone(&source.name));
    match kind {
        Kind::Nothing => Err(VectorsError::Empty { file: file() }),
        Kind::Other(what, hint) => Err(VectorsError::Format { file: file(), what, hint }),
        Kind::Npy => npy::read(reader, builder, source.size.filter(|_| source.is_regular_file())),
        Kind::Parquet => parquet::read(reader, &source, builder),
        Kind::JsonLines => json::lines(reader, builder),
        Kind::JsonArray => json::array(reader, builder),
        Kind::Csv => csv::read(reader, builder),
    }
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    Npy,
    Parquet,
    JsonLines,
    JsonArray,
    Csv,
    /// Its actual kind, and the remedy.
    Other(&'static str, &'static str),
}

impl Kind {
    pub(super) fn of(head: &[u8]) -> Self {
        const CONVERT: &str = "save the vectors as .npy, or as infa embed writes them";
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        match head {
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            [b'P', b'A', b'R', b'E', ..] => Self::Other("encrypted Parquet", "decrypt it first"),
            [b'P', b'K', 3 | 5, ..] => Self::Other("a ZIP archive (.npz is one)", "take the array out of it, as .npy"),
            [0x1f, 0x8b, ..] => Self::Other("compressed by gzip", "decompress it first"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Other("compressed by zstd", "decompress it first"),
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Self::Npy,
            _ => match text.first() {
                None => Self::Nothing,
                Some(b'{') => Self::JsonLines,
                Some(b'[') => Self::JsonArray,
                Some(_) if text.iter().any(|&byte| byte < 32 && !byte.is_ascii_whitespace()) => {
                    Self::Other("neither .npy, nor Parquet, nor JSON, nor CSV", CONVERT)
                }
                Some(_) => Self::Csv,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_what_it_is() {
        for (head, kind) in [
            (&b""[..], Kind::Nothing),
            (b"\xef\xbb\xbf \n", Kind::Nothing),
            (b"\x93NUMPY\x01\0", Kind::Npy),
            (b"PAR1\x15\x04", Kind::Parquet),
            (b" {\"index\":0", Kind::JsonLines),
            (b"\xef\xbb\xbf\r\n[", Kind::JsonArray),
            (b"index,id,tokens", Kind::Csv),
        ] {
            assert_eq!(Kind::of(head), kind, "{head:?}");
        }
        for (head, what) in [
            (&b"PARE\x15\x04"[..], "encrypted Parquet"),
            (b"PK\x03\x04", "ZIP"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\x28\xb5\x2f\xfd", "zstd"),
            (b"\x80\x04\x95\0", "neither"),
        ] {
            assert!(matches!(Kind::of(head), Kind::Other(found, _) if found.contains(what)), "{head:?}");
        }
    }

    #[test]
    fn files_that_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let error = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            (error.to_string(), error.hint().unwrap_or_default())
        };
        let (message, hint) = error("index.bin", b"\x80\x04\x95\0");
        assert!(
            message.ends_with("is neither .npy, nor Parquet, nor JSON, nor CSV") && hint.contains(".npy"),
            "{message}"
        );
        assert!(error("index.parquet", b"PAR1....PAR1").0.contains("is damaged"));
        assert!(error("empty.npy", b"").0.ends_with("holds no vectors"));
        assert!(error("blank.jsonl", b"\n\n").0.ends_with("holds no vectors"));
        assert!(error("none.json", b"[]").0.ends_with("holds no vectors"));
        assert!(error("header.csv", b"index,id,tokens,truncated,error,e0\n").0.ends_with("holds no vectors"));
        let missing = read(Path::new("/nowhere/at.npy")).unwrap_err();
        assert!(missing.to_string().ends_with("no such file"), "{missing}");
        assert!(read(dir.path()).unwrap_err().to_string().ends_with("is a directory"));
    }
}
