//! Vectors of tokens: late interaction (ColBERT and its kin), and BGE-M3's third output.
//!
//! Reference: `sentence_transformers`, `multi_vector_encoder` and `base/modules/transformer.py`.

use std::sync::Arc;

use super::collect::Decode;
use super::load::{load_onnx, load_safetensors};
use super::loaded::Loaded;
use super::options::OnnxOptions;
use super::run::OnnxOutput;
use super::run::OutputRows;
use crate::engine::{self, EngineError, OutputKind, Role, Scoring, TextError, TextOptions};
use crate::graph::{Output, Request, Rows};
use crate::model::late_interaction::{Expansion, LateInteraction, TokenMask};
use crate::model::modules::{Layer, Step};
use crate::model::source::WeightsFile;
use crate::model::tokenizer::{Prompted, TokenizeError, Tokens, Truncate};
use crate::model::{Model, ModelError, m3, pooling, tokenizer};
use crate::runtime::Runtime;

/// Makes token vectors from the graph's output.
pub(super) struct TokenPostProcess {
    /// Length of an output row.
    input: usize,
    layers: Vec<Layer>,
    /// True if the first token has no vector.
    headless: bool,
    late: LateInteraction,
    /// The token that lengthens queries.
    expansion: Option<i64>,
    /// Ids of the words that the mask leaves out.
    skipped: Vec<i64>,
    /// Longest text by role, in tokens: neither, query, document.
    limits: [usize; 3],
    pub dimensions: usize,
    pub normalize: bool,
    pub scoring: Scoring,
}

/// Loads `model` with what gives its tokens vectors.
pub(super) fn load(
    runtime: &Runtime,
    model: &Model,
    text: &TextOptions,
    options: &OnnxOptions,
) -> Result<(Loaded, TokenPostProcess), EngineError> {
    let m3 = model.sentence.late.is_none() && m3::Head::Colbert.find(&model.dir).is_some();
    if model.sentence.late.is_none() && !m3 {
        let reason = "it is neither a ColBERT model nor has it BGE-M3's colbert_linear";
        return Err(EngineError::no_output(model, OutputKind::TokenVectors, reason));
    }
    let late = model.sentence.late.clone().unwrap_or_default();
    let request = Request {
        attention_mask: late.expansion.as_ref().is_some_and(|expansion| !expansion.attend),
        ..Request::of(Output::Hidden(Rows::All))
    };
    let loaded = match &model.weights {
        WeightsFile::Safetensors(path) => load_safetensors(runtime, path, model, &request, options)?,
        WeightsFile::Onnx(path) => load_onnx(runtime, path, model, OnnxOutput::TokenVectors, options)?,
    };
    let input = loaded.width;
    let mut layers = if m3 {
        vec![Layer::Dense(m3::Head::Colbert.load(&model.dir, input)?), Layer::Normalize]
    } else {
        Layer::load_all(&model.sentence.token_steps, input)?.0
    };
    // Scaling at the end is the user's to choose.
    let normalize = layers.pop_if(|layer| matches!(layer, Layer::Normalize)).is_some();
    let normalize = text.normalize.unwrap_or(normalize);
    if normalize {
        layers.push(Layer::Normalize);
    }
    let dimensions = layers.iter().fold(input, |width, layer| layer.width(width));
    let scoring = if m3 || late.mean { Scoring::MeanMaxSim } else { Scoring::MaxSim };
    let post_process = TokenPostProcess {
        input,
        layers,
        headless: m3,
        expansion: late.expansion.as_ref().map(|expansion| expansion_token(model, expansion)).transpose()?,
        skipped: late.mask.as_ref().map(|mask| skipped(model, mask)).unwrap_or_default(),
        limits: [0; 3],
        late,
        dimensions,
        normalize,
        scoring,
    };
    Ok((loaded, post_process))
}

/// Loads `model` with what its last layer gives each token, as it is.
pub(super) fn load_plain(
    runtime: &Runtime,
    model: &Model,
    options: &OnnxOptions,
) -> Result<(Loaded, TokenPostProcess), EngineError> {
    let loaded = match &model.weights {
        WeightsFile::Safetensors(path) => {
            load_safetensors(runtime, path, model, &Request::of(Output::Hidden(Rows::All)), options)?
        }
        WeightsFile::Onnx(path) => load_onnx(runtime, path, model, OnnxOutput::TokenVectors, options)?,
    };
    let post_process = TokenPostProcess {
        input: loaded.width,
        layers: Vec::new(),
        headless: false,
        late: LateInteraction::default(),
        expansion: None,
        skipped: Vec::new(),
        limits: [0; 3],
        dimensions: loaded.width,
        normalize: false,
        scoring: Scoring::MaxSim,
    };
    Ok((loaded, post_process))
}

fn expansion_token(model: &Model, expansion: &Expansion) -> Result<i64, ModelError> {
    let refuse = |reason| ModelError::Tokenizer { path: tokenizer::file_in(&model.sentence.transformer), reason };
    if model.tokenizer.pads_left {
        return Err(refuse("query_expansion with padding_side = \"left\" is not implemented".into()));
    }
    match &expansion.token {
        Some(token) => {
            let id = model.tokenizer.id_of(token);
            id.ok_or_else(|| refuse(format!("query_expansion's token \"{token}\" is not in the vocabulary")))
        }
        None => {
            let id = model.tokenizer.special_id("mask_token").or_else(|| model.tokenizer.special_id("eos_token"));
            id.ok_or_else(|| refuse("there is neither a mask_token nor an eos_token for query_expansion".into()))
        }
    }
}

