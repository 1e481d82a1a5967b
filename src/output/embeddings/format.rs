//! Formats of embeddings.

/// The format of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line
    Jsonl,
    /// One JSON array of the same objects
    Json,
    /// Comma-separated values: index, id, tokens, truncated, error, then one column a dimension
    Csv,
    /// A NumPy array of float32, one row an input; rows that failed are NaN
    Npy,
    /// A NumPy archive: the array vectors as in npy, and the array ids
    Npz,
    /// A table with a column of vectors
    Parquet,
    /// The same table as an Arrow IPC stream
    Arrow,
    /// The numbers of npy without a header
    F32,
}

impl Format {
    /// True if it holds bytes and not text.
    pub(crate) fn is_binary(self) -> bool {
        !self.is_text()
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Jsonl | Self::Json | Self::Csv)
    }

    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}
