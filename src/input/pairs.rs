//! Pairs of texts with a score of how alike they are, such as the STS benchmark: JSON lines, CSV or TSV.
//!
//! The extension says which (`.jsonl`, `.ndjson`, `.csv`, `.tsv`, `.tab`), else the first bytes. Fields are found by their
//! names, the texts as `sentence1` and `sentence2` (or `sentence_a`, `sentence_1`, `text1`, `text_a`, `s1`, `premise` with
//! their like), the score as `score` (or `similarity_score`, `relatedness_score`, `similarity`, `gold_score`, `gold`,
//! `label`), in capitals or not, unless [`PairOptions`] names them. Where a field `split` says that the file holds several
//! splits, the pairs are those of `test`, or of the one that is asked for.
//!
//! **Quotes.** CSV is read as RFC 4180 has it. In TSV a quote is a character like any other, as GLUE and the STS benchmark
//! have it, unless the file shows otherwise: its header is quoted, or else every field with a quote in it is quoted as CSV
//! does that, and one of them has a doubled quote within (pandas writes such files).

mod columns;
mod error;
mod rows;

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use error::PairsError;

use super::error::Names;
use super::source::{Reader, Source};
use super::{Format, InputError, Origin, RecordError};

/// What to look for in the file.
#[derive(Debug, Clone, Default)]
pub struct PairOptions {
    /// The field or column with the first text; without it the usual names are looked for.
    pub first: Option<String>,
    /// The field or column with the second text.
    pub second: Option<String>,
    /// The field or column with the score.
    pub score: Option<String>,
    /// The split to read, of a file with a field `split`; without it `test`, where there are several.
    pub split: Option<String>,
}

/// The pairs of one file, in its order.
#[derive(Debug)]
pub struct ScoredPairs {
    /// The file as the user named it, or `stdin`.
    pub name: Arc<str>,
    /// At least one.
    pub pairs: Vec<ScoredPair>,
    /// The split they are of, where the file says it.
    pub split: Option<String>,
    /// Pairs of other splits, which were left out.
    pub other_splits: usize,
    /// Rows that hold no pair, those of other splits not counted.
    pub skipped: SkippedRows,
}

/// Two texts and how alike people find them.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredPair {
    /// The first text; not blank.
    pub first: String,
    /// The second text; not blank.
    pub second: String,
    /// How alike they are, on whatever scale; finite.
    pub score: f64,
}

/// Rows that were passed over.
#[derive(Debug, Default)]
pub struct SkippedRows {
    /// How many.
    pub count: usize,
    /// What is wrong with the first of them, with file and line.
    pub first: Vec<RecordError>,
}

impl SkippedRows {
    /// Of so many rows it is told what is wrong.
    const TOLD: usize = 5;

    fn push(&mut self, error: RecordError) {
        self.count += 1;
        if self.first.len() < Self::TOLD {
            self.first.push(error);
        }
    }

    fn append(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort_by_key(|error| error.origin().line);
        self.first.truncate(Self::TOLD);
    }
}

/// Reads all pairs of `path`; `-` is stdin. They stay in memory.
///
/// # Errors
/// The file cannot be read, has no fields for two texts and a score, leaves open which split is meant, or none of its rows
/// holds a pair. Single rows that hold none are passed over and counted.
pub fn read_pairs(path: &Path, options: &PairOptions) -> Result<ScoredPairs, PairsError> {
    let source = Source::check(path)?;
    let (reader, _) = source.open_text(Some(source.format()), &Arc::new(AtomicU64::new(0)))?;
    read_from(reader, source.name.clone(), source.format(), options)
}

/// Bytes of the beginning that say what a file is.
const HEAD: u64 = 64 << 10;

/// `format`: what the extension says; lines, if it says nothing.
fn read_from(
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

/// How rows lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nothing,
    JsonLines,
    /// Fields between this byte; quotes hold together what has one, or a line break, within.
    Quoted(u8),
    /// Fields between tabs; quotes mean nothing.
    Plain,
    /// What it is instead, and what to do.
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
        // The extension says nothing.
        _ if text.starts_with(b"{") => Shape::JsonLines,
        _ if text.starts_with(b"[") => Shape::Other("a JSON array", "write one object a line, as JSON lines"),
        _ if text.split(|byte| *byte == b'\n').next().is_some_and(|line| line.contains(&b'\t')) => tabs,
        _ => Shape::Quoted(b','),
    }
}

/// The pairs of each split.
#[derive(Default)]
struct Groups {
    places: HashMap<Option<String>, usize>,
    all: Vec<Group>,
    /// Rows of which not even the split is known.
    lost: SkippedRows,
}

#[derive(Default)]
struct Group {
    split: Option<String>,
    pairs: Vec<ScoredPair>,
    skipped: SkippedRows,
}

impl Groups {
    fn push(&mut self, split: Option<String>, row: Result<ScoredPair, RecordError>) {
        let place = self.places.get(&split).copied().unwrap_or_else(|| {
            self.places.insert(split.clone(), self.all.len());
            self.all.push(Group { split, ..Group::default() });
            self.all.len() - 1
        });
        let group = &mut self.all[place];
        match row {
            Ok(pair) => group.pairs.push(pair),
            Err(error) => group.skipped.push(error),
        }
    }

    fn pairs(&mut self) -> impl Iterator<Item = &mut ScoredPair> {
        self.all.iter_mut().flat_map(|group| &mut group.pairs)
    }

    /// The pairs of one split.
    fn chosen(mut self, name: Arc<str>, wanted: Option<&str>) -> Result<ScoredPairs, PairsError> {
        let refuse = |reason: String, groups: &[Group]| {
            let mut present = Names::default();
            groups.iter().for_each(|group| present.push(group.split.as_deref().unwrap_or_default()));
            Err(PairsError::Split { file: name.clone(), reason, present })
        };
        let several = self.all.len() > 1;
        let place = match wanted.or(several.then_some("test")) {
            None => 0,
            Some(split) => match self.places.get(&Some(split.to_owned())) {
                Some(place) => *place,
                None if self.all.is_empty() => 0,
                None if wanted.is_some() && self.all.iter().all(|group| group.split.is_none()) => {
                    return Err(PairsError::NoSplits { file: name, wanted: split.to_owned() });
                }
                None if wanted.is_some() => return refuse(format!("there is no split {split:?}"), &self.all),
                None => return refuse("there are several splits, and none is \"test\"".into(), &self.all),
            },
        };
        let group = if place < self.all.len() { self.all.swap_remove(place) } else { Group::default() };
        let Group { split, pairs, mut skipped } = group;
        skipped.append(self.lost);
        let rows = skipped.count;
        match skipped.first.pop() {
            Some(last) if pairs.is_empty() => {
                Err(PairsError::Unusable { rows, first: skipped.first.into_iter().next().unwrap_or(last) })
            }
            None if pairs.is_empty() => Err(PairsError::Empty { file: name }),
            last => {
                skipped.first.extend(last);
                let other_splits = self.all.iter().map(|group| group.pairs.len()).sum();
                Ok(ScoredPairs { name, pairs, split, other_splits, skipped })
            }
        }
    }
}

#[cfg(test)]
mod tests;
