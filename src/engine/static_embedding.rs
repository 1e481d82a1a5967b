//! The engine of static embeddings: no transformer and no ONNX Runtime, a table look-up on all cores.

use std::time::Instant;

use rayon::prelude::*;

use super::finish::{Ending, Finish};
use super::prompts::{Prompt, Prompts};
use super::{
    Call, Computed, Embedding, Engine, EngineError, EngineInfo, Judged, Local, LocalInfo, Pending, Prediction, Purpose,
    Refusal, Role, SparseEmbedding, Text, TextError, TextOptions, Times, TokenEmbeddings,
};
use crate::model::sentence::Encoder;
use crate::model::static_embedding::StaticTable;
use crate::model::tokenizer::Truncate;
use crate::model::{Model, ModelError};
use crate::runtime::device::Dtype;

/// A model of static embeddings.
pub struct StaticEngine {
    info: EngineInfo,
    local: LocalInfo,
    model: Model,
    table: StaticTable,
    prompts: Prompts,
    finish: Finish,
    /// Of model2vec: the token that does not count, and the most characters of a text that are looked at.
    unknown: Option<i64>,
    max_chars: Option<usize>,
    threads: rayon::ThreadPool,
}

impl StaticEngine {
    /// Opens the table of `model`; `threads` compute.
    pub fn new(model: Model, purpose: Purpose, text: &TextOptions, threads: usize) -> Result<Self, EngineError> {
        let refuse = |reason: &str| ModelError::Config { path: model.dir.clone(), reason: reason.into() };
        if purpose != Purpose::Embed {
            return Err(
                refuse("the model consists of static embeddings, which give one vector a text and no more").into()
            );
        }
        if text.pooling.is_some() {
            let reason = "static embeddings are always averaged".into();
            return Err(ModelError::Flag { flag: "--pooling", reason }.into());
        }
        let path = model.weights.safetensors().ok_or_else(|| refuse("static embeddings are read from safetensors"))?;
        let table = StaticTable::open(path).map_err(ModelError::from)?;
        let prompts = Prompts::new(&model, text)?;
        let finish = Finish::new(&model, Some(Vec::new()), false, table.width(), text)?;
        if text.max_length == Some(0) {
            let reason = "it must be at least 1".into();
            return Err(ModelError::Flag { flag: "--max-length", reason }.into());
        }
        let own = model.sentence.encoder == Encoder::Model2Vec;
        let said = if own { model.sentence.max_seq_length } else { model.tokenizer.model_max_length };
        let max_length = text.max_length.or(said);
        let threads_built = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("static-{i}"));
        let (name, dimensions) = (model.name.clone(), finish.width());
        let info = EngineInfo { model: name, purpose, dimensions, scoring: None };
        let local = LocalInfo {
            dir: Some(model.dir.clone()),
            max_length: max_length.unwrap_or(usize::MAX),
            pooling: Vec::new(),
            normalize: finish.normalized(),
            prompt: prompts.of(Role::Text).text.clone(),
            dtype: Dtype::Float32,
            batch_tokens: usize::MAX,
            truncate: text.truncate.unwrap_or(model.tokenizer.truncation_side),
            threads,
        };
        tracing::info!(
            model = info.model,
            dimensions = info.dimensions,
            max_length,
            normalize = local.normalize,
            prompt = local.prompt.as_deref().unwrap_or(""),
            query_prompt = prompts.of(Role::Query).text.as_deref().unwrap_or(""),
            document_prompt = prompts.of(Role::Document).text.as_deref().unwrap_or(""),
            "loaded static embeddings"
        );
        Ok(Self {
            unknown: if own { model.tokenizer.unknown(&model.sentence.transformer)? } else { None },
            max_chars: max_length.filter(|_| own).map(|n| n.saturating_mul(model.tokenizer.median_token_length())),
            threads: threads_built.build().map_err(|e| EngineError::Threads(e.to_string()))?,
            info,
            local,
            table,
            prompts,
            finish,
            model,
        })
    }

    fn embed_one(
        &self,
        text: &str,
        prompt: &Prompt,
        truncate: Truncate,
        ending: Ending,
    ) -> Result<Embedding, TextError> {
        let text = prompt.before(text);
        let mut part = &text[..];
        if let Some((end, _)) = self.max_chars.and_then(|most| text.char_indices().nth(most)) {
            if truncate == Truncate::None {
                let reason = format!("the text has more than {} tokens", self.local.max_length);
                return Err(TextError::too_long(reason));
            }
            part = &text[..end];
        }
        let tokens = self.model.tokenizer.encode(part, self.local.max_length, truncate);
        let mut tokens = tokens.map_err(TextError::from)?;
        if let Some(unknown) = self.unknown {
            tokens.ids.retain(|&id| id != unknown);
        }
        let truncated = tokens.truncated || part.len() < text.len();
        self.embed_ids(&tokens.ids, truncated, ending)
    }

    fn embed_ids(&self, ids: &[i64], truncated: bool, ending: Ending) -> Result<Embedding, TextError> {
        let known = self.table.tokens();
        if ids.is_empty() {
            return Err(TextError::new("the text has no tokens that the model knows"));
        }
        if let Some(id) = ids.iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= known)) {
            return Err(TextError::new(format!("token {id} is outside the model's vocabulary of {known}")));
        }
        let vector = self.finish.finish(self.table.mean(ids), ending)?;
        Ok(Embedding { vector, tokens: Some(ids.len()), truncated: Some(truncated) })
    }

    fn embed_all<T: Sync>(
        &self,
        texts: &[T],
        embed: impl Fn(&T) -> Result<Embedding, TextError> + Sync + Send,
    ) -> Vec<Result<Embedding, TextError>> {
        if let [text] = texts {
            return vec![embed(text)];
        }
        self.threads.install(|| texts.par_iter().map(embed).collect())
    }
}

