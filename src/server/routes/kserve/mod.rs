//! The Open Inference Protocol, version 2, of KServe and Triton: health, models, inference.
//!
//! A model's name may contain slashes, as they are or as `%2F`: the rest of the path determines its end.

pub(crate) mod infer;
mod interface;
mod parameters;
pub(crate) mod route;
mod tensors;
