//! The task of a model, and the way from its output to a result.

pub mod activation;
pub mod generative;
pub mod labels;
pub mod late_interaction;
pub mod m3;
pub mod pooling;
pub mod similarity;
pub mod splade;
pub mod task;
