//! The rows of a file, as pairs: JSON lines, and tables with and without quotes.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::error::{Names, Problem};
use super::super::lines::{Piece, Splitter};
use super::super::table::{MAX_COLUMNS, Table};
use super::super::{InputError, MAX_RECORD_BYTES, RecordError};
use super::PairsError;
use super::columns::{Column, Columns, Lacking};
use super::options::PairOptions;
use super::pair::{Groups, ScoredPair};
use crate::input::fields::kind;
use crate::input::fields::object;
use crate::input::files::reader::Reader;
use crate::input::origin::Origin;

/// One object a line; blank lines are skipped. The first object with all fields sets their names.
pub(super) fn json(
    reader: Reader,
    name: &Arc<str>,
    options: &PairOptions,
    groups: &mut Groups,
) -> Result<(), PairsError> {
    let mut pieces = Splitter::new(reader, b'\n', MAX_RECORD_BYTES, name.clone());
    let mut columns: Option<Columns> = None;
    let mut lacking = None;
    while let Some(piece) = pieces.next() {
        let (origin, line) = match piece? {
            (_, Piece::Whole(line)) if line.trim_ascii().is_empty() => continue,
            (origin, Piece::Whole(line)) => (origin, line),
            (origin, Piece::TooLong(limit)) => {
                groups.lost.push(RecordError::new(&origin, Problem::TooLong { limit }));
                continue;
            }
        };
        let row = match object(line, &origin) {
            Ok(row) => row,
            Err(error) => {
                groups.lost.push(error);
                continue;
            }
        };
        let known = match &columns {
            Some(columns) => columns,
            None => match Columns::of(&row.keys().map(String::as_str).collect::<Vec<_>>(), options) {
                Ok(found) => &*columns.insert(found),
                Err(Lacking { message: wanted, named }) => {
                    let present = names(row.keys().map(String::as_str));
                    let (file, present_there) = (name.clone(), present.clone());
                    let error = || PairsError::Column { file, wanted: wanted.clone(), named, present: present_there };
                    lacking.get_or_insert_with(error);
                    groups.lost.push(RecordError::new(&origin, Problem::Lacking { wanted, present }));
                    continue;
                }
            },
        };
        let split = known.split.as_ref().and_then(|column| row.get(&column.name)).and_then(|split| match split {
            Value::Null => None,
            Value::String(split) => Some(split.clone()),
            other => Some(other.to_string()),
        });
        groups.push(split, json_pair(&row, known).map_err(|problem| RecordError::new(&origin, problem)));
    }
    match lacking {
        Some(error) if columns.is_none() => Err(error),
        _ => Ok(()),
    }
}

fn json_pair(row: &Map<String, Value>, columns: &Columns) -> Result<ScoredPair, Problem> {
    let wrong = |column: &Column, wanted, value: &Value| Problem::WrongType {
        field: column.name.clone(),
        wanted,
        found: kind(value),
    };
    let value = |column: &Column| {
        let missing = || {
            let present = names(row.keys().map(String::as_str));
            Problem::Missing { field: column.name.clone(), present, flag: "" }
        };
        row.get(&column.name).ok_or_else(missing)
    };
    let text = |column: &Column| match value(column)? {
        Value::String(text) => filled(text.clone(), column),
        other => Err(wrong(column, "a string", other)),
    };
    let score = match value(&columns.score)? {
        Value::String(score) => finite(score, &columns.score)?,
        Value::Number(score) => finite(&score.to_string(), &columns.score)?,
        other => return Err(wrong(&columns.score, "a number", other)),
    };
    Ok(ScoredPair { first: text(&columns.first)?, second: text(&columns.second)?, score })
}

/// A table whose fields may be quoted, and may then span lines.
pub(super) fn quoted(
    reader: Reader,
    delimiter: u8,
    name: &Arc<str>,
    options: &PairOptions,
    groups: &mut Groups,
) -> Result<(), PairsError> {
    let mut table = Table::new(reader, delimiter, MAX_RECORD_BYTES);
    let mut header: Option<Header> = None;
    loop {
        let row = match table.advance() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(source) => {
                let origin = Origin { file: name.clone(), line: table.line() };
                return Err(InputError::Read { origin, source }.into());
            }
        };
        let origin = Origin { file: name.clone(), line: row.line };
        match &header {
            None if row.open_quote.is_some() => {
                return Err(bad_header(name, "a quote in the header row is not closed"));
            }
            None if row.too_long || row.columns > MAX_COLUMNS => return Err(long_header(name)),
            None => header = Some(Header::of(table.fields(), name, options)?),
            Some(header) => match row.problem(header.all, MAX_RECORD_BYTES) {
                Some((line, problem)) => {
                    let origin = Origin { file: name.clone(), line };
                    groups.lost.push(RecordError::new(&origin, problem));
                }
                None => header.add(row.columns, |column| table.field(column), &origin, groups),
            },
        }
    }
}

