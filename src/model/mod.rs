//! What a model is.
pub mod weights;