impl Engine for StaticEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn embed(&self, texts: &[&str], role: Role) -> Vec<Result<Embedding, TextError>> {
        let prompt = self.prompts.of(role);
        self.embed_all(texts, |text| self.embed_one(text, prompt, self.local.truncate, self.finish.ending))
    }
}

impl Local for StaticEngine {
    fn model(&self) -> &Model {
        &self.model
    }

    fn local(&self) -> &LocalInfo {
        &self.local
    }

    fn start_embed(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<Embedding>, Refusal> {
        let start = Instant::now();
        let most = self.local.max_length;
        let prompt = self.prompts.of_call(&self.model, call, most)?;
        let (truncate, ending) = (call.truncate.unwrap_or(self.local.truncate), self.finish.ending(call)?);
        let results = self.embed_all(&texts, |text| match text {
            Text::Text(text) => self.embed_one(text, &prompt, truncate, ending),
            Text::Ids(ids) => {
                let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).take(most).collect();
                self.embed_ids(&ids, false, ending)
            }
        });
        // There is nothing but tokenising, to speak of.
        let times = Times { tokenize: start.elapsed(), ..Times::default() };
        Ok(Pending::done(Computed { results, times }))
    }

    fn start_embed_sparse(&self, _: Vec<Text>, _: &Call) -> Result<Pending<SparseEmbedding>, Refusal> {
        Err(Refusal::Unsupported("static embeddings are dense".into()))
    }

    fn start_embed_tokens(&self, _: Vec<Text>, _: &Call) -> Result<Pending<TokenEmbeddings>, Refusal> {
        Err(Refusal::Unsupported("static embeddings have one vector a text".into()))
    }

    fn start_predict(&self, _: Vec<Judged>, _: &Call) -> Result<Pending<Prediction>, Refusal> {
        Err(Refusal::Unsupported("static embeddings give no scores".into()))
    }
}
