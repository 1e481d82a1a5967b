//! The Open Inference Protocol, version 2, as KServe's and Triton's clients speak it: health, models, inference.
//!
//! A model's name may have slashes, as they are or as `%2F`: what follows it in the path tells where it ends.

pub mod infer;
mod interface;
mod parameters;
pub mod route;
mod tensors;
