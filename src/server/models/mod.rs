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

pub use failure::{Failure, NoModel, of_inputs};
pub use profile::Capability;
pub use registry::Models;
pub use served::Served;
pub use service::{ModelOutput, Relevance, Service};
pub use spec::{Choose, Load, LoadError, Spec};