/// Words that are no token of the vocabulary cannot be left out.
fn skipped(model: &Model, mask: &TokenMask) -> Vec<i64> {
    let ids = mask.skiplist_words.iter().map(|word| (word, model.tokenizer.id_of(word)));
    let (known, unknown): (Vec<_>, Vec<_>) = ids.partition(|(_, id)| id.is_some());
    if !unknown.is_empty() {
        let words: Vec<&str> = unknown.iter().map(|(word, _)| word.as_str()).collect();
        tracing::info!("{}: not in the vocabulary, so not left out: {}", model.name, words.join(" "));
    }
    known.into_iter().filter_map(|(_, id)| id).collect()
}

impl TokenPostProcess {
    /// Sets the maximum lengths of texts: `usual` by default, at most `positions`. The user's `max_length` overrides
    /// the model's lengths, but not the fixed length of its queries.
    pub(super) fn settle_limits(
        &mut self,
        model: &Model,
        max_length: Option<usize>,
        usual: usize,
        positions: Option<usize>,
    ) -> Result<(), ModelError> {
        let query = max_length.or(self.late.query_length);
        let query = match &self.late.expansion {
            None => query.unwrap_or(usual),
            Some(Expansion { cut: true, length, .. }) => {
                if max_length.is_some_and(|max_length| max_length != *length) {
                    tracing::warn!("{}: queries keep their {length} tokens, regardless of --max-length", model.name);
                }
                *length
            }
            Some(Expansion { cut: false, length, .. }) => query.map_or(usual.max(*length), |n| n.max(*length)),
        };
        let document = max_length.or(self.late.document_length).unwrap_or(usual);
        let least = model.tokenizer.specials() + 1;
        let most = positions.unwrap_or(usize::MAX);
        if self.late.expansion.as_ref().is_some_and(|expansion| expansion.length > most) {
            let reason = format!("queries of {query} tokens are more than the model's {most} positions");
            return Err(ModelError::Config { path: model.dir.clone(), reason });
        }
        self.limits = [usual, query, document];
        for limit in &mut self.limits {
            if *limit > most {
                tracing::warn!("{}: texts of {limit} tokens are cut to the model's {most} positions", model.name);
                *limit = most;
            }
            if *limit < least {
                let reason = format!("texts of {limit} tokens, special tokens included, are too little for any text");
                return Err(ModelError::Config { path: model.dir.clone(), reason });
            }
        }
        Ok(())
    }

    /// The tokens of `text`, its prompt before it.
    pub(super) fn tokenize(
        &self,
        tokenizer: &tokenizer::Tokenizer,
        text: Prompted<'_>,
        role: Role,
        truncate: Truncate,
    ) -> Result<Tokens, TokenizeError> {
        let mut tokens = tokenizer.encode(text, self.limits[place(role)], truncate)?;
        if let (Role::Query, Some(expansion), Some(id)) = (role, &self.late.expansion, self.expansion) {
            let added = expansion.length.saturating_sub(tokens.ids.len());
            tokens.ids.extend(std::iter::repeat_n(id, added));
            if !tokens.types.is_empty() {
                tokens.types.resize(tokens.ids.len(), 0);
            }
            tokens.unseen = if expansion.attend { 0 } else { added };
        }
        Ok(tokens)
    }

    /// Makes the token vectors of one text from the model's output.
    pub(super) fn decode(self: &Arc<Self>, role: Role) -> Decode {
        let post_process = Arc::clone(self);
        Arc::new(move |rows, tokens| post_process.apply(rows, tokens, role))
    }

    fn apply(&self, rows: OutputRows<'_>, tokens: &Tokens, role: Role) -> Result<engine::Output, TextError> {
        if rows.width != self.input {
            return Err(TextError::internal(format!(
                "the model's vectors have {} dimensions, not {}",
                rows.width, self.input
            )));
        }
        let mut kept = Vec::with_capacity(rows.numbers.len());
        for (at, (row, id)) in rows.numbers.chunks_exact(rows.width).zip(&tokens.ids).enumerate() {
            let seen = at + tokens.unseen < tokens.ids.len();
            if self.keeps(at, *id, seen, role) {
                kept.extend_from_slice(row);
            }
        }
        let mut width = self.input;
        for layer in &self.layers {
            kept = layer.apply(kept, width);
            width = layer.width(width);
        }
        match pooling::not_finite(&kept) {
            Some(defect) => Err(TextError::unusable(defect)),
            None => {
                let seen = engine::Output::seen(tokens.ids.len(), tokens.truncated);
                Ok(engine::Output { token_vectors: Some((kept, self.dimensions)), ..seen })
            }
        }
    }

    fn keeps(&self, at: usize, id: i64, seen: bool, role: Role) -> bool {
        let Some(mask) = &self.late.mask else { return seen && !(self.headless && at == 0) };
        let skips = if role == Role::Query { mask.skip_in_queries } else { mask.skip_in_documents };
        (seen || role == Role::Query)
            && !(skips && self.skipped.contains(&id))
            && (role == Role::Query || mask.keep_only.is_empty() || mask.keep_only.contains(&id))
    }
}

fn place(role: Role) -> usize {
    match role {
        Role::Text => 0,
        Role::Query => 1,
        Role::Document => 2,
    }
}

/// True if a model gives nothing but vectors of tokens; what says so.
pub(in crate::engine) fn only(model: &Model) -> bool {
    let steps = &model.sentence.token_steps;
    model.sentence.late.is_some()
        && model.sentence.pooling.is_none()
        && steps.iter().any(|step| matches!(step, Step::Dense(_)))
}
