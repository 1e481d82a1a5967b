//! The inputs and the output of a session: of a graph built here, or of a ready `.onnx` file.

use crate::batch::grouping::Grouping;
use crate::graph::{Feed, Graph, Layout, Precision};
use crate::runtime::{RuntimeError, Session};

/// The session's inputs in order, and the output to read.
#[derive(Debug, Clone)]
pub(in crate::engine::local) struct Interface {
    /// Inputs in the model's order.
    pub inputs: Vec<(String, Feed)>,
    /// Position of the output that is read.
    pub output: usize,
    /// True if there is an output row for every token, `[batch, sequence, width]`; else `[batch, width]`.
    pub per_token: bool,
    /// The layout of the tokens of several texts in inputs and output.
    pub layout: Layout,
    /// The number format of layers.
    pub precision: Precision,
}

/// The requested output of a ready `.onnx` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::local) enum OnnxOutput {
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
    pub(in crate::engine::local) fn built(graph: &Graph, precision: Precision) -> Self {
        let Graph { feeds, per_token, layout, .. } = graph;
        Self { inputs: feeds.clone(), output: 0, per_token: *per_token, layout: *layout, precision }
    }

    /// Of a ready `.onnx` file: inputs and output are found by their names and shapes.
    pub(in crate::engine::local) fn discover(
        model: &str,
        session: &Session,
        wanted: OnnxOutput,
    ) -> Result<Self, RuntimeError> {
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
        let (per_token, layout, precision) = (rank(output) == 3, Layout::Rectangle, Precision::Float32);
        Ok(Self { inputs, output, per_token, layout, precision })
    }

    /// The same with texts of nearly equal lengths in a group, where a mask shows the session what is padding.
    pub(in crate::engine::local) fn padded(self) -> Self {
        let masks = self.inputs.iter().any(|(_, feed)| *feed == Feed::Mask);
        Self { layout: if masks { Layout::Padded } else { self.layout }, ..self }
    }

    /// The groups that the session can run.
    pub(in crate::engine::local) fn grouping(&self) -> Grouping {
        match self.layout {
            Layout::Rectangle => Grouping::Equal,
            Layout::Packed => Grouping::Packed,
            Layout::Unpadded => Grouping::Unpadded,
            Layout::Padded => Grouping::Near,
        }
    }
}
