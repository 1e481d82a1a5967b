//! From the command line and the environment to the structs: variables, short help, tips, wrong usage.

mod endings;
mod environment;
mod help;
mod numbers;
mod origin;
mod tei;
mod tips;
mod unknown;
mod usage;
mod variables;

pub use environment::Parsed;
pub use help::{STATUS, paragraphs};
pub use usage::UsageError;
pub use variables::{with_variable, with_variables};
