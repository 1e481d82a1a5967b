//! The served models: choice, loading and computation.

mod choice;
mod failure;
mod lazy_engine;
mod profile;
mod registry;
mod served;
mod service;
mod spec;
mod warm_up;

pub(crate) use failure::{Failure, NoModel, of_inputs};
pub(crate) use profile::Capability;
pub use registry::Models;
pub(crate) use served::Served;
pub(crate) use service::{ModelOutput, Relevance, Service};
pub use spec::{Choose, Spec};
pub(crate) use spec::{Load, LoadError};
