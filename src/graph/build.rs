//! Builds the graph of a model.

use super::architectures::architecture::{Architecture, Sizes};
use super::architectures::known;
use super::builder::{Attribute, Builder, Finished, Products, Value};
use super::config;
use super::error::GraphError;
use super::int8;
use super::int8::Int8Weights;
use super::request::{Answer, Lexical, Operators, Output, Precision, Request, Rows};
use super::types::{Graph, LAST_HIDDEN_STATE, LEXICAL_WEIGHTS, LOGITS, Layout};
use crate::kernels::Format;
use crate::model::weights::Weights;
use serde_json::Value as Json;

/// An architecture as config.json describes it, before weights are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Description {
    /// The architecture's name.
    pub architecture: &'static str,
    /// Length of a row of the last hidden state.
    pub hidden: usize,
    /// Rows of the word-embedding table.
    pub vocab: usize,
    /// Longest sequence in tokens; `None` if unlimited.
    pub max_positions: Option<usize>,
    /// True if operators of our own can compute its layers.
    pub own_layers: bool,
    /// Name of a tensor that every checkpoint has, perhaps after a prefix.
    pub anchor: &'static str,
}

/// Describes the architecture of `config` (the parsed config.json).
///
/// # Errors
/// The model is not supported, or its config.json makes no sense.
pub(crate) fn describe(config: &Json) -> Result<Description, GraphError> {
    let architecture = known::of(config)?;
    let Sizes { hidden, vocab, max_positions, .. } = architecture.sizes();
    let own_layers = architecture.packable();
    let (architecture, anchor) = (architecture.name(), architecture.anchor());
    Ok(Description { architecture, hidden, vocab, max_positions, own_layers, anchor })
}

/// True if operators of our own can compute the layers of `config` over these weights.
pub(crate) fn has_own_layers(config: &Json, weights: &Weights) -> bool {
    let packs = || -> Result<bool, GraphError> {
        let architecture = known::of(config)?;
        let anchor = architecture.anchor();
        let b = Builder::new(weights, anchor, Operators::OnnxRuntime, false, Products::Float32)?;
        Ok(architecture.packs(&b))
    };
    packs().unwrap_or(false)
}

/// The longest input in tokens by `config` (the parsed config.json), also of an architecture that is not built here.
pub(crate) fn positions_of(config: &Json) -> Option<usize> {
    let own = describe(config).ok().and_then(|description| description.max_positions);
    let listed = || config.get("max_position_embeddings")?.as_u64().and_then(|n| usize::try_from(n).ok());
    own.or_else(listed).filter(|&n| n > 0)
}

/// Builds the graph that `config` (the parsed config.json) describes from `weights`.
pub fn build(config: &Json, weights: &Weights, request: &Request) -> Result<Graph, GraphError> {
    Ok(assemble(config, weights, request, Products::Float32)?.0)
}

/// As [`build`], with the inputs of the layers' products as further outputs, f32 `[rows, width]`, and their
/// descriptions.
pub(crate) fn build_watched(
    config: &Json,
    weights: &Weights,
    request: &Request,
) -> Result<(Graph, Vec<int8::Input>), GraphError> {
    let (graph, finished) = assemble(config, weights, request, Products::Watched(Vec::new()))?;
    Ok((graph, finished.watched))
}

/// As [`build`], with products in int8: `int8` holds the quantised matrices that [`build_watched`] describes.
///
/// # Errors
/// [`GraphError::Int8`] if `int8` lacks one of them: it belongs to another graph.
pub(crate) fn build_int8(
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
    // The reference leaves such weights out, too, with a message.
    if let Some((first, more)) = finished.left_over.split_first() {
        let more = if more.is_empty() { String::new() } else { format!(" and {} like it", more.len()) };
        tracing::warn!("the weights hold tensor \"{first}\"{more}, which config.json has no place for: not used");
    }
    Ok((graph, finished))
}

