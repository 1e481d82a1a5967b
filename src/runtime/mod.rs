//! ONNX Runtime: find or install its library, load it once, make sessions that share their weights.

pub mod cores;
pub(crate) mod device;
mod error;
pub(crate) mod gpu;
pub(crate) mod install;
mod integrity;
pub(crate) mod library;
mod library_file;
mod loaded;
mod operators;
mod placement;
mod provider;
mod python;
mod resolve;
mod session;
mod telemetry;
mod version;

pub(crate) use error::RuntimeError;
pub use loaded::Runtime;
pub(crate) use provider::{CudaOptions, GpuSettings, Half, Profile, Provider, TensorrtOptions};
pub(crate) use resolve::ResolvedDevice;
pub use session::{Input, Numbers, Session, SessionOptions};
pub(crate) use telemetry::forbid_telemetry;
pub(crate) use version::OLDEST_MINOR;
pub use version::VERSION;
