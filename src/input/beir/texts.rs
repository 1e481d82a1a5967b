//! Documents and queries: lines of JSON with an `_id` and a text.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::error::Problem;
use super::super::lines::{Piece, Splitter, utf8};
use super::super::object::Leaf;
use super::super::{Format, MAX_RECORD_BYTES, RecordError};
use super::BeirError;
use crate::input::fields::{check_text, malformed, missing};
use crate::input::files::source::Source;
use crate::input::origin::Origin;
use crate::record_id::RecordId;

/// The fields of a line that are read; others are passed over without being held.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(rename = "_id", borrow)]
    id: Option<&'a RawValue>,
    title: Option<Leaf>,
    text: Option<Leaf>,
}

/// Id and text of each line, in order. Blank lines are skipped.
pub(super) fn read(
    source: &Source,
    text: fn(Row<'_>, &str) -> Result<String, Problem>,
) -> Result<Vec<(String, String)>, BeirError> {
    let (reader, _) = source.open_text(Some(Format::Jsonl), &Arc::new(AtomicU64::new(0)))?;
    let mut pieces = Splitter::new(reader, b'\n', MAX_RECORD_BYTES, source.name.clone());
    let mut rows = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    while let Some(piece) = pieces.next() {
        let (origin, line) = match piece? {
            (_, Piece::Whole(line)) if line.trim_ascii().is_empty() => continue,
            (origin, Piece::Whole(line)) => (origin, line),
            (origin, Piece::TooLong(limit)) => {
                return Err(RecordError::new(&origin, Problem::TooLong { limit }).into());
            }
        };
        let line = utf8(line, &origin)?;
        let (id, text) = parse(line, text).map_err(|problem| RecordError::new(&origin, problem))?;
        match lines.entry(id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(origin.line);
            }
            Entry::Occupied(entry) => return Err(twice(origin, &id, *entry.get())),
        }
        rows.push((id, text));
    }
    if rows.is_empty() { Err(BeirError::Empty { file: source.name.clone() }) } else { Ok(rows) }
}

fn twice(origin: Origin, id: &str, line: u64) -> BeirError {
    let shown: String = id.chars().take(60).collect();
    let reason = format!("the _id {shown:?} stands on line {line} already");
    BeirError::Row { origin, reason, hint: Some("every _id may stand once in a file") }
}

fn parse(line: &str, text: fn(Row<'_>, &str) -> Result<String, Problem>) -> Result<(String, String), Problem> {
    // A list would do for serde: its values would be taken in the order of the fields.
    if !line.trim_start().starts_with('{') {
        let found = match serde_json::from_str(line).map_err(|error| malformed(&error))? {
            Leaf::Other(found) => found,
            Leaf::Text(_) => "a string",
        };
        return Err(Problem::NotAnObject { found });
    }
    let mut row: Row = serde_json::from_str(line).map_err(|error| malformed(&error))?;
    let Some(id) = row.id.take() else { return Err(missing("_id", line, "")) };
    let id = match RecordId::read(id).map_err(|error| malformed(&error))? {
        Ok(RecordId::Text(id)) if !id.is_empty() => id,
        Ok(RecordId::Text(_)) => return Err(Problem::Empty { field: "the _id" }),
        Ok(RecordId::Literal(id)) if id.bytes().all(|c| c == b'-' || c.is_ascii_digit()) => id.into(),
        Ok(RecordId::Literal(id)) => {
            return Err(wrong_id(if id.starts_with(['t', 'f']) { "a boolean" } else { "a fraction" }));
        }
        Err(found) => return Err(wrong_id(found)),
    };
    Ok((id, text(row, line)?))
}

fn wrong_id(found: &'static str) -> Problem {
    Problem::WrongType { field: "_id".to_owned(), wanted: "a string or a whole number", found }
}

/// The text of a document for the model: title, space and text, trimmed. It may be empty.
pub(super) fn document(row: Row<'_>, line: &str) -> Result<String, Problem> {
    let text = check_text(row.text, "text", || missing("text", line, ""))?;
    let title = match row.title {
        None | Some(Leaf::Other("null")) => String::new(),
        title => check_text(title, "title", || missing("title", line, ""))?,
    };
    Ok(format!("{title} {text}").trim().to_owned())
}

/// The text of a query for the model.
pub(super) fn query(row: Row<'_>, line: &str) -> Result<String, Problem> {
    let text = check_text(row.text, "text", || missing("text", line, ""))?;
    if text.trim().is_empty() { Err(Problem::Blank { field: "text".to_owned() }) } else { Ok(text) }
}
