//! Reranking: the relevance of documents to queries, and the best of them in order.

mod best;
mod encoding;
mod method;
mod scoring;
mod shared_weights;

pub use best::Best;
pub use method::Method;
pub use scoring::{Pairs, Reranked, Reranker, Score, ScoreError};
pub use shared_weights::shared_weights;
