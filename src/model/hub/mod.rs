//! The source of a model's files: a path, a cache, the Hub, a package (`source`).
//!
//! hf-hub 0.4 provides the names of repositories and folders; its HTTP client is not used: it appends any response to a
//! partial file, checks no sums, and has no time-outs. A model in the cache costs no request; no HTTP client is even
//! created.

mod client;
mod error;
mod listing;

pub use client::{Hub, Snapshot};
pub use error::HubError;
pub use listing::RemoteFile;
pub(crate) mod cache;
pub(crate) mod package;
pub(crate) mod short_names;
pub(crate) mod source;
