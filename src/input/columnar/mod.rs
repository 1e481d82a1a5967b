//! Parquet, and Arrow's streams and files: batches of columns, read as records.
//!
//! The formats: <https://github.com/apache/parquet-format>, <https://arrow.apache.org/docs/format/Columnar.html>. A batch is
//! held at a time. The line of a record is the number of its row, from 1.

mod batches;
mod field;
mod rows;
#[cfg(test)]
mod tests;
mod values;

pub(super) use rows::{ColumnRows, kept_types};
