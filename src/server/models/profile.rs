//! Facts about a model that stay known while it is unloaded, and its fitness for an output.

use serde::Serialize;
use utoipa::ToSchema;

use super::lazy_engine::Origin;
use crate::engine::OutputKind;

/// A use of a model, in Infinity's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CapabilityName)]
pub enum Capability {
    /// `/embeddings`
    Embed,
    /// `/rerank`
    Rerank,
    /// `/classify`
    Classify,
}

/// Facts about a model that stay known while it is unloaded.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The output of the model's own engine.
    pub output: OutputKind,
    pub capabilities: Vec<Capability>,
    /// True if it also has BGE-M3's head for lexical weights.
    pub sparse_head: bool,
    /// Maximum tokens of a text, special tokens included.
    pub max_length: usize,
    /// Bytes of the model's files.
    pub size: u64,
    /// The files that it was loaded from, and must be loaded from again.
    pub origin: Origin,
}

/// A model's fitness for the output of a request, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The model does not give the output.
    Unable,
    /// Only an attempt shows whether the model gives the output.
    Untried,
    /// The model is made for another output, but gives this one: an embedder that compares vectors to rerank.
    Able,
    /// The model is made for the output.
    Made,
}

impl Profile {
    pub(super) fn fit(&self, wanted: OutputKind) -> Fit {
        use OutputKind::{Embedding, HiddenStates, Labels, Logits, Score, Sparse, TokenVectors};
        let can = |capability| self.capabilities.contains(&capability);
        match (wanted, self.output) {
            (Embedding, Embedding) | (Sparse, Sparse) => Fit::Made,
            (Sparse, Embedding) if self.sparse_head => Fit::Able,
            (Sparse, Embedding) => Fit::Untried,
            (TokenVectors | HiddenStates, TokenVectors | Embedding) => Fit::Made,
            (TokenVectors | HiddenStates, Sparse) => Fit::Able,
            (Embedding | Sparse | TokenVectors | HiddenStates, _) => Fit::Unable,
            (Score, _) if !can(Capability::Rerank) => Fit::Unable,
            (Score, Logits) => Fit::Made,
            (Score, _) => Fit::Able,
            (Labels | Logits, _) if !can(Capability::Classify) => Fit::Unable,
            // A cross-encoder has a single label.
            (Labels | Logits, _) if can(Capability::Rerank) => Fit::Able,
            (Labels | Logits, _) => Fit::Made,
        }
    }
}
