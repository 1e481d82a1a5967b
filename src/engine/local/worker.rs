//! One group of inputs through one session: tokens in, what the model puts out for each of them handed on.

use crate::engine::TextError;
use crate::graph::{ATTENTION_MASK, Graph, INPUT_IDS, TOKEN_TYPE_IDS};
use crate::model::tokenizer::Tokens;
use crate::runtime::{RuntimeError, Session};

/// The session's inputs in order, and the output to read.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    /// Inputs in the model's order.
    inputs: Vec<(String, Feed)>,
    /// Position of the output that is read.
    output: usize,
    /// True if there is an output row for every token, `[batch, sequence, width]`; else `[batch, width]`.
    pub per_token: bool,
}

/// An input of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Ids,
    /// 1 for tokens that attention sees: usually all, as there is no padding.
    Mask,
    Types,
    /// 0, 1, 2 …
    Positions,
}

/// The requested output of a ready `.onnx` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A vector a text, pooled already or to be pooled here.
    Vectors,
    TokenVectors,
    /// The logits of a classification head.
    Logits,
    /// A weight a token of the vocabulary.
    Lexical,
}

impl Wanted {
    /// Names of fitting outputs, best first; ranks that fit, best first; and what it is called.
    fn outputs(self) -> (&'static [&'static str], &'static [usize], &'static str) {
        match self {
            Self::Vectors => (
                &["sentence_embedding", "last_hidden_state", "token_embeddings"],
                &[3, 2],
                "token embeddings [batch, sequence, hidden] or sentence embeddings [batch, hidden]",
            ),
            Self::TokenVectors => {
                (&["last_hidden_state", "token_embeddings"], &[3], "token embeddings [batch, sequence, hidden]")
            }
            Self::Logits => (&["logits"], &[2], "logits [batch, labels]"),
            Self::Lexical => {
                (&["lexical_weights", "sentence_embedding", "output"], &[2], "lexical weights [batch, vocabulary]")
            }
        }
    }
}

impl Interface {
    /// Of a graph built here.
    pub(super) fn built(graph: &Graph) -> Self {
        let types = graph.token_types.then(|| (TOKEN_TYPE_IDS.into(), Feed::Types));
        let mask = graph.attention_mask.then(|| (ATTENTION_MASK.into(), Feed::Mask));
        let inputs = [(INPUT_IDS.into(), Feed::Ids)].into_iter().chain(types).chain(mask).collect();
        Self { inputs, output: 0, per_token: graph.per_token }
    }

    /// Of a ready `.onnx` file: inputs and output are found by their names and shapes.
    pub(super) fn discover(model: &str, session: &Session, wanted: Wanted) -> Result<Self, RuntimeError> {
        let refuse = |reason: String| RuntimeError::Interface { model: model.to_owned(), reason };
        let mut inputs = Vec::new();
        for (name, _) in session.inputs() {
            let feed = match name.as_str() {
                "input_ids" => Feed::Ids,
                "attention_mask" => Feed::Mask,
                "token_type_ids" => Feed::Types,
                "position_ids" => Feed::Positions,
                _ => return Err(refuse(format!("infa does not know what to feed its input \"{name}\" with"))),
            };
            inputs.push((name, feed));
        }
        if !inputs.iter().any(|(_, feed)| *feed == Feed::Ids) {
            return Err(refuse("it has no input \"input_ids\"".into()));
        }
        let outputs = session.outputs();
        let (names, ranks, what) = wanted.outputs();
        let rank = |at: usize| outputs[at].1.as_ref().map_or(0, Vec::len);
        let named = |wanted: &&str| outputs.iter().position(|(name, _)| name == wanted);
        let ranked = |&wanted: &usize| (0..outputs.len()).find(|&at| rank(at) == wanted);
        let found = names.iter().find_map(named).or_else(|| ranks.iter().find_map(ranked));
        let Some(output) = found.filter(|&at| ranks.contains(&rank(at))) else {
            let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
            return Err(refuse(format!("none of its outputs ({}) has the shape of {what}", names.join(", "))));
        };
        Ok(Self { inputs, output, per_token: rank(output) == 3 })
    }
}

