//! The served models: choice, loading and computation.

mod choice;
mod failure;
mod lazy_engine;
mod loaded_model;
mod profile;
mod registry;
mod served_model;
mod spec;
mod warm_up;

pub(crate) use failure::{Failure, NoModel, of_inputs};
pub(crate) use loaded_model::{LoadedModel, ModelOutput, Relevance};
pub(crate) use profile::Capability;
pub use registry::Models;
pub(crate) use served_model::ServedModel;
pub use spec::{Choose, ModelSpec};
pub(crate) use spec::{Load, LoadError};
