//! One group of texts through one session: tokens in, finished vectors out.

use super::{Embedding, TextError};
use crate::graph::{INPUT_IDS, Rows};
use crate::model::pooling::{self, Pooling};
use crate::model::tokenizer::Tokens;
use crate::runtime::{RuntimeError, Session};

/// What a model wants to be fed, and what comes out.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    /// Inputs in the model's order.
    inputs: Vec<(String, Feed)>,
    /// Position of the output that is read.
    output: usize,
    /// What that output holds.
    kind: OutputKind,
}

/// What an input is fed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    Ids,
    /// The attention mask: there is no padding.
    Ones,
    /// Token types: one text a sequence.
    Zeros,
    /// 0, 1, 2 …
    Positions,
}

/// What an output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputKind {
    /// `[batch, sequence, hidden]`: to be pooled here.
    Tokens,
    /// `[batch, hidden]`: pooled already.
    Pooled,
}

impl Interface {
    /// Of a graph built here.
    pub(super) fn built(rows: Rows) -> Self {
        let kind = if rows == Rows::All { OutputKind::Tokens } else { OutputKind::Pooled };
        Self { inputs: vec![(INPUT_IDS.into(), Feed::Ids)], output: 0, kind }
    }

    /// Of a ready `.onnx` file: inputs and output are found by their names and shapes.
    pub(super) fn discover(model: &str, session: &Session) -> Result<Self, RuntimeError> {
        let refuse = |reason: String| RuntimeError::Interface { model: model.to_owned(), reason };
        let mut inputs = Vec::new();
        for (name, _) in session.inputs() {
            let feed = match name.as_str() {
                "input_ids" => Feed::Ids,
                "attention_mask" => Feed::Ones,
                "token_type_ids" => Feed::Zeros,
                "position_ids" => Feed::Positions,
                _ => return Err(refuse(format!("infa does not know what to feed its input \"{name}\" with"))),
            };
            inputs.push((name, feed));
        }
        if !inputs.iter().any(|(_, feed)| *feed == Feed::Ids) {
            return Err(refuse("it has no input \"input_ids\"".into()));
        }
        let outputs = session.outputs();
        let named = |wanted: &str| outputs.iter().position(|(name, _)| name == wanted);
        let ranked = |rank: usize| outputs.iter().position(|(_, s)| s.as_ref().is_some_and(|s| s.len() == rank));
        let output = ["sentence_embedding", "last_hidden_state", "token_embeddings"]
            .iter()
            .find_map(|name| named(name))
            .or_else(|| ranked(3))
            .or_else(|| ranked(2));
        let kind = output.and_then(|at| match outputs[at].1.as_ref()?.len() {
            3 => Some((at, OutputKind::Tokens)),
            2 => Some((at, OutputKind::Pooled)),
            _ => None,
        });
        let Some((output, kind)) = kind else {
            let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
            return Err(refuse(format!(
                "none of its outputs ({}) has the shape of token embeddings [batch, sequence, hidden] or sentence \
                 embeddings [batch, hidden]",
                names.join(", ")
            )));
        };
        Ok(Self { inputs, output, kind })
    }

    /// What the output holds.
    pub(super) fn kind(&self) -> OutputKind {
        self.kind
    }
}

/// From the model's output to the vector that is handed out.
#[derive(Debug, Clone)]
pub(super) struct Finish {
    /// Pooling modes, their results concatenated.
    pub pooling: Vec<Pooling>,
    /// Leading tokens (a prompt's) that pooling leaves out.
    pub skip: usize,
    /// Length to which vectors are cut.
    pub dimensions: Option<usize>,
    /// Whether vectors are scaled to length 1.
    pub normalize: bool,
}

impl Finish {
    fn apply(&self, rows: &[f32], hidden: usize, kind: OutputKind) -> Result<Vec<f32>, TextError> {
        let mut vector = Vec::with_capacity(hidden * self.pooling.len().max(1));
        match kind {
            OutputKind::Pooled => vector.extend_from_slice(rows),
            OutputKind::Tokens => {
                for mode in &self.pooling {
                    mode.pool(rows, hidden, self.skip, &mut vector);
                }
            }
        }
        if let Some(defect) = pooling::defect(&vector) {
            return Err(TextError(defect.to_owned()));
        }
        if let Some(dimensions) = self.dimensions {
            vector.truncate(dimensions);
        }
        if self.normalize {
            pooling::normalize(&mut vector);
        }
        Ok(vector)
    }
}

/// Runs texts of exactly equal token length. If they fail together, each is tried alone, so that one text cannot take
/// others along.
pub(super) fn run_group(
    session: &mut Session,
    interface: &Interface,
    finish: &Finish,
    texts: &[Tokens],
) -> Vec<Result<Embedding, TextError>> {
    match run(session, interface, finish, texts) {
        Ok(results) => results,
        Err(e) if texts.len() == 1 => vec![Err(TextError(e.to_string()))],
        Err(e) => {
            tracing::info!("a group of {} texts failed, trying each alone: {e}", texts.len());
            texts.iter().flat_map(|text| run_group(session, interface, finish, std::slice::from_ref(text))).collect()
        }
    }
}

fn run(
    session: &mut Session,
    interface: &Interface,
    finish: &Finish,
    texts: &[Tokens],
) -> Result<Vec<Result<Embedding, TextError>>, RuntimeError> {
    let (batch, sequence) = (texts.len(), texts.first().map_or(0, |t| t.ids.len()));
    let feeds: Vec<Vec<i64>> = interface
        .inputs
        .iter()
        .map(|(_, feed)| match feed {
            Feed::Ids => texts.iter().flat_map(|text| text.ids.iter().copied()).collect(),
            Feed::Ones => vec![1; batch * sequence],
            Feed::Zeros => vec![0; batch * sequence],
            Feed::Positions => (0..batch).flat_map(|_| 0..sequence as i64).collect(),
        })
        .collect();
    let inputs: Vec<(&str, &[i64])> =
        interface.inputs.iter().zip(&feeds).map(|((name, _), data)| (name.as_str(), data.as_slice())).collect();
    session.run(batch, sequence, &inputs, interface.output, |shape, numbers| {
        let hidden = shape.last().map_or(0, |&h| usize::try_from(h).unwrap_or(0));
        let rows = if interface.kind == OutputKind::Tokens { sequence } else { 1 };
        if hidden == 0 || numbers.len() != batch * rows * hidden {
            return vec![Err(TextError(format!("the model's output has the unexpected shape {shape:?}"))); batch];
        }
        let finished = numbers.chunks_exact(rows * hidden).zip(texts).map(|(rows, text)| {
            let vector = finish.apply(rows, hidden, interface.kind)?;
            Ok(Embedding { vector, tokens: text.ids.len(), truncated: text.truncated })
        });
        finished.collect()
    })
}
