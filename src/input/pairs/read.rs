//! Reads the scored pairs of one file.

use super::error::PairsError;
use super::options::PairOptions;
use super::pair::{Groups, ScoredPairs};
use super::rows;
use crate::input::files::reader::Reader;
use crate::input::files::source::Source;
use crate::input::origin::Origin;
use crate::input::{Format, InputError};
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Reads all pairs of `path` into memory; `-` is stdin.
///
/// # Errors
/// The file cannot be read, lacks fields for two texts and a score, does not determine the split, or has no row with a
/// pair. Single rows without a pair are skipped and counted.
pub(crate) fn read_pairs(path: &Path, options: &PairOptions) -> Result<ScoredPairs, PairsError> {
    let source = Source::check(path)?;
    let (reader, _) = source.open_text(Some(source.format()), &Arc::new(AtomicU64::new(0)))?;
    read_from(reader, source.name.clone(), source.format(), options)
}

/// Bytes at the beginning that decide the format.
const HEAD: u64 = 64 << 10;

/// `format`: the format of the extension; lines, if it has none.
pub(super) fn read_from(
    mut reader: Reader,
    name: Arc<str>,
    format: Format,
    options: &PairOptions,
) -> Result<ScoredPairs, PairsError> {
    let mut head = Vec::new();
    let failed = |source| InputError::Read { origin: Origin { file: name.clone(), line: 1 }, source };
    reader.by_ref().take(HEAD).read_to_end(&mut head).map_err(failed)?;
    let shape = shape(&head, format);
    let reader: Reader = Box::new(Cursor::new(head).chain(reader));
    let mut groups = Groups::default();
    match shape {
        Shape::Nothing => return Err(PairsError::Empty { file: name }),
        Shape::Other(what, hint) => return Err(PairsError::Format { file: name, what, hint }),
        Shape::JsonLines => rows::json(reader, &name, options, &mut groups)?,
        Shape::Quoted(delimiter) => rows::quoted(reader, delimiter, &name, options, &mut groups)?,
        Shape::Plain => rows::plain(reader, &name, options, &mut groups)?,
    }
    groups.chosen(name, options.split.as_deref())
}

/// The layout of rows in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nothing,
    JsonLines,
    /// Fields between this byte; quotes hold together what has one, or a line break, within.
    Quoted(u8),
    /// Fields between tabs; quotes are ordinary characters.
    Plain,
    /// Its actual kind, and the remedy.
    Other(&'static str, &'static str),
}

fn shape(head: &[u8], format: Format) -> Shape {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let tabs = match text.first() {
        Some(b'"') => Shape::Quoted(b'\t'),
        _ => Shape::Plain,
    };
    match (head, format) {
        ([0x1f, 0x8b, ..], _) => Shape::Other("compressed by gzip", "decompress it first"),
        ([0x28, 0xb5, 0x2f, 0xfd, ..], _) => Shape::Other("compressed by zstd", "decompress it first"),
        ([b'P', b'K', 3 | 5, ..], _) => Shape::Other("a ZIP archive", "take the file with the pairs out of it"),
        ([b'P', b'A', b'R', b'1', ..], _) => Shape::Other("Parquet", "save the pairs as JSON lines, CSV or TSV"),
        _ if text.is_empty() => Shape::Nothing,
        (_, Format::Jsonl) => Shape::JsonLines,
        (_, Format::Csv) => Shape::Quoted(b','),
        (_, Format::Tsv) => tabs,
        // The extension is unknown.
        _ if text.starts_with(b"{") => Shape::JsonLines,
        _ if text.starts_with(b"[") => Shape::Other("a JSON array", "write one object a line, as JSON lines"),
        _ if text.split(|byte| *byte == b'\n').next().is_some_and(|line| line.contains(&b'\t')) => tabs,
        _ => Shape::Quoted(b','),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
