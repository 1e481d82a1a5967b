//! Errors of inputs: of one record, or of the whole input.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::origin::Origin;
use crate::plural::counted;
use crate::suggest::{MIN_SIMILARITY, suggest_by};

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

    /// True if the record has no text, but a query with documents.
    pub fn is_query(&self) -> bool {
        matches!(&*self.problem, Problem::Missing { present, .. } if present.has("query") && present.has("documents"))
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
            Problem::Missing { field, present, flag } => present.remedy(field, flag),
            Problem::Structure { .. } => "the file may be cut short, or put together from several".into(),
            Problem::WrongType { .. }
            | Problem::Empty { .. }
            | Problem::NotAnObject { .. }
            | Problem::Lacking { .. }
            | Problem::Blank { .. }
            | Problem::AllNull
            | Problem::NotFinite { .. } => return None,
            Problem::Ragged { .. } => "quote fields that contain the separator or a newline".into(),
            Problem::OpenQuote { .. } => "close the quote; a quote that belongs to the text is doubled (\"\")".into(),
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
    #[error("every field of --template is missing or null")]
    AllNull,
    #[error("there is no field {field:?}; {present}")]
    Missing { field: String, present: Names, flag: &'static str },
    #[error("field {field:?} must be {wanted}, but is {found}")]
    WrongType { field: String, wanted: &'static str, found: &'static str },
    /// `lines`: the first and the last, if the row has several.
    #[error("the row has {} where the header has {expected}{}", counted(*found as u64, "field"), Together(*lines))]
    Ragged { found: usize, expected: usize, lines: Option<(u64, u64)> },
    /// `lines`: that of the quote, and the last of the file.
    #[error("the quote that opens here is not closed{}", Swallowed(*lines))]
    OpenQuote { lines: (u64, u64) },
}

/// The error of an input that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// No such file.
    #[error("{}: no such file", path.display())]
    Missing { path: PathBuf },
    #[error("{}: is a directory", path.display())]
    Directory { path: PathBuf },
    #[error("{}: is a directory and holds no file with a known ending, such as .jsonl, .csv, .parquet or .txt", path.display())]
    EmptyDirectory { path: PathBuf },
    /// A path with `*`, `?` or `[` that is no file.
    #[error("{pattern}: the pattern names no input: {reason}")]
    Pattern { pattern: String, reason: String },
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
    #[error(
        "{file}: is read as plain texts, which have neither fields nor pairs; {flag} is for JSON, CSV, TSV, Parquet and Arrow"
    )]
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
    /// Parquet or Arrow of which not even the columns can be read.
    #[error("{file}: {what} that cannot be read: {reason}")]
    Damaged {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        what: &'static str,
        reason: String,
    },
    /// A column of Parquet or Arrow of another type than needed.
    #[error("{file}: the column {column:?} is of type {found}, but {flag} needs {wanted}")]
    ColumnType {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        column: String,
        found: String,
        wanted: &'static str,
        flag: &'static str,
    },
}

impl InputError {
    /// True if the records have no text, but a query with documents each.
    pub fn has_queries(&self) -> bool {
        matches!(self, Self::FieldInNone { present, .. } if present.has("query") && present.has("documents"))
    }

    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { path } if path.to_string_lossy().contains(char::is_whitespace) => {
                "positional arguments are files; pipe text in through stdin".into()
            }
            Self::Missing { .. } => "check the path; - reads stdin".into(),
            Self::Directory { path } | Self::EmptyDirectory { path } => {
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
            Self::FieldInNone { field, present, flag, .. } => present.remedy(field, flag),
            Self::Header { .. } => "CSV and TSV need a first row that names the columns".into(),
            Self::Separator { other: '\t', .. } => "if it is TSV, say so: --input-format tsv".into(),
            Self::Separator { other: ',', .. } => "if it is CSV, say so: --input-format csv".into(),
            Self::Separator { header, .. } => format!(
                "save it with commas; if it is one column all the same, name it: --field {}",
                shlex::try_quote(header).unwrap_or_default()
            ),
            Self::Column { column, present, flag, .. } => present.remedy(column, flag),
            Self::Damaged { .. } => "it may be cut short: write it anew, or save the texts as JSON lines".into(),
            Self::ColumnType { flag, .. } => format!("{flag} takes the name of another column, or convert this one"),
            Self::Pattern { .. } => {
                "check the pattern; in quotes it reaches infa, without them the shell's files do".into()
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

/// ", as its quotes hold lines 2 to 4 together", of a row of several lines.
struct Together(Option<(u64, u64)>);

impl fmt::Display for Together {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((first, last)) => write!(f, ", as its quotes hold lines {first} to {last} together"),
            None => Ok(()),
        }
    }
}

/// The lines that became one row by a quote without an end.
struct Swallowed((u64, u64));

impl fmt::Display for Swallowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            (first, last) if first < last => write!(f, ": lines {first} to {last} became one row"),
            _ => f.write_str(" before the end of the file"),
        }
    }
}

