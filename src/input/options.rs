//! Formats of files, and the names of fields in them.

use super::template::Template;

/// The format of a file of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One text a line
    Lines,
    /// One JSON object (or one JSON string) a line; blank lines are skipped
    Jsonl,
    /// A JSON array of such objects or strings, or values that span lines; JSON lines are read, too
    Json,
    /// Comma-separated values with a header row
    Csv,
    /// Tab-separated values with a header row
    Tsv,
    /// Texts that end with a NUL byte, as `find -print0` writes; newlines belong to the text
    Nul,
}

/// The format of the files, and the names of their fields.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The format of all files; without it each file's ending decides, or else its first bytes.
    pub format: Option<Format>,
    /// The field or column with the text; `text` without it.
    pub field: Option<String>,
    /// The field or column of the id; without it `id`, if present.
    pub id_field: Option<String>,
    /// The text, put together from several fields; beats [`field`](Self::field).
    pub template: Option<Template>,
    /// Fields or columns that travel to the row.
    pub keep: Vec<String>,
    /// The field or column with the second text of a pair; without it records are single texts.
    pub pair_field: Option<String>,
}

impl Options {
    /// The first flag that names a field.
    pub(super) fn field_flag(&self) -> Option<&'static str> {
        let flags = [
            (self.field.is_some(), "--field"),
            (self.template.is_some(), "--template"),
            (self.id_field.is_some(), "--id-field"),
            (self.pair_field.is_some(), "--pair-field"),
            (!self.keep.is_empty(), "--keep"),
        ];
        flags.into_iter().find(|(given, _)| *given).map(|(_, flag)| flag)
    }
}
