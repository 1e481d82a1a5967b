//! Pairs of texts with a score of how alike they are, such as the STS benchmark: JSON lines, CSV or TSV.
//!
//! The extension says which (`.jsonl`, `.ndjson`, `.csv`, `.tsv`, `.tab`), else the first bytes. Fields are found by their
//! names, the texts as `sentence1` and `sentence2` (or `sentence_a`, `sentence_1`, `text1`, `text_a`, `s1`, `premise` with
//! their like), the score as `score` (or `similarity_score`, `relatedness_score`, `similarity`, `gold_score`, `gold`,
//! `label`), in capitals or not, unless [`PairOptions`] names them. Where a field `split` says that the file holds several
//! splits, the pairs are those of `test`, or of the named split.
//!
//! **Quotes.** CSV is read as RFC 4180 has it. In TSV a quote is a character like any other, as GLUE and the STS benchmark
//! have it, unless the file shows otherwise: its header is quoted, or else every field with a quote in it is quoted as CSV
//! does that, and one of them has a doubled quote within (pandas writes such files).

mod columns;
mod error;
mod options;
mod pair;
mod read;
mod rows;

pub use error::PairsError;
pub use options::PairOptions;
pub use pair::{ScoredPair, ScoredPairs, SkippedRows};
pub use read::read_pairs;
