//! The native routes of text-embeddings-inference 1.9.
//!
//! Intended differences: `truncate` defaults to the server's setting (TEI: `--auto-truncate`), an invalid option is 400
//! and malformed JSON 422 (TEI: 413, and plain text), offsets of `/tokenize` count characters (TEI: bytes), and `model`
//! selects one of several models, by default the first made for the route.

pub mod any;
pub mod embed;
pub mod info;
mod inputs;
pub mod predict;
pub mod similarity;
pub mod together;
pub mod tokenize;
pub mod vertex;
