//! The Hugging Face cache on the disk, shared with Python's huggingface_hub in both directions.
//!
//! ```text
//! models--org--name/blobs/<etag>               contents, once, named by their sum
//! models--org--name/refs/<revision>            the commit that a branch or tag pointed to
//! models--org--name/snapshots/<commit>/<file>  relative links to the blobs
//! models--org--name/.no_exist/<commit>/<file>  empty: the commit has no such file
//! .locks/models--org--name/<etag>.lock
//! ```
//! Source: huggingface_hub's page "Understand caching". The names that become paths here come from a server; types for
//! checked names keep the unchecked ones out.

mod env;
pub(crate) mod inventory;
mod repo;

pub use env::HubEnv;
pub use repo::is_known_absent;
pub(crate) use repo::{BlobName, Commit, RepoCache, commit_of_snapshot};
