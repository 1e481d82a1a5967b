//! A retrieval task in the layout of BEIR: `corpus.jsonl`, `queries.jsonl` and judgements in `qrels/test.tsv`.
//!
//! - `corpus.jsonl`: a document a line, `{"_id": "…", "title": "…", "text": "…"}`; the title may be missing or empty. A model
//!   gets title, space and text, trimmed, as it does from BEIR (`encode_corpus`) and MTEB (`_corpus_to_dict`).
//! - `queries.jsonl`: a query a line, `{"_id": "…", "text": "…"}`.
//! - `qrels/*.tsv`: a header (which may be missing) and `query-id`, `corpus-id`, `score`, with tabs between. The four columns
//!   of TREC, `query 0 document relevance` with white space between, are read as well.
//!
//! Other fields are passed over; ids may be numbers, which become their digits.
//!
//! **What counts**, as for BEIR, which hands this to pytrec_eval: queries without a judgement are left out. One whose
//! judgements are all 0 or below counts, with 0 in every measure. Relevance below 0 is as good as 0. A relevant document that
//! is not in the corpus stays: it is part of the ideal order and of what recall looks for, so that both can fall short of 1.
//! A judged query that is not in `queries.jsonl` is left out, where BEIR fails.

mod error;
mod qrels;
mod read;
mod texts;

pub(crate) use error::BeirError;
pub(crate) use read::{RetrievalSet, read_beir};
