//! Several engines with one model: what `infa bench` and `infa compare` share.
//!
//! ```text
//! set            the engines, their model, and how they are started and asked
//! open           loading, starting, connecting to them
//! error          why one is not open
//! token_counter  tokens, as the model sees them
//! facts          what is known of the model and of the machine
//! ```

mod error;
pub mod facts;
mod open;
mod set;
mod token_counter;

pub use error::OpenError;
pub use open::{EngineFacts, EngineOpener, RunningEngine};
pub use set::{EngineSet, ModelHere, NamedEngine};
pub use token_counter::TokenCounter;
