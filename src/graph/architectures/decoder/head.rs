//! The heads after the last hidden state: classification and the next token, both over one row a text.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::graph::builder::{Attribute, Builder, Value};
use crate::graph::{Feed, GraphError, Rows, config};

/// The word embeddings.
pub(super) const WORDS: &str = "embed_tokens.weight";
/// The matrix of the language-model head.
pub(super) const WORD_LOGITS: &str = "/lm_head.weight";

/// The heads' settings.
#[derive(Debug)]
pub(super) struct Head {
    /// True if the language-model head has the matrix of the word embeddings.
    tied: bool,
    /// Bound of the next token's logits, which is not implemented.
    softcapping: Option<f64>,
    padding: Option<i64>,
}

#[derive(Deserialize)]
struct Settings {
    tie_word_embeddings: Option<bool>,
    final_logit_softcapping: Option<f64>,
    pad_token_id: Option<i64>,
}

impl Head {
    /// Reads the settings of `json`, the parsed config.json; `tied` and `padding` are the defaults.
    pub(super) fn read(json: &Json, tied: bool, padding: Option<i64>) -> Result<Self, GraphError> {
        let settings: Settings = config::read(json)?;
        // Null is a value of its own: no padding token.
        let absent = padding.filter(|_| json.get("pad_token_id").is_none());
        Ok(Self {
            tied: settings.tie_word_embeddings.unwrap_or(tied),
            softcapping: settings.final_logit_softcapping,
            padding: settings.pad_token_id.or(absent),
        })
    }

    /// The rows that [`Head::logits`] takes: without a padding token the last one; else the graph finds it.
    pub(super) fn classified_rows(&self) -> Rows {
        if self.padding.is_none() { Rows::Last } else { Rows::All }
    }

    /// The classification head over the last token that is no padding, even where padding is part of the text.
    pub(super) fn logits(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        hidden: usize,
        labels: usize,
    ) -> Result<Value, GraphError> {
        let x = match self.padding {
            None => x.clone(),
            Some(padding) => last_but(b, x, hidden, padding),
        };
        b.linear_with(&x, "/score", hidden, labels, false)
    }

    /// The logit of `token` over rows `x` `[batch, hidden]`: `[batch, 1]`. The table has `shape` `[vocab, hidden]`.
    pub(super) fn next_token(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        shape: [usize; 2],
        token: usize,
    ) -> Result<Value, GraphError> {
        if let Some(bound) = self.softcapping {
            return Err(GraphError::NotImplemented { key: "final_logit_softcapping", value: bound.to_string() });
        }
        if token >= shape[0] {
            return Err(GraphError::Config(format!("token {token} is not below vocab_size {}", shape[0])));
        }
        // A head of its own goes before a tie, as in the reference, where both are there.
        let name = if self.tied && !b.has(WORD_LOGITS) { WORDS } else { WORD_LOGITS };
        let row = b.matrix_rows(name, shape[0], shape[1], token..token + 1)?;
        b.product(x, &row, None)
    }
}

/// Of flat `x` `[batch · sequence, width]`, each text's last row whose token is not `padding`; the first row if every
/// token is. `[batch, width]`
fn last_but(b: &mut Builder<'_>, x: &Value, width: usize, padding: i64) -> Value {
    if b.picks_by_number() {
        return b.rows_by(x, width, Feed::LastRowsBut(padding));
    }
    let ids = b.input_ids();
    let padding = b.scalar(padding);
    let padded = b.op("Equal", &[&ids, &padding], &[]);
    if b.is_packed() {
        let row = b.last_row_but(&padded);
        return b.op("Gather", &[x, &row], &[]);
    }
    let (positions, zero) = (b.positions(), b.scalar(0));
    let counted = b.op("Where", &[&padded, &zero, &positions], &[]);
    let last = b.op("ReduceMax", &[&counted], &[Attribute::Ints("axes", &[1]), Attribute::Int("keepdims", 1)]);
    let whole = b.sequences(x, width, Rows::All);
    b.op("GatherND", &[&whole, &last], &[Attribute::Int("batch_dims", 1)])
}
