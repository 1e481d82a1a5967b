//! The native routes of text-embeddings-inference, as its version 1.9 has them.
//!
//! What differs, on purpose: `truncate` left out means what the server was started with (TEI: `--auto-truncate`), a bad
//! option is 400 and malformed JSON 422 (TEI: 413, and plain text), offsets of `/tokenize` count characters (TEI: bytes),
//! and `model` picks one of several models; without it the first that is made for the route answers.

pub mod any;
pub mod embed;
pub mod info;
mod inputs;
pub mod predict;
pub mod similarity;
pub mod together;
pub mod tokenize;
pub mod vertex;
