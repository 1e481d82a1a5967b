//! The files of a model: configuration, modules, and which of them are needed.

pub mod fingerprint;
pub(crate) mod json;
pub mod modules;
pub(crate) mod required;
pub mod sentence;
