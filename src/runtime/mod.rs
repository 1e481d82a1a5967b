//! ONNX Runtime: find or install its library, load it once, make sessions that share their weights.

pub mod cores;
pub mod device;
mod error;
pub mod install;
mod integrity;
pub mod library;
mod loaded;
mod operators;
mod resolve;
mod session;
mod telemetry;
mod version;

pub use error::RuntimeError;
pub use loaded::Runtime;
pub use session::{Input, Session, SessionOptions};
pub use telemetry::forbid_telemetry;
pub use version::{OLDEST_MINOR, VERSION};
