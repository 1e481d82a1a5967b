//! A finished graph and its weights.

use std::sync::Arc;

use super::proto;
use crate::kernels::Operator;
use crate::model::weights::TensorData;

/// The number format of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    F32,
    /// Signed 8-bit integers.
    I8,
}

impl Element {
    /// The format's number in the ONNX specification (`TensorProto.DataType`).
    pub fn onnx(self) -> i32 {
        match self {
            Self::F32 => proto::TENSOR_FLOAT,
            Self::I8 => proto::TENSOR_INT8,
        }
    }
}

/// A weight that the session gets by address, not inside the model.
#[derive(Clone)]
pub struct Initializer {
    /// Its name in the graph.
    pub name: String,
    pub shape: Vec<i64>,
    /// Its number format.
    pub element: Element,
    pub data: TensorData,
}

/// The folder that locations of external data are relative to. It is the root, as weights may lie in the model's own
/// files and in files of infa's cache.
pub(crate) const WEIGHTS_FOLDER: &str = "/";

/// The location of the file at `path`, relative to [`WEIGHTS_FOLDER`]; `None` if the path is not absolute or not UTF-8.
pub(crate) fn below_root(path: &std::path::Path) -> Option<&str> {
    path.to_str()?.strip_prefix(WEIGHTS_FOLDER)
}

/// A graph ready for a session.
///
/// Inputs: `input_ids`, `token_type_ids` if `token_types`, and `attention_mask` if `attention_mask` (without it a batch
/// must have no padding); i64 `[batch, sequence]`. Output: f32, named [`Graph::output`], `[batch, sequence, width]` if
/// `per_token`, else `[batch, width]`.
pub struct Graph {
    /// The serialised `ModelProto`, without the weights.
    pub model: Vec<u8>,
    /// The weights, by the names the model gives them.
    pub initializers: Vec<Initializer>,
    /// Operators of our own, by their numbers.
    pub operators: Vec<Arc<dyn Operator>>,
    /// True if texts are packed: all inputs are `[1, tokens]`, one text behind the other, and there are inputs for their
    /// lengths and for positions.
    pub packed: bool,
    /// Name of the output.
    pub output: &'static str,
    /// True if there is an output row for every token.
    pub per_token: bool,
    /// Length of an output row.
    pub width: usize,
    /// True if token types are an input.
    pub token_types: bool,
    /// True if an attention mask is an input.
    pub attention_mask: bool,
    /// Longest sequence the model allows, in tokens; `None` if unknown.
    pub max_positions: Option<usize>,
    /// Rows of the word-embedding table: token ids must be below.
    pub vocab_size: usize,
}

/// Name of the token ids' input.
pub const INPUT_IDS: &str = "input_ids";

/// Name of the token types' input.
pub const TOKEN_TYPE_IDS: &str = "token_type_ids";

/// Name of the input with the number of tokens of each text, of graphs over packed texts.
pub const LENGTHS: &str = "lengths";

/// Name of the input with the position of each token in its text, of graphs over packed texts.
pub const POSITION_IDS: &str = "position_ids";

/// The domain of operators of our own, and their one operator: attribute `number` is the place in [`Graph::operators`].
pub(crate) const OPERATOR_DOMAIN: &str = "infa";

/// See [`OPERATOR_DOMAIN`].
pub(crate) const OPERATOR: &str = "Own";

/// Name of the input that is 1 for tokens that attention may see, and 0 for others.
pub const ATTENTION_MASK: &str = "attention_mask";

/// Name of the output of [`Output::Hidden`].
pub(crate) const LAST_HIDDEN_STATE: &str = "last_hidden_state";

/// Name of the output of [`Output::Logits`] and [`Output::Answer`].
pub(crate) const LOGITS: &str = "logits";

/// Name of the output of [`Output::Lexical`].
pub(crate) const LEXICAL_WEIGHTS: &str = "lexical_weights";
