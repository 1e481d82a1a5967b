//! Lexical weights: of a SPLADE model's vocabulary, or BGE-M3's of the tokens that are there.

use std::collections::HashMap;
use std::sync::Arc;

use super::collect::Decode;
use super::load::{load_onnx, load_safetensors};
use super::loaded::Loaded;
use super::options::OnnxOptions;
use super::run::OnnxOutput;
use super::run::OutputRows;
use crate::engine::{self, EngineError, OutputKind, TextError};
use crate::graph::{Lexical, Output, Request, Rows};
use crate::model::modules::Dense;
use crate::model::source::WeightsFile;
use crate::model::splade::{self, SpladePooling};
use crate::model::tokenizer::Tokens;
use crate::model::{Model, m3, pooling};
use crate::runtime::Runtime;

/// Turns the model's output into lexical weights.
pub(super) struct SparsePostProcess {
    source: Source,
    /// Most weights that are kept of a text.
    most: usize,
    /// Number of token ids.
    pub vocabulary: usize,
}

enum Source {
    /// A row a text: the weights.
    Weights,
    /// A row a token: a head makes one weight of it.
    Tokens {
        head: Dense,
        /// Tokens that never have a weight.
        unused: Vec<i64>,
    },
}

/// Loads `model` with the head that gives lexical weights.
pub(super) fn load(
    runtime: &Runtime,
    model: &Model,
    options: &OnnxOptions,
) -> Result<(Loaded, Arc<SparsePostProcess>), EngineError> {
    let pooling = match model.sentence.splade {
        None if splade::is_masked_lm(&model.config) && model.sentence.pooling.is_none() => {
            tracing::info!("{} has a masked-LM head: taken for SPLADE with max pooling", model.name);
            Some(SpladePooling::default())
        }
        pooling => pooling,
    };
    let most = model.sentence.max_active_dims.unwrap_or(usize::MAX);
    let (loaded, source) = if let Some(SpladePooling { sum, twice }) = pooling {
        let request = Request::of(Output::Lexical(Lexical { sum, twice }));
        let loaded = match &model.weights {
            WeightsFile::Safetensors(path) => load_safetensors(runtime, path, model, &request, options)?,
            WeightsFile::Onnx(path) => load_onnx(runtime, path, model, OnnxOutput::Lexical, options)?,
        };
        (loaded, Source::Weights)
    } else if m3::Head::Sparse.find(&model.dir).is_some() {
        let loaded = match &model.weights {
            WeightsFile::Safetensors(path) => {
                let request = Request::of(Output::Hidden(Rows::All));
                load_safetensors(runtime, path, model, &request, options)?
            }
            WeightsFile::Onnx(path) => load_onnx(runtime, path, model, OnnxOutput::TokenVectors, options)?,
        };
        let names = ["cls_token", "eos_token", "pad_token", "unk_token"];
        let unused = names.iter().filter_map(|name| model.tokenizer.special_id(name)).collect();
        let head = m3::Head::Sparse.load(&model.dir, loaded.width)?;
        (loaded, Source::Tokens { head, unused })
    } else {
        let reason = "it has neither a masked-LM head (SPLADE) nor BGE-M3's sparse_linear";
        return Err(EngineError::no_output(model, OutputKind::Sparse, reason));
    };
    let vocabulary = if matches!(source, Source::Weights) { loaded.width } else { loaded.vocab_size };
    Ok((loaded, Arc::new(SparsePostProcess { source, most, vocabulary })))
}

impl SparsePostProcess {
    /// Makes the weights of one text from the model's output.
    pub(super) fn decode(self: &Arc<Self>) -> Decode {
        let post_process = Arc::clone(self);
        Arc::new(move |rows, tokens| post_process.apply(rows, tokens))
    }

    fn apply(&self, rows: OutputRows<'_>, tokens: &Tokens) -> Result<engine::Output, TextError> {
        if let Some(defect) = pooling::not_finite(rows.numbers) {
            return Err(TextError::unusable(defect));
        }
        let mut weights: Vec<(u32, f32)> = match &self.source {
            Source::Weights => (0..).zip(rows.numbers.iter().copied()).filter(|&(_, weight)| weight > 0.0).collect(),
            Source::Tokens { head, unused } => {
                let mut largest = HashMap::new();
                for (id, weight) in tokens.ids.iter().zip(head.apply(rows.numbers)) {
                    if weight > 0.0 && !unused.contains(id) {
                        // Ids are below the vocabulary's size, which the runner checked.
                        let best = largest.entry(u32::try_from(*id).unwrap_or_default()).or_insert(weight);
                        *best = weight.max(*best);
                    }
                }
                largest.into_iter().collect()
            }
        };
        if weights.len() > self.most {
            weights.select_nth_unstable_by(self.most, |(_, a), (_, b)| b.total_cmp(a));
            weights.truncate(self.most);
        }
        weights.sort_unstable_by_key(|&(id, _)| id);
        let (indices, values) = weights.into_iter().unzip();
        let seen = engine::Output::seen(tokens.ids.len(), tokens.truncated);
        Ok(engine::Output { sparse: Some((indices, values)), ..seen })
    }
}
