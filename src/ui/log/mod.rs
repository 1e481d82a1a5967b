//! Logging: tracing events on stderr, above the progress bars.

mod format;
mod logging;
mod short;

pub use format::LogFormat;
pub use logging::{Logging, ServerLog};
