//! Settings of an output of embeddings.

use super::encoding::Encoding;
use super::format::Format;
use super::npy::HEAD;
use super::row::Shape;
use crate::kept::KeptColumn;
use crate::output::digits::Precision;
use crate::output::file::compression::Compression;

/// The rows of an output, and how they are written.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub shape: Shape,
    /// Digits of numbers in text.
    pub precision: Option<Precision>,
    /// Numbers of dense vectors.
    pub encoding: Encoding,
    /// Columns of the input, in the order of [`Row::kept`](super::row::Row::kept).
    pub keep: Vec<KeptColumn>,
    pub compression: Compression,
    /// Rows that the output has already.
    pub rows: u64,
}

impl Settings {
    pub(crate) fn new(shape: Shape, precision: Option<Precision>) -> Self {
        let (encoding, keep, compression) = (Encoding::default(), Vec::new(), Compression::default());
        Self { shape, precision, encoding, keep, compression, rows: 0 }
    }

    /// The way to continue a partial file of this format; `None` if only whole files can be made anew.
    pub(crate) fn continuation(&self, format: Format) -> Option<Continuation> {
        let Shape::Dense(dimensions) = self.shape else {
            return (format == Format::Jsonl && self.compression == Compression::None).then_some(Continuation::Lines);
        };
        let row = (self.encoding.length(dimensions) * self.encoding.bytes()) as u64;
        match format {
            _ if self.compression != Compression::None => None,
            Format::Jsonl => Some(Continuation::Lines),
            Format::Csv => Some(Continuation::QuotedLines),
            Format::Npy => Some(Continuation::Rows { head: HEAD as u64, row }),
            Format::F32 => Some(Continuation::Rows { head: 0, row }),
            Format::Json | Format::Npz | Format::Parquet | Format::Arrow => None,
        }
    }
}

/// The form of a partial file that can be cut after its last complete row and continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// A row ends with a line break, which stands nowhere else.
    Lines,
    /// After a header, a row ends with a line break that is not in quotes.
    QuotedLines,
    /// `head` bytes, of which the number of rows is written at the end, then `row` bytes a row.
    Rows { head: u64, row: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Dtype;

    #[test]
    fn files_of_lines_and_of_fixed_rows_can_be_continued() {
        let mut settings = Settings::new(Shape::Dense(16), None);
        assert_eq!(settings.continuation(Format::Jsonl), Some(Continuation::Lines));
        assert_eq!(settings.continuation(Format::Csv), Some(Continuation::QuotedLines));
        assert_eq!(settings.continuation(Format::Npy), Some(Continuation::Rows { head: 128, row: 64 }));
        settings.encoding.dtype = Dtype::Ubinary;
        assert_eq!(settings.continuation(Format::F32), Some(Continuation::Rows { head: 0, row: 2 }));
        for format in [Format::Json, Format::Npz, Format::Parquet, Format::Arrow] {
            assert_eq!(settings.continuation(format), None, "{format:?}");
        }
        settings.compression = Compression::Gzip;
        assert_eq!(settings.continuation(Format::Jsonl), None);
        let sparse = Settings::new(Shape::Sparse, None);
        assert_eq!(sparse.continuation(Format::Jsonl), Some(Continuation::Lines));
    }
}
