//! Reranking: how well documents answer a query, and the best of them in order.

mod best;
mod scoring;

pub use best::Best;
pub use scoring::{Candidates, Method, Reranker, Score, Scores, shared_weights};
