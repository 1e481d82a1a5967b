//! Downloads that end checked or not at all: HTTP with resume, packages by pip, locks, cancellation.
//!
//! `model` and `runtime` both bring files from elsewhere. What they share lives here, below both.

pub(crate) mod archive;
mod cancel;
mod context;
pub(crate) mod digest;
mod download;
mod error;
mod exchange;
pub(crate) mod http;
mod limits;
pub(crate) mod lock;
pub(crate) mod names;
pub(crate) mod pip;
mod progress;
mod retry;
mod staging;

pub use cancel::Cancel;
pub use context::Context;
pub use download::Download;
pub use error::FetchError;
pub use http::Http;
pub use limits::Limits;
pub(crate) use progress::Silent;
pub use progress::{Progress, ProgressTask};
pub(crate) use retry::backoff;
pub(crate) use staging::{publish, readable_by_all, remove_file, staging_directory, sweep_staging};
