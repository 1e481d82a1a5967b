//! Text → token ids, as the model's own tokenizer has it; truncation that keeps the special tokens.
//!
//! The `tokenizers` crate runs under [`crate::panic_guard`]: it may panic on a crafted tokenizer.json.

mod build;
mod encode;
mod pair;
pub(crate) mod pieces;
mod plain;
mod prompted;
mod read;
mod squeeze;
mod types;

pub(crate) use build::vocabulary::{FILES as VOCABULARY_FILES, missing};
pub(crate) use pair::FirstOfPair;
pub(crate) use prompted::Prompted;
pub(crate) use read::file_in;
pub(crate) use types::Tokens;
pub use types::{Hints, TokenizeError, Tokenizer, Truncate};
