//! Text → token ids, as the model's own tokenizer has it; truncation that keeps the special tokens.
//!
//! The `tokenizers` crate runs under [`crate::panic_guard`]: it may panic on a crafted tokenizer.json.

mod build;
mod encode;
mod pair;
pub mod pieces;
mod plain;
mod prompted;
mod read;
mod squeeze;
mod types;

pub use build::vocabulary::{FILES as VOCABULARY_FILES, missing};
pub use pair::FirstOfPair;
pub use prompted::Prompted;
pub use read::file_in;
pub use types::{Hints, TokenizeError, Tokenizer, Tokens, Truncate};
