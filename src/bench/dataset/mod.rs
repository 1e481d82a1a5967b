//! The texts that are measured: generated from a seed, written for this project, or the user's own.
//!
//! A dataset is named by a [`DatasetSpec`] such as `words:384x255`. With the same spec, seed and tokenizer its texts are
//! the same on every machine.

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
