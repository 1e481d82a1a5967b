//! The interface of an architecture to the rest of the graph.

use crate::graph::builder::{Builder, Value};
use crate::graph::{GraphError, Rows};

/// The sizes of a model that others need to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Length of a row of the last hidden state.
    pub hidden: usize,
    /// Rows of the word-embedding table.
    pub vocab: usize,
    /// Longest sequence in tokens; `None` if unlimited.
    pub max_positions: Option<usize>,
    /// Token types; 0 or 1: the architecture takes none.
    pub token_types: usize,
}

/// A family of models that differ only in settings and weights.
pub(crate) trait Architecture {
    /// `model_type`, for messages.
    fn name(&self) -> &'static str;

    /// The sizes that config.json gives.
    fn sizes(&self) -> Sizes;

    /// Name of a tensor that every checkpoint of the architecture has, without prefix.
    fn anchor(&self) -> &'static str;

    /// Writes the model up to its last hidden state: flat rows `[batch · sequence, hidden]`, or `[batch, hidden]` if
    /// `rows` selects one row a text.
    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError>;

    /// True if all that mixes tokens is in layers that [`Builder::packed_layer`] can write, so that texts can be packed.
    fn packable(&self) -> bool {
        false
    }

    /// As [`Architecture::packable`], for the weights of `b`, too.
    fn packs(&self, _: &Builder<'_>) -> bool {
        self.packable()
    }

    /// True if its layers over the weights of `b` are written from descriptions, however large they are, so that graphs for
    /// CUDA can be.
    fn describes_layers(&self, _: &Builder<'_>) -> bool {
        true
    }

    /// True if a token sees only those before it in some layers.
    fn causal(&self) -> bool {
        false
    }

    /// The rows that the sequence-classification head reads.
    fn classified_rows(&self) -> Rows {
        Rows::First
    }

    /// Writes the sequence-classification head over the rows [`Architecture::classified_rows`]: `[batch, labels]`.
    fn logits(&self, _: &mut Builder<'_>, _x: &Value, _labels: usize) -> Result<Value, GraphError> {
        Err(GraphError::NoHead { architecture: self.name(), head: "sequence-classification" })
    }

    /// Writes the logit of `token` as the one that would follow: `x` `[batch, hidden]`, the last rows → `[batch, 1]`.
    fn next_token(&self, _: &mut Builder<'_>, _x: &Value, _token: usize) -> Result<Value, GraphError> {
        Err(GraphError::NoHead { architecture: self.name(), head: "language-model" })
    }

    /// Writes the masked-LM head: flat `[batch · sequence, hidden]` → `[batch · sequence, vocab]`.
    fn token_logits(&self, _: &mut Builder<'_>, _x: &Value) -> Result<Value, GraphError> {
        Err(GraphError::NoHead { architecture: self.name(), head: "masked-LM" })
    }
}
