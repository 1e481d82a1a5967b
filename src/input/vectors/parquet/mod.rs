//! Parquet, as indices are exported by pandas, pyarrow, polars and DuckDB, and as data sets lie on Hugging Face.
//!
//! The format: <https://github.com/apache/parquet-format>. The vectors are a column of lists of float16, float32 or float64,
//! called `embedding`, `vector`, `embeddings` or `vectors`, or else the only such column; ids are a column `id` or `_id` of
//! strings or numbers, places a column `index`. A null in the place of a list, and a list without numbers, is a row that
//! failed; a null within a list is NaN. Numbers become float32. Compressed by Snappy, zstd, LZ4, gzip, or not at all.

mod footer;
mod pages;
mod problem;
mod read;
mod rows;
mod schema;
mod storage;
mod thrift;

pub(super) use read::read;
