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

pub(crate) use environment::Parsed;
pub(crate) use help::{STATUS, paragraphs};
pub(crate) use usage::UsageError;
pub(crate) use variables::{with_variable, with_variables};
