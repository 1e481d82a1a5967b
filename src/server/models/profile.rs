//! What is known of a model, also while it is out of memory, and what it fits.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::OutputKind;

/// What a model can be asked for.
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

/// Facts about a model that stay known while it is out of memory.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The output that its own engine was loaded for.
    pub output: OutputKind,
    /// Its capabilities, in Infinity's words.
    pub capabilities: Vec<Capability>,
    /// Whether it has BGE-M3's head for lexical weights beside its vectors.
    pub sparse_head: bool,
    /// Length of the longest text in tokens, special tokens included.
    pub max_length: usize,
    /// Bytes of the files that it consists of.
    pub size: u64,
}

/// How well a model fits the output that a request wants, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It cannot do it.
    Unable,
    /// Only an attempt shows whether it can.
    Untried,
    /// It can, though it is made for something else: an embedder that compares vectors to rerank.
    Able,
    /// It is made for it.
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
            // A cross-encoder's only label.
            (Labels | Logits, _) if can(Capability::Rerank) => Fit::Able,
            (Labels | Logits, _) => Fit::Made,
        }
    }
}
