//! One group of inputs through one session: tokens in, what the model puts out for each of them handed on.

use crate::engine::TextError;
use crate::graph::{Feed, Graph, Layout};
use crate::model::tokenizer::Tokens;
use crate::runtime::{Input, Numbers, RuntimeError, Session};

/// The session's inputs in order, and the output to read.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    /// Inputs in the model's order.
    inputs: Vec<(String, Feed)>,
    /// Position of the output that is read.
    output: usize,
    /// True if there is an output row for every token, `[batch, sequence, width]`; else `[batch, width]`.
    pub per_token: bool,
    /// True if inputs are packed: `[1, tokens]`, and one behind the other in the output, too.
    pub packed: bool,
}

/// The requested output of a ready `.onnx` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnnxOutput {
    /// A vector a text, pooled already or to be pooled here.
    Vectors,
    TokenVectors,
    /// The logits of a classification head.
    Logits,
    /// A weight a token of the vocabulary.
    Lexical,
}

impl OnnxOutput {
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
        let packed = graph.layout == Layout::Packed;
        Self { inputs: graph.feeds.clone(), output: 0, per_token: graph.per_token, packed }
    }

    /// Of a ready `.onnx` file: inputs and output are found by their names and shapes.
    pub(super) fn discover(model: &str, session: &Session, wanted: OnnxOutput) -> Result<Self, RuntimeError> {
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
        Ok(Self { inputs, output, per_token: rank(output) == 3, packed: false })
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

/// Runs inputs, of exactly equal token length if they are not packed. If they fail together, each is tried alone, so that one cannot take
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
    let feeds = Feeds::new(interface, texts);
    session.run(&feeds.inputs(interface), interface.output, |shape, numbers| {
        let width = shape.last().map_or(0, |&w| usize::try_from(w).unwrap_or(0));
        let rows = |text: &Tokens| if interface.per_token { text.ids.len() } else { 1 };
        let all: usize = texts.iter().map(|text| rows(text)).sum();
        if width == 0 || numbers.len() != all * width {
            let reason = format!("the model's output has the unexpected shape {shape:?}");
            return texts.iter().map(|_| Err(TextError::internal(reason.clone()))).collect();
        }
        let mut rest = numbers;
        let each = texts.iter().enumerate().map(|(at, text)| {
            let (numbers, behind) = rest.split_at(rows(text) * width);
            rest = behind;
            read(at, OutputRows { numbers, width })
        });
        each.collect()
    })
}

/// Runs one text, and hands shape and numbers of all outputs to `read`.
pub(super) fn run_all<T>(
    session: &mut Session,
    interface: &Interface,
    text: &Tokens,
    read: impl FnOnce(&[(&[i64], &[f32])]) -> T,
) -> Result<T, RuntimeError> {
    let feeds = Feeds::new(interface, &[text]);
    session.run_all(&feeds.inputs(interface), read)
}

/// The numbers of every input of the session.
struct Feeds {
    /// Texts, and tokens of each; or one row of all tokens, if they are packed.
    shape: [usize; 2],
    texts: [usize; 1],
    numbers: Vec<Vec<i64>>,
}

impl Feeds {
    fn new(interface: &Interface, texts: &[&Tokens]) -> Self {
        let feed = |(_, feed): &(String, Feed)| -> Vec<i64> {
            let each = |text: &&Tokens| -> Vec<i64> {
                let length = text.ids.len();
                match feed {
                    Feed::Ids => text.ids.clone(),
                    Feed::Mask => (0..length).map(|at| i64::from(at + text.unseen < length)).collect(),
                    Feed::Types if text.types.is_empty() => vec![0; length],
                    Feed::Types => text.types.clone(),
                    Feed::Positions => (0..length as i64).collect(),
                    Feed::Lengths => vec![length as i64],
                    // Of graphs for GPUs.
                    _ => Vec::new(),
                }
            };
            texts.iter().flat_map(each).collect()
        };
        let numbers = interface.inputs.iter().map(feed).collect();
        let shape = match interface.packed {
            true => [1, texts.iter().map(|text| text.ids.len()).sum()],
            false => [texts.len(), texts.first().map_or(0, |text| text.ids.len())],
        };
        Self { shape, texts: [texts.len()], numbers }
    }

    fn inputs<'a>(&'a self, interface: &'a Interface) -> Vec<Input<'a>> {
        let input = |((name, feed), numbers): (&'a (String, Feed), &'a Vec<i64>)| {
            let shape = if *feed == Feed::Lengths { &self.texts[..] } else { &self.shape[..] };
            Input { name, shape, numbers: Numbers::I64(numbers) }
        };
        interface.inputs.iter().zip(&self.numbers).map(input).collect()
    }
}
