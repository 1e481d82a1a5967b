//! Formats of files, and the names of fields in them.

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
    /// The field or column with the second text of a pair; without it records are single texts.
    pub pair_field: Option<String>,
}

impl Options {
    /// The first flag that names a field.
    pub(super) fn field_flag(&self) -> Option<&'static str> {
        let flags = [(&self.field, "--field"), (&self.id_field, "--id-field"), (&self.pair_field, "--pair-field")];
        flags.into_iter().find(|(field, _)| field.is_some()).map(|(_, flag)| flag)
    }
}
