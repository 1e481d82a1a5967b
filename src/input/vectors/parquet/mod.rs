//! Parquet, as pandas, pyarrow, polars and DuckDB export indices, and as data sets on Hugging Face.
//!
//! The format: <https://github.com/apache/parquet-format>. The vectors are a column of lists of float16, float32 or
//! float64, called `embedding`, `vector`, `embeddings` or `vectors`, or else the only such column; ids are a column
//! `id` or `_id` of strings or numbers, positions a column `index`. A null instead of a list, and an empty list, is a
//! failed row; a null within a list is NaN. Numbers become float32. Compression: Snappy, zstd, LZ4, gzip, or none.

mod footer;
mod pages;
mod problem;
mod read;
mod rows;
mod schema;
mod storage;
mod thrift;

pub(super) use read::{has_vectors, read};
