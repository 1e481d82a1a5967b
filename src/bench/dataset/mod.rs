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

pub(crate) use catalog::datasets;
pub(crate) use error::DatasetError;
pub use histogram::LengthHistogram;
pub use spec::DatasetSpec;
pub(crate) use spec::Recipe;
pub use texts::Dataset;
pub(crate) use texts::QuerySet;