/// The names of the present fields; a long list is shortened.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// At most [`KEPT`](Self::KEPT), each cut to [`LENGTH`](Self::LENGTH) characters.
    kept: Vec<String>,
    more: usize,
}

impl Names {
    /// Names in a message.
    const SHOWN: usize = 16;
    /// Names that are searched for the one that was meant.
    const KEPT: usize = 1024;
    const LENGTH: usize = 60;
    /// The lowest similarity to the usual name, which the user did not type.
    const MIN_SIMILARITY: f64 = 0.8;

    /// The remedy for the missing field `wanted`: the name to type after `flag`.
    fn remedy(&self, wanted: &str, flag: &str) -> String {
        self.guess(wanted, flag).unwrap_or_else(|| match is_usual(wanted, flag) {
            true => format!("name the field with {flag}"),
            false => format!("{flag} takes one of the names that are there"),
        })
    }

    /// The name that was probably meant by `wanted`, to be typed after `flag`.
    pub(super) fn guess(&self, wanted: &str, flag: &str) -> Option<String> {
        let lower = wanted.to_lowercase();
        let quoted = |name: &String| shlex::try_quote(name).ok().map(|name| format!("{flag} {name}"));
        let alike = self.kept.iter().filter(|name| name.to_lowercase() == lower);
        let alike: Vec<String> = alike.filter_map(quoted).collect();
        if alike.len() > 1 {
            return Some(format!("several names differ in capitals alone: {}", alike.join(" or ")));
        }
        let similar = || {
            let min_similarity = if is_usual(wanted, flag) { Self::MIN_SIMILARITY } else { MIN_SIMILARITY };
            let names = self.kept.iter().map(|name| (name.clone(), name));
            suggest_by(wanted, names, min_similarity).and_then(quoted)
        };
        alike.into_iter().next().or_else(similar).map(|name| format!("did you mean {name}?"))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.kept.iter().any(|kept| kept == name)
    }

    /// One more name.
    pub(super) fn push(&mut self, name: &str) {
        if self.kept.len() == Self::KEPT {
            self.more += 1;
        } else if name.chars().count() > Self::LENGTH {
            self.kept.push(name.chars().take(Self::LENGTH - 1).chain(['…']).collect());
        } else {
            self.kept.push(name.to_owned());
        }
    }
}

/// True of the name that is looked for if no flag names another.
fn is_usual(wanted: &str, flag: &str) -> bool {
    flag == "--field" && wanted == "text"
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kept.is_empty() {
            return f.write_str("there are none");
        }
        f.write_str("there are: ")?;
        for (i, name) in self.kept.iter().take(Self::SHOWN).enumerate() {
            // Quoted and escaped: a name may hold anything, terminal control codes included.
            write!(f, "{}{name:?}", if i == 0 { "" } else { ", " })?;
        }
        match self.more + self.kept.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
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
        assert_eq!(hint(&["body"]), both("name the field with --field"));
        assert_eq!(hint(&["body", "texts"]), both("did you mean --field texts?"));
    }

    #[test]
    fn misspelt_names_are_suggested_whichever_flag_has_them() {
        let mut present = Names::default();
        ["id", "body", "premise", "hypothesis", "a b"].iter().for_each(|name| present.push(name));
        (0..100).for_each(|i| present.push(&format!("column {i}")));
        present.push("zenith");
        for (flag, wanted, hint) in [
            ("--field", "boody", "did you mean --field body?"),
            ("--id-field", "Id", "did you mean --id-field id?"),
            ("--id-field", "premis", "did you mean --id-field premise?"),
            ("--pair-field", "hypotesis", "did you mean --pair-field hypothesis?"),
            ("--field", "A B", "did you mean --field 'a b'?"),
            // Not shown in the message, but there.
            ("--field", "zenit", "did you mean --field zenith?"),
            ("--field", "qqq", "--field takes one of the names that are there"),
        ] {
            assert_eq!(present.remedy(wanted, flag), hint);
        }
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(Size(64 << 20).to_string(), "64 MiB");
        assert_eq!(Size(10).to_string(), "10 bytes");
    }
}
