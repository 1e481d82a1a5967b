//! Checks of the fields of one JSON record.

use super::error::Problem;
use super::lines::utf8;
use super::object::{Fields, Leaf};
use super::object::{keys, value};
use super::origin::Origin;
use super::{Record, RecordError};
use crate::json_words;
use crate::kept::KeptValue;
use crate::record_id::RecordId;
use serde_json::{Map, Value};

/// The parts of a line that are read.
pub(super) struct Parsed<T> {
    pub id: Option<RecordId>,
    pub kept: Vec<KeptValue>,
    pub content: Result<T, RecordError>,
}

impl<T> Parsed<T> {
    /// A line of which nothing can be read.
    pub(crate) fn failed(error: RecordError) -> Self {
        Self { id: None, kept: Vec::new(), content: Err(error) }
    }

    /// The record at `origin`.
    pub(crate) fn record(self, origin: Origin) -> Record<T> {
        let Self { id, kept, content } = self;
        Record { id, content, kept, origin }
    }
}

/// Reads a line that must be an object.
pub(super) fn object(line: &[u8], origin: &Origin) -> Result<Map<String, Value>, RecordError> {
    let problem = match value(utf8(line, origin)?, None, None) {
        Ok(Value::Object(object)) => return Ok(object),
        Ok(other) => Problem::NotAnObject { found: kind(&other) },
        Err(error) => malformed(&error),
    };
    Err(RecordError::new(origin, problem))
}

/// A bad id takes the content with it.
pub(super) fn settled<T>(
    id: Result<Option<RecordId>, Problem>,
    content: Result<T, Problem>,
    kept: Vec<KeptValue>,
    origin: &Origin,
) -> Parsed<T> {
    let (id, content) = match (id, content) {
        (Ok(id), content) => (id, content),
        (Err(problem), _) => (None, Err(problem)),
    };
    Parsed { id, kept, content: content.map_err(|problem| RecordError::new(origin, problem)) }
}

/// A field that must be a string.
pub(super) fn check_text(text: Option<Leaf>, field: &str, missing: impl Fn() -> Problem) -> Result<String, Problem> {
    let found = match text {
        Some(Leaf::Text(text)) => return Ok(text),
        Some(Leaf::Other(found)) => found,
        None => return Err(missing()),
    };
    Err(Problem::WrongType { field: field.to_owned(), wanted: "a string", found })
}

pub(super) fn check_id(
    id: Option<Result<RecordId, &'static str>>,
    line: &str,
    fields: &Fields,
) -> Result<Option<RecordId>, Problem> {
    match id {
        Some(Ok(id)) => Ok(Some(id)),
        Some(Err(found)) => Err(Problem::WrongType {
            field: fields.id.clone().unwrap_or_default(),
            wanted: "a string, a number, a boolean or null",
            found,
        }),
        None => match &fields.id {
            Some(field) if fields.id_required => Err(missing(field, line, "--id-field")),
            _ => Ok(None),
        },
    }
}

/// The error of a missing field, with the names of the present ones; the line is read again for it.
pub(super) fn missing(field: &str, line: &str, flag: &'static str) -> Problem {
    Problem::Missing { field: field.to_owned(), present: keys(line), flag }
}

pub(super) fn malformed(error: &serde_json::Error) -> Problem {
    // Its line number is always 1; ours stands at the front of the message.
    Problem::Json { column: error.column(), reason: json_words::reason(error) }
}

/// The kind of a JSON value, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