/// The model's output for one input: rows of `width` numbers, one a token or one in all.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputRows<'a> {
    pub numbers: &'a [f32],
    pub width: usize,
}

/// Reads the output of the input with that number.
type Read<'r, T> = &'r dyn Fn(usize, OutputRows<'_>) -> Result<T, TextError>;

/// Runs inputs of exactly equal token length. If they fail together, each is tried alone, so that one cannot take
/// others along.
pub(super) fn run_group<T>(
    session: &mut Session,
    interface: &Interface,
    inputs: &[&Tokens],
    read: Read<'_, T>,
) -> Vec<Result<T, TextError>> {
    match run(session, interface, inputs, read) {
        Ok(results) => results,
        Err(e) if inputs.len() == 1 => vec![Err(TextError::internal(e.to_string()))],
        Err(e) => {
            tracing::info!("a group of {} texts failed, trying each alone: {e}", inputs.len());
            let alone = |at| run_group(session, interface, &inputs[at..=at], &|_, rows| read(at, rows));
            (0..inputs.len()).flat_map(alone).collect()
        }
    }
}

fn run<T>(
    session: &mut Session,
    interface: &Interface,
    texts: &[&Tokens],
    read: Read<'_, T>,
) -> Result<Vec<Result<T, TextError>>, RuntimeError> {
    let (batch, sequence) = (texts.len(), texts.first().map_or(0, |t| t.ids.len()));
    let feeds = feeds(interface, texts, sequence);
    session.run(batch, sequence, &named(interface, &feeds), interface.output, |shape, numbers| {
        let width = shape.last().map_or(0, |&w| usize::try_from(w).unwrap_or(0));
        let rows = if interface.per_token { sequence } else { 1 };
        if width == 0 || numbers.len() != batch * rows * width {
            let reason = format!("the model's output has the unexpected shape {shape:?}");
            return (0..batch).map(|_| Err(TextError::internal(reason.clone()))).collect();
        }
        let each = numbers.chunks_exact(rows * width).enumerate();
        each.map(|(at, numbers)| read(at, OutputRows { numbers, width })).collect()
    })
}

/// Runs one text, and hands shape and numbers of all outputs to `read`.
pub(super) fn run_all<T>(
    session: &mut Session,
    interface: &Interface,
    text: &Tokens,
    read: impl FnOnce(&[(&[i64], &[f32])]) -> T,
) -> Result<T, RuntimeError> {
    let sequence = text.ids.len();
    let feeds = feeds(interface, &[text], sequence);
    session.run_all(1, sequence, &named(interface, &feeds), read)
}

/// The numbers of every input.
fn feeds(interface: &Interface, texts: &[&Tokens], sequence: usize) -> Vec<Vec<i64>> {
    let zeros = vec![0; sequence];
    let feed = |(_, feed): &(String, Feed)| match feed {
        Feed::Ids => texts.iter().flat_map(|text| text.ids.iter().copied()).collect(),
        Feed::Mask => {
            let seen = |unseen: usize| (0..sequence).map(move |at| i64::from(at + unseen < sequence));
            texts.iter().flat_map(|text| seen(text.unseen)).collect()
        }
        Feed::Types => {
            let types = |text: &&Tokens| if text.types.is_empty() { zeros.clone() } else { text.types.clone() };
            texts.iter().flat_map(types).collect()
        }
        Feed::Positions => texts.iter().flat_map(|_| 0..sequence as i64).collect(),
    };
    interface.inputs.iter().map(feed).collect()
}

fn named<'a>(interface: &'a Interface, feeds: &'a [Vec<i64>]) -> Vec<(&'a str, &'a [i64])> {
    interface.inputs.iter().zip(feeds).map(|((name, _), data)| (name.as_str(), data.as_slice())).collect()
}
