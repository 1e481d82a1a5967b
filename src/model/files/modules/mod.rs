//! sentence-transformers' modules.json: which module follows which, and what each of them does.
//!
//! The first module makes vectors of tokens (a transformer) or at once of the text (static embeddings); pooling makes
//! one vector of the tokens'; [`Step`]s change vectors. Reference: `sentence_transformers`, `base/modules` and
//! `sentence_transformer/modules`. Directories: `1_Pooling`, `2_Dense`, …, each with a config.json and perhaps weights.

mod activation;
mod dense;
mod level;
mod list;
mod norm;
mod pooling_config;
mod step;
mod weights;

pub use activation::Activation;
pub(crate) use dense::{Dense, DenseConfig};
pub(crate) use list::read;
pub(crate) use step::{Layer, Module, Step};
pub(crate) use weights::ModuleWeights;
