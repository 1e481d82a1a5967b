//! The files of a model: configuration, modules, and which of them are needed.

pub(crate) mod fingerprint;
pub(crate) mod json;
pub(crate) mod modules;
pub(crate) mod required;
pub(crate) mod sentence;
