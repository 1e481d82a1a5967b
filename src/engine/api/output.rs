//! The results of one input, and typed views of them.

use std::sync::Arc;

use super::OutputKind;

/// The results of one input: those that were requested.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    pub embedding: Option<Vec<f32>>,
    /// Token ids, rising, and the weight of each.
    pub sparse: Option<(Vec<u32>, Vec<f32>)>,
    /// Vectors of tokens, one after the other, and the length of each.
    pub token_vectors: Option<(Vec<f32>, usize)>,
    /// One number a label, as the classification head gives it.
    pub logits: Option<Vec<f32>>,
    /// The relevance of a pair's second text to its first.
    pub score: Option<f64>,
    pub labels: Option<Vec<Label>>,
    /// Tokens the model saw, specials included; `None` if the engine does not report it.
    pub tokens: Option<usize>,
    /// True if tokens of the input were cut; `None` if the engine does not report it.
    pub truncated: Option<bool>,
}

impl Output {
    /// Results of an input of `tokens` tokens, with all outputs still missing.
    pub(in crate::engine) fn seen(tokens: usize, truncated: bool) -> Self {
        Self { tokens: Some(tokens), truncated: Some(truncated), ..Self::default() }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Position among the model's labels; of an engine that names labels itself, the position in its reply.
    pub index: usize,
    pub name: Arc<str>,
    pub score: f64,
}

/// A typed view of an [`Output`].
pub trait OutputOf: Sized + Send + 'static {
    /// The kind that is requested for it.
    const KIND: OutputKind;

    /// The view; `None` if the output lacks it.
    fn of(output: Output) -> Option<Self>;
}

/// The vector of one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The numbers. Engines of this process, and checked ones, give no NaN, no infinity and not only zeros.
    pub vector: Vec<f32>,
    /// Tokens the model saw, specials included; `None` if the engine does not report it.
    pub tokens: Option<usize>,
    /// True if tokens of the text were cut; `None` if the engine does not report it.
    pub truncated: Option<bool>,
}

/// The lexical weights of one text: those above 0.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseEmbedding {
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
    /// Tokens the model saw, specials included.
    pub tokens: usize,
    /// True if tokens of the text were cut.
    pub truncated: bool,
}

/// The vectors of one text's tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenEmbeddings {
    /// The vectors, one after the other.
    pub vectors: Vec<f32>,
    pub dimensions: usize,
    /// Tokens the model saw, specials included; not all need have a vector.
    pub tokens: usize,
    /// True if tokens of the text were cut.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    pub labels: Vec<Label>,
    /// Tokens the model saw, specials included; `None` if the engine does not report it.
    pub tokens: Option<usize>,
    /// True if tokens were cut; `None` if the engine does not report it.
    pub truncated: Option<bool>,
}

impl OutputOf for Embedding {
    const KIND: OutputKind = OutputKind::Embedding;

    fn of(Output { embedding, tokens, truncated, .. }: Output) -> Option<Self> {
        Some(Self { vector: embedding?, tokens, truncated })
    }
}

impl OutputOf for SparseEmbedding {
    const KIND: OutputKind = OutputKind::Sparse;

    fn of(Output { sparse, tokens, truncated, .. }: Output) -> Option<Self> {
        let (indices, values) = sparse?;
        Some(Self { indices, values, tokens: tokens.unwrap_or_default(), truncated: truncated.unwrap_or_default() })
    }
}

impl OutputOf for TokenEmbeddings {
    const KIND: OutputKind = OutputKind::TokenVectors;

    fn of(Output { token_vectors, tokens, truncated, .. }: Output) -> Option<Self> {
        let (vectors, dimensions) = token_vectors?;
        Some(Self { vectors, dimensions, tokens: tokens.unwrap_or_default(), truncated: truncated.unwrap_or_default() })
    }
}

impl OutputOf for Labelled {
    const KIND: OutputKind = OutputKind::Labels;

    fn of(Output { labels, tokens, truncated, .. }: Output) -> Option<Self> {
        Some(Self { labels: labels?, tokens, truncated })
    }
}
