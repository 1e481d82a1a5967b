//! Reranking: the relevance of documents to queries, and the best of them in order.

mod best;
mod blocking;
mod encoding;
mod method;
mod score;
mod scoring;
mod shared_weights;

pub use best::Best;
pub use method::Method;
pub use score::{Pairs, Reranked, Score, ScoreError};
pub use scoring::Reranker;
pub use shared_weights::shared_weights;
