//! Downloads that end checked or not at all: HTTP with resume, packages by pip, locks, cancellation.
//!
//! `model` and `runtime` both bring files from elsewhere. What they share lives here, below both.

pub mod archive;
mod cancel;
mod context;
pub mod digest;
mod download;
mod error;
mod exchange;
pub mod http;
mod limits;
pub mod lock;
pub mod names;
pub mod pip;
mod progress;
mod retry;
mod staging;

pub use cancel::Cancel;
pub use context::Context;
pub use download::Download;
pub use error::FetchError;
pub use http::Http;
pub use limits::Limits;
pub use progress::{Progress, ProgressTask, Silent};
pub use retry::backoff;
pub use staging::{publish, readable_by_all, remove_file, staging_directory};