/// A table with tabs between fields and none within.
pub(super) fn plain(
    reader: Reader,
    name: &Arc<str>,
    options: &PairOptions,
    groups: &mut Groups,
) -> Result<(), PairsError> {
    let mut pieces = Splitter::new(reader, b'\n', MAX_RECORD_BYTES, name.clone());
    let mut header: Option<Header> = None;
    let mut quotes = Quotes::default();
    while let Some(piece) = pieces.next() {
        let (origin, line) = match piece? {
            (_, Piece::Whole(line)) if line.trim_ascii().is_empty() => continue,
            (origin, Piece::Whole(line)) => (origin, line),
            (_, Piece::TooLong(_)) if header.is_none() => return Err(long_header(name)),
            (origin, Piece::TooLong(limit)) => {
                groups.lost.push(RecordError::new(&origin, Problem::TooLong { limit }));
                continue;
            }
        };
        let found = line.iter().filter(|byte| **byte == b'\t').count() + 1;
        match &header {
            None if found > MAX_COLUMNS => return Err(long_header(name)),
            None => header = Some(Header::of(line.split(|byte| *byte == b'\t'), name, options)?),
            Some(header) => {
                // A row of a million tabs is wrong in any case, and is not split.
                let fields: Vec<&[u8]> = match found == header.all {
                    true => line.split(|byte| *byte == b'\t').collect(),
                    false => Vec::new(),
                };
                fields.iter().for_each(|field| quotes.look(field));
                header.add(found, |column| fields.get(column).copied().unwrap_or_default(), &origin, groups);
            }
        }
    }
    if quotes.are_of_csv() {
        for pair in groups.pairs() {
            for text in [&mut pair.first, &mut pair.second] {
                if let Some(within) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                    *text = within.replace("\"\"", "\"");
                }
            }
        }
    }
    Ok(())
}

/// Decides, at the end of a table, if its quotes are those of CSV.
#[derive(Default)]
struct Quotes {
    /// A field has a quote, and is not quoted.
    lone: bool,
    /// A quoted field has a doubled quote within.
    doubled: bool,
}

impl Quotes {
    fn look(&mut self, field: &[u8]) {
        if !field.contains(&b'"') {
            return;
        }
        match field.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
            None => self.lone = true,
            Some(within) => {
                let runs = within.split(|byte| *byte != b'"').map(<[u8]>::len).filter(|run| *run > 0);
                for run in runs {
                    self.doubled |= run % 2 == 0;
                    self.lone |= run % 2 == 1;
                }
            }
        }
    }

    fn are_of_csv(&self) -> bool {
        self.doubled && !self.lone
    }
}

/// The header, as the first row has it.
struct Header {
    all: usize,
    columns: Columns,
}

impl Header {
    fn of<'a>(
        fields: impl Iterator<Item = &'a [u8]>,
        name: &Arc<str>,
        options: &PairOptions,
    ) -> Result<Self, PairsError> {
        let fields: Vec<Cow<'_, str>> = fields.map(String::from_utf8_lossy).collect();
        let found: Vec<&str> = fields.iter().map(|field| field.trim()).collect();
        let columns = Columns::of(&found, options).map_err(|Lacking { message: wanted, named }| {
            let present = names(found.iter().copied());
            PairsError::Column { file: name.clone(), wanted, named, present }
        })?;
        Ok(Self { all: found.len(), columns })
    }

    /// Adds a row of `found` fields.
    fn add<'a>(&self, found: usize, field: impl Fn(usize) -> &'a [u8], origin: &Origin, groups: &mut Groups) {
        if found != self.all {
            let problem = Problem::Ragged { found, expected: self.all, lines: None };
            return groups.lost.push(RecordError::new(origin, problem));
        }
        let Columns { first, second, score, split } = &self.columns;
        let text = |column: &Column| {
            let bytes = field(column.index);
            std::str::from_utf8(bytes).map_err(|error| {
                let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
                Problem::Utf8Column { name: column.name.clone(), byte, position: error.valid_up_to() + 1 }
            })
        };
        let pair = || {
            Ok(ScoredPair {
                first: filled(text(first)?.to_owned(), first)?,
                second: filled(text(second)?.to_owned(), second)?,
                score: finite(text(score)?, score)?,
            })
        };
        match split.as_ref().map(text).transpose() {
            Ok(split) => {
                let split = split.map(str::trim).filter(|split| !split.is_empty()).map(str::to_owned);
                groups.push(split, pair().map_err(|problem| RecordError::new(origin, problem)));
            }
            Err(problem) => groups.lost.push(RecordError::new(origin, problem)),
        }
    }
}

fn long_header(name: &Arc<str>) -> PairsError {
    bad_header(name, "the header row is too long")
}

fn bad_header(name: &Arc<str>, reason: &str) -> PairsError {
    InputError::Header { file: name.clone(), reason: reason.to_owned() }.into()
}

/// A text that is not blank.
fn filled(text: String, column: &Column) -> Result<String, Problem> {
    if text.trim().is_empty() { Err(Problem::Blank { field: column.name.clone() }) } else { Ok(text) }
}

/// A score that can be ranked.
fn finite(text: &str, column: &Column) -> Result<f64, Problem> {
    match text.trim().parse::<f64>() {
        Ok(score) if score.is_finite() => Ok(score),
        _ => {
            let found = text.chars().take(40).collect();
            Err(Problem::NotFinite { field: column.name.clone(), found })
        }
    }
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> Names {
    let mut names = Names::default();
    all.for_each(|name| names.push(name));
    names
}
