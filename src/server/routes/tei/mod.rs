//! The native routes of text-embeddings-inference 1.9.
//!
//! Intended differences: `truncate` defaults to the server's setting (TEI: `--auto-truncate`), an invalid option is 400
//! and malformed JSON 422 (TEI: 413, and plain text), offsets of `/tokenize` count characters (TEI: bytes), and `model`
//! selects one of several models, by default the first made for the route.

pub(crate) mod any;
pub(crate) mod embed;
pub(crate) mod info;
mod inputs;
pub(crate) mod predict;
pub(crate) mod similarity;
pub(crate) mod together;
pub(crate) mod tokenize;
pub(crate) mod vertex;
