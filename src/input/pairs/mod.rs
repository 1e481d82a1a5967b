//! Pairs of texts with a similarity score, such as the STS benchmark: JSON lines, CSV or TSV.
//!
//! The extension decides (`.jsonl`, `.ndjson`, `.csv`, `.tsv`, `.tab`), else the first bytes. Fields are found by their
//! names: the texts as `sentence1` and `sentence2` (or `sentence_a`, `sentence_1`, `text1`, `text_a`, `s1`, `premise`
//! with their counterparts), the score as `score` (or `similarity_score`, `relatedness_score`, `similarity`,
//! `gold_score`, `gold`, `label`), in any case, unless [`PairOptions`] names them. If the file has a field `split` with
//! several values, the pairs are those of `test`, or of the named split.
//!
//! **Quotes.** CSV follows RFC 4180. In TSV a quote is an ordinary character, as in GLUE and the STS benchmark, with
//! one exception: the header is quoted, or every field with a quote in it is quoted as in CSV and one of them contains
//! a doubled quote (pandas writes such files).

mod columns;
mod error;
mod options;
mod pair;
mod read;
mod rows;

pub(crate) use error::PairsError;
pub(crate) use options::PairOptions;
pub(crate) use pair::ScoredPairs;
pub(crate) use read::read_pairs;
