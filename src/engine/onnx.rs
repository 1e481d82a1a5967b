//! The local engine: a model through ONNX Runtime, one one-thread session a core.

use std::num::NonZero;
use std::sync::{Arc, mpsc};

use rayon::prelude::*;

use super::load::load;
use super::worker::{Finish, Interface, run_group};
use super::{Embedding, Engine, EngineError, EngineInfo, TextError, TextOptions};
use crate::batch::group::groups;
use crate::batch::pool::{Job, WorkerPool};
use crate::model::tokenizer::{Tokens, Truncate};
use crate::model::{Model, ModelError};
use crate::runtime::device::{Device, Dtype};
use crate::runtime::{Runtime, RuntimeError, Session};

/// How the local engine computes.
#[derive(Debug, Clone, Copy)]
pub struct OnnxOptions {
    /// The device asked for.
    pub device: Device,
    /// The number format asked for.
    pub dtype: Dtype,
    /// Workers, each on one thread.
    pub threads: NonZero<usize>,
    /// Most tokens that run together, in texts of equal length.
    pub batch_tokens: NonZero<usize>,
}

impl OnnxOptions {
    /// Group size by measurement (benches/offline.rs, texts of 11 tokens on MiniLM): 128 tokens are 9% slower, 2,048
    /// too, since activations then leave the second-level cache.
    pub const BATCH_TOKENS: NonZero<usize> = NonZero::new(512).expect("not zero");
}

/// A model through ONNX Runtime.
pub struct OnnxEngine {
    info: EngineInfo,
    model: Model,
    truncate: Truncate,
    /// Token ids must be below.
    vocab_size: usize,
    batch_tokens: usize,
    /// How a group runs; shared with the jobs.
    plan: Arc<(Interface, Finish)>,
    pool: WorkerPool<Session>,
    tokenizers: rayon::ThreadPool,
}

impl OnnxEngine {
    /// Loads `model` and starts its workers.
    pub fn new(runtime: &Runtime, model: Model, text: &TextOptions, options: OnnxOptions) -> Result<Self, EngineError> {
        options.device.resolve()?;
        options.dtype.resolve()?;
        let prompt = model.prompt(text.prompt.as_deref(), text.prompt_name.as_deref())?;
        let skips_prompt = !model.sentence.include_prompt && prompt.is_some();

        let loaded = load(runtime, &model, text.pooling, skips_prompt, options.threads.get())?;
        let max_length = max_length(&model, text.max_length, loaded.max_positions)?;
        let truncate = text.truncate.unwrap_or(model.tokenizer.truncation_side);
        let skip = match &prompt {
            Some(prompt) if skips_prompt => model.tokenizer.prompt_length(prompt, max_length).map_err(|e| {
                ModelError::Flag { flag: "--prompt", reason: format!("the prompt cannot be tokenised: {e}") }
            })?,
            _ => 0,
        };
        // A model's own `truncate_dim` cuts after its modules and changes nothing else.
        let asked = text.dimensions;
        let normalize = text.normalize.unwrap_or(model.sentence.normalize || asked.is_some());
        let dimensions = asked.or(model.sentence.truncate_dim.filter(|&d| d < loaded.width));
        if dimensions.is_some_and(|d| d == 0 || d > loaded.width) {
            let reason = format!("the model's vectors have {} dimensions", loaded.width);
            return Err(ModelError::Flag { flag: "--dimensions", reason }.into());
        }
        let finish = Finish { pooling: loaded.pooling, skip, dimensions, normalize };
        let tokenizers = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads.get())
            .thread_name(|i| format!("tokenizer-{i}"))
            .build()
            .map_err(|e| RuntimeError::Run(ort::Error::new(format!("no threads for tokenising: {e}"))))?;
        let info = EngineInfo {
            model: model.name.clone(),
            dir: Some(model.dir.clone()),
            dimensions: dimensions.unwrap_or(loaded.width),
            max_length,
            pooling: finish.pooling.clone(),
            normalize,
            prompt,
            threads: options.threads.get(),
        };
        tracing::info!(
            model = info.model,
            dimensions = info.dimensions,
            max_length,
            pooling = ?info.pooling,
            normalize,
            prompt = info.prompt.as_deref().unwrap_or(""),
            workers = info.threads,
            "loaded"
        );
        Ok(Self {
            info,
            truncate,
            vocab_size: loaded.vocab_size,
            batch_tokens: options.batch_tokens.get(),
            plan: Arc::new((loaded.interface, finish)),
            pool: loaded.pool,
            tokenizers,
            model,
        })
    }

    fn tokenize(&self, text: &str) -> Result<Tokens, TextError> {
        let with_prompt;
        let text = match &self.info.prompt {
            Some(prompt) => {
                with_prompt = format!("{prompt}{text}");
                &with_prompt
            }
            None => text,
        };
        let tokens = self
            .model
            .tokenizer
            .encode(text, self.info.max_length, self.truncate)
            .map_err(|e| TextError(e.to_string()))?;
        let vocabulary = self.vocab_size;
        match tokens.ids.iter().find(|&&id| usize::try_from(id).is_ok_and(|id| id >= vocabulary)) {
            Some(id) => Err(TextError(format!("token {id} is outside the model's vocabulary of {vocabulary}"))),
            None if tokens.ids.is_empty() => Err(TextError("the text has no tokens".into())),
            None => Ok(tokens),
        }
    }
}

