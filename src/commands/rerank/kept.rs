//! The part of a document that is kept for the output.

/// The part of a document that is kept for the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Not,
    /// The part that fits into a table.
    Beginning,
    Whole,
}

impl Kept {
    pub(crate) fn of(self, document: &str) -> Option<String> {
        match self {
            Self::Not => None,
            Self::Beginning => Some(document[..document.floor_char_boundary(4096)].to_owned()),
            Self::Whole => Some(document.to_owned()),
        }
    }
}
