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
    /// 16-bit floats of IEEE 754.
    F16,
    /// 16-bit floats with the exponent of 32-bit ones.
    Bf16,
    /// Signed 8-bit integers.
    I8,
}

impl Element {
    /// The format's number in the ONNX specification (`TensorProto.DataType`).
    pub fn onnx(self) -> i32 {
        match self {
            Self::F32 => proto::TENSOR_FLOAT,
            Self::F16 => proto::TENSOR_FLOAT16,
            Self::Bf16 => proto::TENSOR_BFLOAT16,
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
/// Output: f32, named [`Graph::output`]; `[batch, sequence, width]` if `per_token` ([`Layout`] says how tokens lie), else
/// `[batch, width]`.
pub struct Graph {
    /// The serialised `ModelProto`, without the weights.
    pub model: Vec<u8>,
    /// The weights, by the names the model gives them.
    pub initializers: Vec<Initializer>,
    /// Operators of our own, by their numbers.
    pub operators: Vec<Arc<dyn Operator>>,
    /// The layout of several texts in the inputs.
    pub layout: Layout,
    /// The inputs in order: name, and what it holds.
    pub feeds: Vec<(String, Feed)>,
    /// Name of the output.
    pub output: &'static str,
    /// True if there is an output row for every token.
    pub per_token: bool,
    /// Length of an output row.
    pub width: usize,
    /// Longest sequence the model allows, in tokens; `None` if unknown.
    pub max_positions: Option<usize>,
    /// Rows of the word-embedding table: token ids must be below.
    pub vocab_size: usize,
}

impl Graph {
    /// True if an input holds `feed`.
    pub fn takes(&self, feed: Feed) -> bool {
        self.feeds.iter().any(|&(_, known)| known == feed)
    }

    /// Bytes of all weights.
    pub fn weight_bytes(&self) -> usize {
        self.initializers.iter().map(|weight| weight.data.bytes().len()).sum()
    }
}

/// The layout of the tokens of several texts in inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[batch, sequence]`: texts of equal length, or one text with a mask.
    Rectangle,
    /// `[1, tokens]`, one text behind the other, for operators of our own.
    Packed,
    /// `[1, tokens]`, one text behind the other, for ONNX Runtime's packed attention on GPUs. An output row for every
    /// token is `[tokens, width]`.
    Unpadded,
    /// `[batch, sequence]`, padding behind each text.
    Padded,
}

/// The content of an input: i64 unless another type is named. "The rows" are those of the ids in order, padding included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feed {
    /// Token ids; any valid id where there is padding.
    Ids,
    /// Token types; 0 where there is padding.
    Types,
    /// 1 for tokens that attention sees, 0 for others. Shape of the ids.
    Mask,
    /// The position of each token in its text: 0, 1, 2 …, also where there is padding. Shape of the ids.
    Positions,
    /// Shape of the ids: this number for tokens of that id (and padding), and for the others of a text, counted without
    /// those, that number + 1, + 2 …
    PositionsBeyond(i64),
    /// Tokens of each text: `[texts]`.
    Lengths,
    /// For each row the tokens of its text. Shape of the ids.
    TextLengths,
    /// The row of each text's first token: `[texts]`.
    FirstRows,
    /// The row of each text's last token: `[texts]`.
    LastRows,
    /// The row of each text's last token with another id than this one; of its first token if all have this id: `[texts]`.
    LastRowsBut(i64),
    /// Tokens before each text, and at last all: `[texts + 1]`.
    Offsets,
    /// `[texts, longest]`, `longest` rounded up to a multiple of 8: the place of each token in `[texts, longest]`, then the
    /// places that no token has.
    Places,
    /// 0, 1, 2 …: one number for each column of [`Feed::Places`], or of the ids of [`Layout::Padded`].
    Steps,
    /// f32 `[texts, 1, longest]`, as many columns as [`Feed::Steps`] has: 1 / length for the text's tokens, 0 for padding.
    Pool,
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
