//! Groups of inputs through a session.
//!
//! ```text
//! worker        tokens in, the model's output for each input handed on
//!   └ feeds     numbers for the inputs of the session
//! interface     the inputs and the output of the session
//! ```

mod feeds;
mod interface;
mod worker;

pub(in crate::engine::local) use interface::{Interface, OnnxOutput};
pub(in crate::engine::local) use worker::{OutputRows, run, run_all, run_group};
