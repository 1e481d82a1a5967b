//! One engine, with the same inputs three times: in batches, one by one, and many at once in other batches.
//!
//! ```text
//! inputs    texts, or queries with documents, and the requests for them
//! options   the requests of a comparison: how many, which are repeated
//! run       all of them, to one engine
//! failures  failed inputs, and the limit of failures in a row
//! ```

mod failures;
mod inputs;
mod options;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use failures::Failures;
pub(crate) use inputs::{Inputs, Query, Text};
pub(crate) use options::Probe;
pub(crate) use run::{Answers, Results};
