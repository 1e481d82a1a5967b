//! The description of a graph to build: its output and inputs.

use crate::kernels::Set;

/// The rows of the last hidden state that are computed.
///
/// CLS and last-token pooling read one row a text; the last layer then computes only that row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rows {
    /// Every token: output `[batch, sequence, hidden]`.
    All,
    /// The first token: output `[batch, hidden]`.
    First,
    /// The last token: output `[batch, hidden]`.
    Last,
}

/// The output of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The last hidden state.
    Hidden(Rows),
    /// The mean of the last hidden states of a text's tokens: `[batch, hidden]`.
    Mean,
    /// The logits of the sequence-classification head: `[batch, labels]`.
    Logits,
    /// A weight for every token of the vocabulary, `[batch, vocab]`: of the masked-LM head's logits, pooled over the
    /// tokens of the text.
    Lexical(Lexical),
    /// A score for the token that would follow the text: `[batch, 1]`.
    Answer(Answer),
}

/// Tokens that answer a question which ends where the text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The token whose logit counts.
    pub yes: usize,
    /// The token whose logit is subtracted, if any.
    pub no: Option<usize>,
}

/// From the masked-LM logits of a text's tokens to lexical weights (SPLADE: Formal et al. 2021,
/// <https://arxiv.org/abs/2109.10086>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexical {
    /// True if tokens are summed; else the largest counts.
    pub sum: bool,
    /// True if the logarithm is taken twice: log(1 + log(1 + relu(x))).
    pub twice: bool,
}

/// The operators a graph may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operators {
    /// ONNX Runtime's own, too: the fastest.
    OnnxRuntime,
    /// Those of the ONNX standard alone (opset 17).
    Standard,
    /// Those of the standard and of ONNX Runtime that its CUDA provider computes without cuDNN, every value on the GPU.
    Cuda,
}

/// The number format of weights and activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    #[default]
    Float32,
    Float16,
    Bfloat16,
}

/// The graph to build.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub output: Output,
    /// True if token types are an input; without them all tokens are of type 0. Ignored by architectures without types.
    pub token_types: bool,
    /// True if an attention mask is an input; without it attention sees all tokens.
    pub attention_mask: bool,
    /// The operators it may use.
    pub operators: Operators,
    /// The instruction set of operators of our own, where the architecture can use them; `None`: none of them.
    pub kernels: Option<Set>,
    /// The number format of layers. With [`Operators::OnnxRuntime`], only operators of our own compute in another than
    /// float32, and only in bfloat16. A graph with [`Operators::Standard`] is in float32, with masks that stay finite where
    /// it is computed in this.
    pub precision: Precision,
    /// True if texts of different lengths are padded to rectangles: with [`Operators::Standard`], and, even where they could
    /// lie one behind the other, with [`Operators::Cuda`].
    pub padded: bool,
}

impl Request {
    /// For one text a sequence, on ONNX Runtime.
    pub fn of(output: Output) -> Self {
        Self {
            output,
            token_types: false,
            attention_mask: false,
            operators: Operators::OnnxRuntime,
            kernels: None,
            precision: Precision::Float32,
            padded: false,
        }
    }
}
