//! The task of a model, and the way from its output to a result.

pub(crate) mod activation;
pub(crate) mod generative;
pub(crate) mod labels;
pub(crate) mod late_interaction;
pub(crate) mod m3;
pub(crate) mod pooling;
pub(crate) mod similarity;
pub(crate) mod splade;
pub(crate) mod task;
