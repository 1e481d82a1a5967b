//! Reranking: the relevance of documents to queries, and the best of them in order.

mod best;
mod blocking;
mod encoding;
mod method;
mod score;
mod scoring;
mod shared_weights;

pub(crate) use best::Best;
pub use method::Method;
pub(crate) use score::Reranked;
pub use score::{Pairs, Score, ScoreError};
pub use scoring::Reranker;
pub(crate) use shared_weights::shared_weights;
