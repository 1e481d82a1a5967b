//! The fields that hold a scored pair.

/// The names of the fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairOptions {
    /// The field or column with the first text; without it the usual names are looked for.
    pub first: Option<String>,
    /// The field or column with the second text.
    pub second: Option<String>,
    /// The field or column with the score.
    pub score: Option<String>,
    /// The split to read, of a file with a field `split`; without it `test`, if there are several.
    pub split: Option<String>,
}