impl Engine for OnnxEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn embed(&self, texts: &[&str]) -> Vec<Result<Embedding, TextError>> {
        let tokens: Vec<Result<Tokens, TextError>> = if texts.len() < 8 {
            texts.iter().map(|text| self.tokenize(text)).collect()
        } else {
            self.tokenizers.install(|| texts.par_iter().map(|text| self.tokenize(text)).collect())
        };
        let lengths: Vec<Option<usize>> = tokens.iter().map(|t| t.as_ref().ok().map(|t| t.ids.len())).collect();
        let (order, groups) = groups(&lengths, self.batch_tokens);

        // What stands here at the end is what no worker replaced.
        let lost = || TextError("the worker that had this text failed".into());
        let mut results: Vec<_> = tokens.iter().map(|t| Err(t.as_ref().err().cloned().unwrap_or_else(lost))).collect();
        let mut tokens: Vec<Option<Tokens>> = tokens.into_iter().map(Result::ok).collect();
        let (sender, receiver) = mpsc::channel();
        let jobs = groups.into_iter().map(|range| -> Job<Session> {
            let indices = order[range].to_vec();
            let group: Vec<Tokens> = indices.iter().filter_map(|&i| tokens[i].take()).collect();
            let (sender, plan) = (sender.clone(), Arc::clone(&self.plan));
            Box::new(move |session| {
                let results = run_group(session, &plan.0, &plan.1, &group);
                // Nobody listening any more means that nobody wants the result.
                let _ = sender.send((indices, results));
            })
        });
        self.pool.submit(jobs);
        drop(sender);
        for (indices, group) in receiver {
            for (index, result) in indices.into_iter().zip(group) {
                results[index] = result;
            }
        }
        results
    }
}

/// Longest text in tokens: what the user asks for, within what the model can do; else what the model's files say.
fn max_length(model: &Model, asked: Option<usize>, positions: Option<usize>) -> Result<usize, ModelError> {
    let least = model.tokenizer.specials() + 1;
    if let Some(asked) = asked {
        let most = positions.unwrap_or(usize::MAX);
        if asked < least || asked > most {
            let reason = format!("{asked} is not between {least} and the model's limit of {most} tokens");
            return Err(ModelError::Flag { flag: "--max-length", reason });
        }
        return Ok(asked);
    }
    let said = model.sentence.max_seq_length.or(model.tokenizer.model_max_length);
    let length = match (said, positions) {
        (Some(said), Some(most)) if said > most => {
            if model.sentence.max_seq_length.is_some() {
                tracing::warn!("{}: max_seq_length {said} is cut to the model's {most} positions", model.name);
            }
            most
        }
        (Some(length), _) | (None, Some(length)) => length,
        (None, None) => {
            let reason = "must be given, as the model's files do not say how long a text may be".into();
            return Err(ModelError::Flag { flag: "--max-length", reason });
        }
    };
    if length < least {
        let reason = format!("texts of {length} tokens, special tokens included, are too little for any text");
        return Err(ModelError::Config { path: model.dir.clone(), reason });
    }
    Ok(length)
}
