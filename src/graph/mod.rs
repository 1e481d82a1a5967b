//! Model weights → ONNX graph.
//!
//! The graph is small and built in memory; the weights stay where they are, in the mapped safetensors file, and are
//! handed to the session by address ([`Initializer`]). One file an architecture; [`builder`] carries what they share.

mod albert;
mod architecture;
mod bert;
mod builder;
pub mod config;
pub mod cost;
mod deberta_v2;
mod decoder;
mod distilbert;
mod electra;
mod error;
pub mod export;
mod gated;
mod gte;
pub mod int8;
mod jina_bert;
mod modernbert;
mod mpnet;
mod nomic_bert;
mod post_norm;
pub mod probe;
#[allow(missing_docs, reason = "the ONNX specification documents the fields")]
mod proto;
mod roberta;
mod rotary;
mod xlm_roberta_flash;

use serde_json::Value as Json;

pub use architecture::supported;
pub use error::GraphError;

use self::architecture::Sizes;
use self::builder::{Attribute, Builder, Finished, Products, Value};
use self::int8::Int8Weights;
use crate::model::weights::{TensorData, Weights};

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
    /// Its shape.
    pub shape: Vec<i64>,
    /// Its number format.
    pub element: Element,
    /// Where its numbers are.
    pub data: TensorData,
}

/// What external data's locations are relative to. One folder for all files there are: weights may lie in the
/// model's own files and in files of infa's cache.
pub const WEIGHTS_FOLDER: &str = "/";

/// The location of the file at `path`, relative to [`WEIGHTS_FOLDER`]; `None` if a graph cannot say it.
pub(crate) fn below_root(path: &std::path::Path) -> Option<&str> {
    path.to_str()?.strip_prefix(WEIGHTS_FOLDER)
}

/// A graph ready for a session.
///
/// Inputs: `input_ids`, `token_type_ids` if `token_types`, and `attention_mask` if `attention_mask` (without it there
/// must be no padding, as nothing is masked); i64 `[batch, sequence]`. Output: f32, named [`Graph::output`], `[batch, sequence, width]` if `per_token`, else `[batch, width]`.
pub struct Graph {
    /// The serialised `ModelProto`, without the weights.
    pub model: Vec<u8>,
    /// The weights, by the names the model gives them.
    pub initializers: Vec<Initializer>,
    /// Name of the output.
    pub output: &'static str,
    /// Whether there is an output row for every token.
    pub per_token: bool,
    /// Length of an output row.
    pub width: usize,
    /// Whether token types are an input.
    pub token_types: bool,
    /// Whether an attention mask is an input.
    pub attention_mask: bool,
    /// Longest sequence the model allows, in tokens; `None` where it does not say.
    pub max_positions: Option<usize>,
    /// Rows of the word-embedding table: token ids must be below.
    pub vocab_size: usize,
}

/// Name of the token ids' input.
pub const INPUT_IDS: &str = "input_ids";
/// Name of the token types' input.
pub const TOKEN_TYPE_IDS: &str = "token_type_ids";
/// Name of the input that is 1 for tokens that attention may see, and 0 for others.
pub const ATTENTION_MASK: &str = "attention_mask";
/// Name of the output of [`Output::Hidden`].
pub const LAST_HIDDEN_STATE: &str = "last_hidden_state";
/// Name of the output of [`Output::Logits`] and [`Output::Answer`].
pub const LOGITS: &str = "logits";
/// Name of the output of [`Output::Lexical`].
pub const LEXICAL_WEIGHTS: &str = "lexical_weights";

/// What config.json says of an architecture, before any weight is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The architecture's name.
    pub architecture: &'static str,
    /// Length of a row of the last hidden state.
    pub hidden: usize,
    /// Rows of the word-embedding table.
    pub vocab: usize,
    /// Longest sequence in tokens; `None` where nothing limits it.
    pub max_positions: Option<usize>,
    /// Name of a tensor that every checkpoint has, perhaps after a prefix.
    pub anchor: &'static str,
}

/// Describes the architecture of `config` (the parsed config.json).
///
/// # Errors
/// What makes the model one that no graph can be built for.
pub fn describe(config: &Json) -> Result<Description, GraphError> {
    let architecture = architecture::of(config)?;
    let Sizes { hidden, vocab, max_positions, .. } = architecture.sizes();
    Ok(Description { architecture: architecture.name(), hidden, vocab, max_positions, anchor: architecture.anchor() })
}

/// Builds the graph that `config` (the parsed config.json) describes from `weights`.
pub fn build(config: &Json, weights: &Weights, request: &Request) -> Result<Graph, GraphError> {
    Ok(assemble(config, weights, request, Products::Float32)?.0)
}

/// As [`build`], with the inputs of the layers' products as further outputs, f32 `[rows, width]`, which are described,
/// too.
pub fn build_watched(
    config: &Json,
    weights: &Weights,
    request: &Request,
) -> Result<(Graph, Vec<int8::Input>), GraphError> {
    let (graph, finished) = assemble(config, weights, request, Products::Watched(Vec::new()))?;
    Ok((graph, finished.watched))
}

