//! Records: texts with their ids and where they begin.

use super::error::RecordError;
use super::origin::Origin;
use crate::kept::KeptValue;
use crate::record_id::RecordId;

/// The longest record that is read; a longer one becomes a [`RecordError`] and is skipped over. A tokenizer needs some
/// 60 bytes for each byte of a word without end, so this bounds memory too.
pub(crate) const MAX_RECORD_BYTES: usize = 16 << 20;

/// A record of an input, or the error in its place.
#[derive(Debug)]
pub struct Record<T = Text> {
    /// The id of the input (in CSV and TSV always a text).
    pub id: Option<RecordId>,
    /// Its content, or its error.
    pub content: Result<T, RecordError>,
    /// The values of [`Options::keep`](super::Options::keep), in that order; none if the record cannot be read.
    pub kept: Vec<KeptValue>,
    pub origin: Origin,
}

/// A text, or a pair of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    /// The second of a pair, if [`Options::pair_field`] is given.
    pub pair: Option<String>,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, pair: None }
    }
}

#[cfg(test)]
impl Record {
    /// `line:id:text` or `line:id!error`, for tests.
    pub(super) fn shown(&self) -> String {
        let id = self.id.as_ref().map(ToString::to_string).unwrap_or_default();
        match &self.content {
            Ok(Text { text, pair: None }) => format!("{}:{id}:{text}", self.origin.line),
            Ok(Text { text, pair: Some(pair) }) => format!("{}:{id}:{text}+{pair}", self.origin.line),
            Err(error) => format!("{}:{id}!{error}", self.origin.line),
        }
    }
}
