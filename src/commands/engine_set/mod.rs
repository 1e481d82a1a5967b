//! Several engines with one model: shared by `infa bench` and `infa compare`.
//!
//! ```text
//! set            the engines, their model, and their options
//! options        the options that an engine is opened with
//! open           loading, starting, connecting to them
//! error          the reasons that one is not open
//! token_counter  tokens of the model's tokenizer
//! facts          the model and the machine, for reports
//! ```

mod error;
pub(crate) mod facts;
mod open;
mod options;
mod set;
mod token_counter;

pub(crate) use error::OpenError;
pub(crate) use open::RunningEngine;
pub(crate) use set::{EngineSet, ModelHere, NamedEngine};
pub(crate) use token_counter::TokenCounter;
