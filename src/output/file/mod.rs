//! Files and standard output: complete or not at all.

pub(crate) mod bytes;
pub(crate) mod compression;
pub(crate) mod destination;
pub(crate) mod document;
pub(crate) mod job;
pub(crate) mod part;
mod place;
pub(crate) mod shared;
pub(crate) mod sink;
pub(crate) mod spool;
