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
}