/// As [`build`], with products in int8: `int8` is what was made of the matrices that [`build_watched`] describes.
///
/// # Errors
/// [`GraphError::Int8`] if `int8` has not all of them: it was made of another graph.
pub fn build_int8(
    config: &Json,
    weights: &Weights,
    request: &Request,
    int8: &Int8Weights,
) -> Result<Graph, GraphError> {
    let products = Products::Int8 { weights: int8, inputs: Vec::new(), missing: Vec::new() };
    let (graph, finished) = assemble(config, weights, request, products)?;
    match finished.missing.into_iter().next() {
        Some(name) => Err(GraphError::Int8(name)),
        None => Ok(graph),
    }
}

/// The graph, and what else its builder left.
fn assemble<'w>(
    config: &Json,
    weights: &'w Weights,
    request: &Request,
    products: Products<'w>,
) -> Result<(Graph, Finished), GraphError> {
    let (graph, finished) = assemble_quietly(config, weights, request, products)?;
    // The reference leaves such weights out too, but says so.
    if let Some((first, more)) = finished.left_over.split_first() {
        let more = if more.is_empty() { String::new() } else { format!(" and {} like it", more.len()) };
        tracing::warn!("the weights hold tensor \"{first}\"{more}, which config.json has no place for: not used");
    }
    Ok((graph, finished))
}

/// As [`assemble`]; says nothing.
fn assemble_quietly<'w>(
    config: &Json,
    weights: &'w Weights,
    request: &Request,
    products: Products<'w>,
) -> Result<(Graph, Finished), GraphError> {
    let architecture = architecture::of(config)?;
    let sizes = architecture.sizes();
    let token_types = request.token_types && sizes.token_types > 1;
    let mut b = Builder::new(weights, architecture.anchor(), request.operators, token_types, products)?;
    if request.attention_mask {
        b.mask_tokens();
    }
    let (value, output, per_token, width) = match request.output {
        Output::Hidden(rows) => {
            let x = architecture.encode(&mut b, rows)?;
            let per_token = rows == Rows::All;
            let x = if per_token { b.sequences(&x, sizes.hidden, rows) } else { x };
            (x, LAST_HIDDEN_STATE, per_token, sizes.hidden)
        }
        Output::Logits => {
            let labels = config::labels(config);
            let x = architecture.encode(&mut b, architecture.classified_rows())?;
            b.end_of_layers();
            (architecture.logits(&mut b, &x, labels)?, LOGITS, false, labels)
        }
        Output::Answer(Answer { yes, no }) => {
            let x = architecture.encode(&mut b, Rows::Last)?;
            b.end_of_layers();
            let mut score = architecture.next_token(&mut b, &x, yes)?;
            if let Some(no) = no {
                let no = architecture.next_token(&mut b, &x, no)?;
                score = b.op("Sub", &[&score, &no], &[]);
            }
            (score, LOGITS, false, 1)
        }
        Output::Lexical(lexical) => {
            let x = architecture.encode(&mut b, Rows::All)?;
            let logits = architecture.token_logits(&mut b, &x)?;
            let logits = b.without_masked_rows(&logits);
            (lexical_weights(&mut b, &logits, sizes.vocab, lexical), LEXICAL_WEIGHTS, false, sizes.vocab)
        }
    };
    // Padding comes after a text: then its last row is no token's.
    let last = match request.output {
        Output::Hidden(rows) => rows == Rows::Last,
        Output::Logits => architecture.classified_rows() != Rows::First,
        Output::Answer(_) => true,
        Output::Lexical(_) => false,
    };
    if request.attention_mask && (last || !b.masks()) {
        return Err(GraphError::NoMask { architecture: architecture.name() });
    }
    let dims: &[_] = if per_token { &[Err("batch"), Err("sequence")] } else { &[Err("batch")] };
    let dims: Vec<_> = dims.iter().copied().chain([Ok(width as i64)]).collect();
    let mut finished = b.finish(&value, output, &dims);
    let graph = Graph {
        model: std::mem::take(&mut finished.model),
        initializers: std::mem::take(&mut finished.initializers),
        output,
        per_token,
        width,
        token_types,
        attention_mask: request.attention_mask,
        max_positions: sizes.max_positions,
        vocab_size: sizes.vocab,
    };
    Ok((graph, finished))
}

/// `logits` `[batch · sequence, vocab]` → `[batch, vocab]`.
fn lexical_weights(b: &mut Builder<'_>, logits: &Value, vocab: usize, lexical: Lexical) -> Value {
    let saturate = |b: &mut Builder<'_>, x: &Value| {
        let x = b.op("Relu", &[x], &[]);
        (0..=usize::from(lexical.twice)).fold(x, |x, _| {
            let one = b.float(1.0);
            let x = b.op("Add", &[&x, &one], &[]);
            b.op("Log", &[&x], &[])
        })
    };
    if lexical.sum {
        let saturated = saturate(b, logits);
        let by_text = b.sequences(&saturated, vocab, Rows::All);
        let axes = b.ints(&[1]);
        b.op("ReduceSum", &[&by_text, &axes], &[Attribute::Int("keepdims", 0)])
    } else {
        // The functions rise with their argument: the largest logit gives the largest weight.
        let by_text = b.sequences(logits, vocab, Rows::All);
        let largest = b.op("ReduceMax", &[&by_text], &[Attribute::Ints("axes", &[1]), Attribute::Int("keepdims", 0)]);
        saturate(b, &largest)
    }
}
