//! Lists a model's files on the Hub, and fetches the wanted ones into the cache.
//!
//! hf-hub 0.4 names repositories and folders for us; its HTTP client is not used: it appends to a partial file whatever
//! the server answers, checks no sums, and waits without limit. A model whose files are cached costs no request, and no
//! HTTP client is even made.

mod client;
mod error;
mod listing;

pub use client::{DEFAULT_REVISION, Hub, Snapshot, check_repo_id};
pub use error::HubError;
pub use listing::RemoteFile;
pub mod cache;
pub(crate) mod package;
pub mod short_names;
pub mod source;
