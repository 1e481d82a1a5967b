//! From flags to the options of an engine: a model in this process, in a Python process, or a server.

mod python;
mod refuse;
mod resolve;
mod runtime;
mod server;

pub(super) use resolve::resolve;
pub(super) use runtime::{runtime, start_words};
