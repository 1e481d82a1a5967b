//! Logging: tracing events on stderr, above the progress bars.

mod format;
mod logging;
mod short;

pub(crate) use format::LogFormat;
pub(crate) use logging::{Logging, ServerLog};
