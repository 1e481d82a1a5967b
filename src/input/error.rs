//! Errors of inputs: of one record, or of the whole input.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::origin::Origin;

/// The error of one record; it names file and line.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {problem}")]
pub struct RecordError {
    origin: Origin,
    problem: Box<Problem>,
}

impl RecordError {
    pub(super) fn new(origin: &Origin, problem: Problem) -> Self {
        Self { origin: origin.clone(), problem: Box::new(problem) }
    }

    /// True if the record should hold a query and its documents, and is something else.
    pub fn is_no_query(&self) -> bool {
        match &*self.problem {
            Problem::Json { .. } | Problem::NotAQuery { .. } => true,
            Problem::Missing { field, .. } => field == "query",
            _ => false,
        }
    }

    /// The field that a flag names, or could name, and the record lacks; the fields it has; the flag.
    pub(super) fn missing_field(&self) -> Option<(&str, &Names, &'static str)> {
        match &*self.problem {
            Problem::Missing { field, present, flag } if !flag.is_empty() => Some((field, present, flag)),
            _ => None,
        }
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn hint(&self) -> Option<String> {
        Some(match &*self.problem {
            Problem::Utf8 { .. } | Problem::Utf8Column { .. } => {
                "convert the file to UTF-8, for example with iconv -f latin1 -t utf-8".into()
            }
            Problem::TooLong { .. } => "split the text; models read no more than its beginning".into(),
            Problem::Json { .. } | Problem::NotARow { .. } => {
                "every line must be one JSON object, such as {\"id\": 1, \"text\": \"…\"}, or one JSON string".into()
            }
            Problem::NotAQuery { .. } => "such as {\"query\": \"…\", \"documents\": [\"…\", \"…\"]}".into(),
            Problem::Missing { flag: "", .. } => return None,
            Problem::Missing { flag, .. } => format!("name the field with {flag}"),
            Problem::Structure { .. } => "the file may be cut short, or put together from several".into(),
            Problem::WrongType { .. }
            | Problem::Empty { .. }
            | Problem::NotAnObject { .. }
            | Problem::Lacking { .. }
            | Problem::Blank { .. }
            | Problem::NotFinite { .. } => return None,
            Problem::InexactId => "write the id as a string".into(),
            Problem::Ragged { .. } => "quote fields that contain the separator or a newline".into(),
        })
    }
}

/// The error of one record, without its place.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("invalid UTF-8 (byte 0x{byte:02x} at column {column})")]
    Utf8 { byte: u8, column: usize },
    #[error("invalid UTF-8 in column {name:?} (byte 0x{byte:02x} at byte {position} of the field)")]
    Utf8Column { name: String, byte: u8, position: usize },
    #[error("the record is longer than {}", Size(*limit))]
    TooLong { limit: usize },
    #[error("malformed JSON at column {column}: {reason}")]
    Json { column: usize, reason: String },
    /// The text around the values of an array is malformed.
    #[error("malformed JSON: {reason}")]
    Structure { reason: &'static str },
    #[error("expected a JSON object or string, found {found}")]
    NotARow { found: &'static str },
    #[error("expected a JSON object with \"query\" and \"documents\", found {found}")]
    NotAQuery { found: &'static str },
    #[error("expected a JSON object, found {found}")]
    NotAnObject { found: &'static str },
    #[error("{field} is empty")]
    Empty { field: &'static str },
    #[error("field {field:?} is blank")]
    Blank { field: String },
    #[error("field {field:?} must be a finite number, but is {found:?}")]
    NotFinite { field: String, found: String },
    #[error("{wanted}; {present}")]
    Lacking { wanted: String, present: Names },
    #[error("there is no field {field:?}; {present}")]
    Missing { field: String, present: Names, flag: &'static str },
    #[error("field {field:?} must be {wanted}, but is {found}")]
    WrongType { field: String, wanted: &'static str, found: &'static str },
    /// JSON numbers beyond 2^53 that fit no 64-bit integer lose digits: an id would silently change.
    #[error("the id is a number too large to be kept exactly")]
    InexactId,
    #[error("the row has {found} fields where the header has {expected}")]
    Ragged { found: usize, expected: usize },
}

/// The error of an input that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// No such file.
    #[error("{}: no such file", path.display())]
    Missing { path: PathBuf },
    /// The path is a directory.
    #[error("{}: is a directory", path.display())]
    Directory { path: PathBuf },
    /// The path is a socket or a disk.
    #[error("{}: is neither a file nor a pipe", path.display())]
    NotAFile { path: PathBuf },
    /// The file cannot be opened, for example for lack of permission.
    #[error("{}: cannot be opened: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    /// `-` is named more than once.
    #[error("stdin (-) is named more than once; it can be read only once")]
    StdinTwice,
    /// A read failed midway.
    #[error("{origin}: reading failed: {source}")]
    Read {
        /// The record that was being read.
        origin: Origin,
        source: io::Error,
    },
    /// A field is named of a file whose records are plain texts.
    #[error("{file}: is read as plain texts, which have neither fields nor pairs; {flag} is for JSON, CSV and TSV")]
    NoFields {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        /// The flag that names the field.
        flag: &'static str,
    },
    /// The file is of a kind that holds no text to read.
    #[error("{file}: is {what}, which infa does not read as texts")]
    NotText {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        what: &'static str,
        hint: &'static str,
    },
    /// The file is named as one that holds no text, although its bytes could be text.
    #[error("{file}: a file named .{ending} is not read as text")]
    Named {
        /// The file as the user named it.
        file: Arc<str>,
        /// The ending of its name.
        ending: String,
    },
    /// All records that were looked at lack a field.
    #[error("{file}: {} field {field:?}; {present}", Rows(*rows, *all))]
    FieldInNone {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        /// Number of records that were read.
        rows: u64,
        /// True if the records read so far are all of the file.
        all: bool,
        /// The field wanted.
        field: String,
        /// The fields of the first record.
        present: Names,
        /// The flag that names this field.
        flag: &'static str,
    },
    /// A CSV or TSV file without a usable header row.
    #[error("{file}: {reason}")]
    Header {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        reason: String,
    },
    /// A CSV or TSV file whose columns have another separator.
    #[error("{file}: the header row has one column, {header:?}, which looks like several with {other:?} between them")]
    Separator {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        /// The separator that it seems to have.
        other: char,
        header: String,
    },
    /// A CSV or TSV file without the column that is needed.
    #[error("{file}: there is no column {column:?}; {present}")]
    Column {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        /// The column wanted.
        column: String,
        /// The columns there are.
        present: Names,
        /// The flag that names this column.
        flag: &'static str,
    },
}

impl InputError {
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { path } if path.to_string_lossy().contains(char::is_whitespace) => {
                "positional arguments are files; pipe text in through stdin".into()
            }
            Self::Missing { .. } => "check the path; - reads stdin".into(),
            Self::Directory { path } => {
                let path = path.to_string_lossy();
                let folder = shlex::try_quote(path.trim_end_matches('/')).unwrap_or_default().into_owned();
                format!("name the files in it, as in {folder}/*; each line of a .txt file is a text")
            }
            Self::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "make the file readable with chmod, or pipe it in through stdin".into()
            }
            Self::StdinTwice => "name - once".into(),
            Self::NoFields { flag, .. } => {
                format!("leave {flag} out, or say with --input-format jsonl, json, csv or tsv what the file is")
            }
            Self::NotText { hint, .. } => (*hint).into(),
            Self::Named { .. } => {
                "if it is text all the same, say so: --input-format lines, jsonl, json, csv or tsv".into()
            }
            Self::FieldInNone { field, present, flag, .. } => {
                present.meant(field, flag).unwrap_or_else(|| format!("name the field with {flag}"))
            }
            Self::Header { .. } => "CSV and TSV need a first row that names the columns".into(),
            Self::Separator { other: '\t', .. } => "if it is TSV, say so: --input-format tsv".into(),
            Self::Separator { other: ',', .. } => "if it is CSV, say so: --input-format csv".into(),
            Self::Separator { header, .. } => format!(
                "save it with commas; if it is one column all the same, name it: --field {}",
                shlex::try_quote(header).unwrap_or_default()
            ),
            Self::Column { column, present, flag, .. } => {
                present.meant(column, flag).unwrap_or_else(|| format!("name the column with {flag}"))
            }
            Self::NotAFile { .. } | Self::Open { .. } | Self::Read { .. } => return None,
        })
    }
}

/// "none of the first 100 records has a", "the only record has no".
struct Rows(u64, bool);

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(1, true) => f.write_str("the only record has no"),
            Self(n, true) => write!(f, "none of the {n} records has a"),
            Self(n, false) => write!(f, "none of the first {n} records has a"),
        }
    }
}

