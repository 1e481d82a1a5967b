//! The metrics of `/metrics` for Prometheus: one registry per server, so that several in one process never mix.
//!
//! Labels are bounded: routes are templates, models the names they are served under, other values are constants of this
//! folder.

mod model;
mod process;
mod registrar;
mod registry;
mod requests;

pub(crate) use model::{ModelMetrics, Outcome};
pub(crate) use registrar::MetricsError;
pub use registry::Metrics;
