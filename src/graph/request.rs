//! The graph that is wanted: its output and inputs.

/// Which rows of the last hidden state the caller needs.
///
/// CLS and last-token pooling read one row a text; the last layer then computes only that row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Every token: output `[batch, sequence, hidden]`.
    All,
    /// The first token: output `[batch, hidden]`.
    First,
    /// The last token: output `[batch, hidden]`.
    Last,
}

/// What the graph computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The last hidden state.
    Hidden(Rows),
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
    /// Whether tokens are summed; else the largest counts.
    pub sum: bool,
    /// Whether the logarithm is taken twice: log(1 + log(1 + relu(x))).
    pub twice: bool,
}

/// Which operators a graph may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operators {
    /// ONNX Runtime's own, too: the fastest.
    OnnxRuntime,
    /// Those of the ONNX standard alone (opset 17).
    Standard,
}

/// What graph is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// What it computes.
    pub output: Output,
    /// Whether it is told token types; without them all tokens are of type 0. An architecture without types has none.
    pub token_types: bool,
    /// Whether it is told which tokens attention may see; without that it sees all of them.
    pub attention_mask: bool,
    /// Which operators it may use.
    pub operators: Operators,
}

impl Request {
    /// For one text a sequence, on ONNX Runtime.
    pub fn of(output: Output) -> Self {
        Self { output, token_types: false, attention_mask: false, operators: Operators::OnnxRuntime }
    }
}