/// The names of the present fields; a long list is shortened.
#[derive(Debug, Clone, Default)]
pub struct Names {
    shown: Vec<String>,
    more: usize,
}

impl Names {
    const SHOWN: usize = 16;
    const LENGTH: usize = 60;

    /// The name to type, if it differs from the wanted one in capitals alone.
    fn meant(&self, wanted: &str, flag: &str) -> Option<String> {
        let wanted = wanted.to_lowercase();
        let quoted = |name: &String| shlex::try_quote(name).ok().map(|name| format!("{flag} {name}"));
        let alike: Vec<String> =
            self.shown.iter().filter(|name| name.to_lowercase() == wanted).filter_map(quoted).collect();
        match alike.len() {
            0 => None,
            1 => Some(format!("did you mean {}?", alike.join(""))),
            _ => Some(format!("several names differ in capitals alone: {}", alike.join(" or "))),
        }
    }

    /// One more name.
    pub(super) fn push(&mut self, name: &str) {
        if self.shown.len() == Self::SHOWN {
            self.more += 1;
        } else if name.chars().count() > Self::LENGTH {
            self.shown.push(name.chars().take(Self::LENGTH - 1).chain(['…']).collect());
        } else {
            self.shown.push(name.to_owned());
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shown.is_empty() {
            return f.write_str("there are none");
        }
        f.write_str("there are: ")?;
        for (i, name) in self.shown.iter().enumerate() {
            // Quoted and escaped: a name may hold anything, terminal control codes included.
            write!(f, "{}{name:?}", if i == 0 { "" } else { ", " })?;
        }
        if self.more > 0 { write!(f, " and {} more", self.more) } else { Ok(()) }
    }
}

/// A number of bytes for people.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1 << 20 && n % (1 << 20) == 0 => write!(f, "{} MiB", n >> 20),
            n => write!(f, "{n} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn many_and_long_and_hostile_names_are_tamed() {
        let mut names = Names::default();
        assert_eq!(names.to_string(), "there are none");
        names.push("\u{1b}[31mred");
        names.push(&"x".repeat(1000));
        for i in 0..20 {
            names.push(&i.to_string());
        }
        let text = names.to_string();
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.ends_with(" and 6 more"), "{text}");
        assert!(text.len() < 300, "{text}");
    }

    #[test]
    fn names_with_other_capitals_are_suggested() {
        let hint = |present: &[&str]| {
            let mut names = Names::default();
            present.iter().for_each(|name| names.push(name));
            let (file, field) = ("a".into(), "text".to_owned());
            let error =
                InputError::FieldInNone { file, rows: 2, all: true, field, present: names.clone(), flag: "--field" };
            let (file, column) = ("a".into(), "text".to_owned());
            let column = InputError::Column { file, column, present: names, flag: "--field" };
            (error.hint().unwrap(), column.hint().unwrap())
        };
        let both = |text: &str| (text.to_owned(), text.to_owned());
        assert_eq!(hint(&["Text", "ID"]), both("did you mean --field Text?"));
        let several = "several names differ in capitals alone: --field TEXT or --field Text";
        assert_eq!(hint(&["TEXT", "Text"]), both(several));
        assert_eq!(hint(&["body"]).0, "name the field with --field");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(Size(64 << 20).to_string(), "64 MiB");
        assert_eq!(Size(10).to_string(), "10 bytes");
    }
}
