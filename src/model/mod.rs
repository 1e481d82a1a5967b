//! (skeleton)

pub mod cache;
pub mod hub;
