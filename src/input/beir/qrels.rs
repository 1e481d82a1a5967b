//! Judgements: which document is how relevant to which query.

use super::error::BeirError;
use crate::input::files::source::Source;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::super::error::Problem;
use super::super::lines::{Piece, Splitter, utf8};
use super::super::{Format, MAX_RECORD_BYTES, RecordError};
use crate::input::origin::Origin;

/// Reads `query-id`, `corpus-id`, `score` or TREC's `query 0 document relevance`; blank lines are skipped. The first line may
/// name the columns: one without a digit where the relevance stands does.
pub(super) fn read(source: &Source) -> Result<Judged, BeirError> {
    let (reader, _) = source.open_text(Some(Format::Tsv), &Arc::new(AtomicU64::new(0)))?;
    let mut pieces = Splitter::new(reader, b'\n', MAX_RECORD_BYTES, source.name.clone());
    let mut judged = Judged::new();
    // The position of each judgement in its query's list, and its line.
    let mut seen: HashMap<(String, String), (usize, u64)> = HashMap::new();
    let mut columns = None;
    while let Some(piece) = pieces.next() {
        let (origin, line) = match piece? {
            (_, Piece::Whole(line)) if line.trim_ascii().is_empty() => continue,
            (origin, Piece::Whole(line)) => (origin, line),
            (origin, Piece::TooLong(limit)) => {
                return Err(RecordError::new(&origin, Problem::TooLong { limit }).into());
            }
        };
        let fields = fields(utf8(line, &origin)?);
        let first = columns.is_none();
        let [query, document, relevance] = match (&fields[..], *columns.get_or_insert(fields.len())) {
            ([query, document, relevance], 3) | ([query, _, document, relevance], 4) => [query, document, relevance],
            _ => {
                let reason = match columns {
                    Some(expected) if !first => {
                        format!("the line has {} fields, and those before it have {expected}", fields.len())
                    }
                    _ => format!("the line has {} fields", fields.len()),
                };
                return Err(wrong(origin, reason));
            }
        };
        if first && !relevance.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let relevance = match level(relevance) {
            Some(relevance) => relevance,
            None => {
                let shown: String = relevance.chars().take(40).collect();
                return Err(wrong(origin, format!("the relevance is {shown:?}, and must be a whole number")));
            }
        };
        if query.is_empty() || document.is_empty() {
            return Err(wrong(origin, "an id is empty".to_owned()));
        }
        let list = match judged.get_mut(query) {
            Some(list) => list,
            None => judged.entry(query.clone()).or_default(),
        };
        match seen.entry((query.clone(), document.clone())) {
            Entry::Vacant(entry) => {
                entry.insert((list.len(), origin.line));
                list.push((document.clone(), relevance));
            }
            // A repeated judgement with the same grade.
            Entry::Occupied(entry) if list.get(entry.get().0).is_some_and(|(_, before)| *before == relevance) => {}
            Entry::Occupied(entry) => {
                let shown: String = document.chars().take(60).collect();
                let reason = format!("the document {shown:?} is judged otherwise on line {}", entry.get().1);
                let hint = Some("of one query a document may have one relevance");
                return Err(BeirError::Row { origin, reason, hint });
            }
        }
    }
    if judged.is_empty() { Err(BeirError::Empty { file: source.name.clone() }) } else { Ok(judged) }
}

fn wrong(origin: Origin, reason: String) -> BeirError {
    let hint =
        Some("each line holds query-id, corpus-id and score with tabs between, or TREC's query 0 document relevance");
    BeirError::Row { origin, reason, hint }
}

/// Fields between tabs, or between white space if the line has no tab; at most five, as five are too many already.
/// Quoted fields, as Python's csv module writes those with a quote, are unquoted.
fn fields(line: &str) -> Vec<String> {
    let unquoted = |field: &str| match field.trim().strip_prefix('"').and_then(|field| field.strip_suffix('"')) {
        Some(within) => within.replace("\"\"", "\""),
        None => field.trim().to_owned(),
    };
    match line.contains('\t') {
        true => line.split('\t').take(5).map(unquoted).collect(),
        false => line.split_whitespace().take(5).map(unquoted).collect(),
    }
}

/// A whole number, even if written `1.0`; below 0 is 0.
fn level(text: &str) -> Option<u32> {
    let number = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && *number <= f64::from(u32::MAX))?;
    Some(number.max(0.0) as u32)
}

/// Judgements by query.
pub(super) type Judged = HashMap<String, Vec<(String, u32)>>;
