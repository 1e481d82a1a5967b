//! What `/metrics` shows to Prometheus: one registry a server, so that several in one process never mix.
//!
//! Labels are bounded: routes by their template, models by the names they are served under, the rest by words that
//! stand in this folder.

mod model;
mod process;
mod registrar;
mod registry;
mod requests;

pub use model::{ModelMetrics, Outcome};
pub use registrar::MetricsError;
pub use registry::Metrics;
