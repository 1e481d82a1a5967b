//! Vectors that were saved: `.npy`, Parquet, and JSON lines, a JSON array and CSV, as `infa embed` writes them.
//!
//! What a file is shows in its first bytes, not in its name. Its vectors stay in memory as float32, one after the other;
//! a file can lie about its size, so memory grows with the bytes that are there and not with what a head promises.

mod csv;
mod error;
mod json;
mod npy;
mod parquet;

use std::io::{Cursor, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use error::VectorsError;

use super::source::{Reader, Source};
use super::{InputError, Origin};

/// Numbers of all vectors of a file together, at most: 16 GiB of float32, or 11 million vectors of 384 dimensions.
pub const MAX_NUMBERS: usize = 1 << 32;
/// Rows at most: they take memory even without numbers.
const MAX_ROWS: usize = 1 << 28;
/// Bytes of the beginning that are looked at.
const HEAD: usize = 64;

/// The vectors of one file, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedVectors {
    /// The file as the user named it, or `stdin`.
    pub name: Arc<str>,
    /// A row an input.
    pub rows: Vec<SavedRow>,
    /// The numbers of all vectors.
    pub numbers: Vec<f32>,
}

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedRow {
    /// The place of its input, from 0, where the file says it.
    pub index: Option<u64>,
    /// The id of its input, where there is one; numbers as their digits, as CSV does not tell them from strings.
    pub id: Option<String>,
    /// Where its vector lies in [`SavedVectors::numbers`]; `None` where the file has an error in its place.
    pub place: Option<Range<usize>>,
}

/// Reads all vectors of `path`; `-` is stdin.
///
/// # Errors
/// The file cannot be read, is none of these formats, is damaged, or holds no row.
pub fn read(path: &Path) -> Result<SavedVectors, VectorsError> {
    let source = Source::check(path)?;
    let mut reader = source.open(&Arc::new(AtomicU64::new(0)))?;
    let mut head = Vec::with_capacity(HEAD);
    let read = |source_error| InputError::Read { origin: origin(&source.name, 1), source: source_error };
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(read)?;
    let kind = Kind::of(&head);
    let reader: Reader = Box::new(Cursor::new(head).chain(reader));
    let file = || Arc::clone(&source.name);
    let vectors = match kind {
        Kind::Nothing => return Err(VectorsError::Empty { file: file() }),
        Kind::Other(what, hint) => return Err(VectorsError::Format { file: file(), what, hint }),
        Kind::Npy => npy::read(reader, source.name.clone(), source.size.filter(|_| source.is_regular_file()))?,
        Kind::Parquet => parquet::read(reader, &source)?,
        Kind::JsonLines => json::lines(reader, source.name.clone())?,
        Kind::JsonArray => json::array(reader, source.name.clone())?,
        Kind::Csv => csv::read(reader, source.name.clone())?,
    };
    if vectors.rows.is_empty() { Err(VectorsError::Empty { file: file() }) } else { Ok(vectors) }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Npy,
    Parquet,
    JsonLines,
    JsonArray,
    Csv,
    /// What it is instead, and what to do.
    Other(&'static str, &'static str),
}

impl Kind {
    fn of(head: &[u8]) -> Self {
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

fn origin(file: &Arc<str>, line: u64) -> Origin {
    Origin { file: Arc::clone(file), line }
}

/// Gathers rows.
struct Builder(SavedVectors);

impl Builder {
    fn new(name: Arc<str>) -> Self {
        Self(SavedVectors { name, rows: Vec::new(), numbers: Vec::new() })
    }

    /// One more row. Its numbers are `None` if it has failed.
    fn push(
        &mut self,
        index: Option<u64>,
        id: Option<String>,
        numbers: Option<impl Iterator<Item = f32>>,
    ) -> Result<(), VectorsError> {
        let SavedVectors { name, rows, numbers: all } = &mut self.0;
        let start = all.len();
        let place = numbers.map(|numbers| {
            all.extend(numbers);
            start..all.len()
        });
        rows.push(SavedRow { index, id, place });
        let full = all.len() > MAX_NUMBERS || rows.len() > MAX_ROWS;
        if full { Err(VectorsError::TooLarge { file: Arc::clone(name) }) } else { Ok(()) }
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
