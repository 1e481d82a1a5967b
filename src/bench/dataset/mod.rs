//! The texts of a benchmark: generated from a seed, bundled, or the user's own.
//!
//! A [`DatasetSpec`] such as `words:384x255` names a dataset. With the same spec, seed and tokenizer its texts are the
//! same on every machine.

mod arguments;
mod bundled;
mod catalog;
mod error;
mod generate;
mod histogram;
mod parse;
mod spec;
mod texts;
mod writer;

pub use catalog::datasets;
pub use error::DatasetError;
pub use histogram::LengthHistogram;
pub use spec::{DatasetSpec, Recipe};
pub use texts::{Dataset, QuerySet};