/// As [`assemble`], without a log message.
pub(crate) fn assemble_quietly<'w>(
    config: &Json,
    weights: &'w Weights,
    request: &Request,
    products: Products<'w>,
) -> Result<(Graph, Finished), GraphError> {
    let architecture = known::of(config)?;
    let sizes = architecture.sizes();
    let token_types = request.token_types && sizes.token_types > 1;
    let format = match products {
        Products::Int8 { .. } => Some(Format::Int8),
        Products::Float32 => match request.precision {
            Precision::Float32 => Some(Format::Float32),
            Precision::Bfloat16 => Some(Format::Bfloat16),
            Precision::Float16 => None,
        },
        Products::Watched(_) => None,
    };
    let mut b = Builder::new(weights, architecture.anchor(), request.operators, token_types, products)?;
    // Where the mask is an input, and for the logits of all tokens, texts are of one length.
    let packs = !request.attention_mask
        && !request.padded
        && !matches!(request.output, Output::Lexical(_))
        && architecture.packs(&b);
    let cuda = request.operators == Operators::Cuda;
    let own = request.kernels.zip(format).filter(|_| !cuda);
    if cuda {
        if !matches!(b.products(), Products::Float32) {
            return Err(GraphError::NotOnGpu { architecture: architecture.name(), part: "products in int8" });
        }
        let described = architecture.describes_layers(&b);
        b.use_cuda(request.precision, cuda_layout(architecture.as_ref(), described, request), described);
    } else if request.precision != Precision::Float32 && own.is_none() && request.operators != Operators::Standard {
        return Err(GraphError::NoOperator { layer: architecture.name().into() });
    }
    if let Some((set, format)) = own {
        b.use_own_operators(set, format, packs);
    }
    let pads = request.padded && request.operators == Operators::Standard;
    if pads {
        b.pad_texts(request.precision);
    } else if request.attention_mask && !cuda {
        b.mask_tokens();
    }
    let (value, output, per_token, width) = match request.output {
        Output::Hidden(rows) => {
            let x = encode(architecture.as_ref(), &mut b, rows)?;
            let per_token = rows == Rows::All;
            let x = if per_token { b.sequences(&x, sizes.hidden, rows) } else { x };
            (x, LAST_HIDDEN_STATE, per_token, sizes.hidden)
        }
        Output::Mean => {
            let x = encode(architecture.as_ref(), &mut b, Rows::All)?;
            b.end_of_layers();
            (b.mean_of_texts(&x, sizes.hidden), LAST_HIDDEN_STATE, false, sizes.hidden)
        }
        Output::Logits => {
            let labels = config::labels(config);
            let x = encode(architecture.as_ref(), &mut b, architecture.classified_rows())?;
            b.end_of_layers();
            (architecture.logits(&mut b, &x, labels)?, LOGITS, false, labels)
        }
        Output::Answer(Answer { yes, no }) => {
            let x = encode(architecture.as_ref(), &mut b, Rows::Last)?;
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
        Output::Answer(_) | Output::Mean => true,
        Output::Lexical(_) => false,
    };
    let masked = request.attention_mask || pads;
    if masked && (last && !pads || !b.masks()) {
        return Err(GraphError::NoMask { architecture: architecture.name() });
    }
    // Lexical weights are in f32 already.
    let value = if cuda && !matches!(request.output, Output::Lexical(_)) { b.widened(&value) } else { value };
    let layout = b.layout(own.is_some() && packs);
    let dims: &[_] = match (per_token, layout) {
        (true, Layout::Unpadded) => &[Err("tokens")],
        (true, _) => &[Err("batch"), Err("sequence")],
        (false, _) => &[Err("batch")],
    };
    let dims: Vec<_> = dims.iter().copied().chain([Ok(width as i64)]).collect();
    let mut finished = b.finish(&value, output, &dims);
    if let Some(tensor) = finished.overflow.take() {
        return Err(GraphError::Overflow(tensor));
    }
    let graph = Graph {
        model: std::mem::take(&mut finished.model),
        initializers: std::mem::take(&mut finished.initializers),
        layout,
        feeds: std::mem::take(&mut finished.feeds),
        operators: std::mem::take(&mut finished.operators),
        output,
        per_token,
        width,
        max_positions: sizes.max_positions,
        vocab_size: sizes.vocab,
    };
    Ok((graph, finished))
}

/// The layout of a graph for CUDA: texts lie one behind the other where ONNX Runtime's packed attention does it.
fn cuda_layout(architecture: &dyn Architecture, described: bool, request: &Request) -> Layout {
    let packs = described && !architecture.causal() && request.precision != Precision::Bfloat16;
    if packs && !request.padded && !request.attention_mask { Layout::Unpadded } else { Layout::Padded }
}

/// The rows `rows` of the last hidden state.
fn encode(architecture: &dyn Architecture, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
    if b.picks_at_the_end() {
        let x = architecture.encode(b, Rows::All)?;
        return Ok(b.pick(&x, architecture.sizes().hidden, rows));
    }
    architecture.encode(b, rows)
}

/// `logits` `[batch · sequence, vocab]` → `[batch, vocab]`.
pub(super) fn lexical_weights(b: &mut Builder<'_>, logits: &Value, vocab: usize, lexical: Lexical) -> Value {
    if b.is_cuda() {
        return b.cuda_lexical(logits, vocab, lexical);
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn positions_leave_out_those_before_the_first_token() {
        let sizes = json!({ "max_position_embeddings": 514, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9 });
        let of = |model_type: &str| {
            let mut config = sizes.clone();
            config["model_type"] = model_type.into();
            positions_of(&config)
        };
        assert_eq!(
            ["bert", "roberta", "xlm-roberta", "camembert", "mpnet"].map(of),
            [514, 512, 512, 512, 512].map(Some)
        );
        // An architecture that is not built here has as many as it lists.
        assert_eq!(of("unheard-of"), Some(514));
        assert_eq!(positions_of(&json!({})), None);
    }
}
