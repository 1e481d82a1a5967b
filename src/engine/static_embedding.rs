//! The engine of static embeddings: no transformer and no ONNX Runtime, a table look-up on all cores.

use std::borrow::Cow;
use std::sync::Arc;

use super::call::{finished, ids_as_they_are};
use super::finish::{Ending, Finish};
use super::prompts::Prompts;
use super::tokenizers::{Opened, Tokenizers};
use super::{
    Call, Embedding, Engine, EngineError, EngineInfo, Job, Judged, Local, LocalInfo, Pending, Prediction, Purpose,
    Refusal, Role, SparseEmbedding, Text, TextError, TextOptions, TokenEmbeddings,
};
use crate::model::sentence::Encoder;
use crate::model::static_embedding::StaticTable;
use crate::model::tokenizer::{Prompted, Truncate};
use crate::model::weights::Access;
use crate::model::{Model, ModelError};
use crate::runtime::device::Dtype;

/// A model of static embeddings.
pub struct StaticEngine {
    info: EngineInfo,
    local: LocalInfo,
    prompts: Prompts,
    table: Arc<Table>,
    tokenizers: Tokenizers,
}

/// What makes vectors.
struct Table {
    model: Model,
    table: StaticTable,
    finish: Finish,
    /// Of model2vec: the token that does not count, and the most characters of a text that are looked at.
    unknown: Option<i64>,
    max_chars: Option<usize>,
    /// Most tokens of a text.
    max_length: usize,
}

impl StaticEngine {
    /// Opens the table of `model`, mapped or copied; `threads` compute.
    pub fn new(
        model: Model,
        purpose: Purpose,
        text: &TextOptions,
        threads: usize,
        access: Access,
    ) -> Result<Self, EngineError> {
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
        let table = StaticTable::open_by(path, access).map_err(ModelError::from)?;
        let prompts = Prompts::new(&model, text)?;
        let finish = Finish::new(&model, Some(Vec::new()), false, table.width(), text)?;
        if text.max_length == Some(0) {
            let reason = "it must be at least 1".into();
            return Err(ModelError::Flag { flag: "--max-length", reason }.into());
        }
        let own = model.sentence.encoder == Encoder::Model2Vec;
        let said = if own { model.sentence.max_seq_length } else { model.tokenizer.model_max_length };
        let max_length = text.max_length.or(said);
        let (name, dimensions) = (model.name.clone(), finish.width());
        let info = EngineInfo { model: name, purpose, dimensions, scoring: None };
        let local = LocalInfo {
            dir: Some(model.dir.clone()),
            max_length: max_length.unwrap_or(usize::MAX),
            pooling: Vec::new(),
            normalize: finish.normalized(),
            prompt: prompts.of(Role::Text).text.as_deref().map(str::to_owned),
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
        let table = Table {
            unknown: if own { model.tokenizer.unknown(&model.sentence.transformer)? } else { None },
            max_chars: max_length.filter(|_| own).map(|n| n.saturating_mul(model.tokenizer.median_token_length())),
            max_length: local.max_length,
            model,
            table,
            finish,
        };
        let tokenizers = Tokenizers::new(threads).map_err(|e| EngineError::Threads(e.to_string()))?;
        Ok(Self { info, local, prompts, table: Arc::new(table), tokenizers })
    }
}

impl Table {
    /// The vector of a text.
    fn embed(&self, text: Prompted<'_>, truncate: Truncate, ending: Ending) -> Result<Embedding, TextError> {
        let (part, cut) = match self.max_chars {
            Some(most) if truncate == Truncate::Left => text.last_characters(most),
            Some(most) => text.first_characters(most),
            None => (Cow::Borrowed(""), false),
        };
        if cut && truncate == Truncate::None {
            return Err(TextError::new(format!("the text has more than {} tokens", self.max_length)));
        }
        let part = if self.max_chars.is_some() { Prompted::from(&*part) } else { text };
        let tokens = self.model.tokenizer.encode(part, self.max_length, truncate);
        let mut tokens = tokens.map_err(TextError::from)?;
        if let Some(unknown) = self.unknown {
            tokens.ids.retain(|&id| id != unknown);
        }
        self.embed_ids(&tokens.ids, tokens.truncated || cut, ending)
    }

    fn embed_ids(&self, ids: &[i64], truncated: bool, ending: Ending) -> Result<Embedding, TextError> {
        let known = self.table.tokens();
        if ids.is_empty() {
            return Err(TextError::new("the text has no tokens that the model knows"));
        }
        if let Some(id) = ids.iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= known)) {
            return Err(TextError::new(format!("token {id} is outside the model's vocabulary of {known}")));
        }
        let unchanged = || self.table.changed().map_or(Ok(()), |reason| Err(TextError::unavailable(reason)));
        unchanged()?;
        let mean = self.table.mean(ids);
        // What was computed while the table changed is worth nothing.
        unchanged()?;
        let vector = self.finish.finish(mean, ending)?;
        Ok(Embedding { vector, tokens: Some(ids.len()), truncated: Some(truncated) })
    }
}

impl Engine for StaticEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn embed(&self, texts: &[&str], role: Role) -> Vec<Result<Embedding, TextError>> {
        finished(texts.len(), self.start_embed(Text::copies(texts), &Call { role, ..Call::default() }))
    }
}

impl Local for StaticEngine {
    fn model(&self) -> &Model {
        &self.table.model
    }

    fn local(&self) -> &LocalInfo {
        &self.local
    }

    fn changed(&self) -> Option<&str> {
        self.table.table.changed()
    }

    fn start_embed(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<Embedding>, Refusal> {
        let (count, table) = (texts.len(), Arc::clone(&self.table));
        let prompt = self.prompts.of_call(&table.model, call)?;
        let (truncate, ending) = (call.truncate.unwrap_or(self.local.truncate), table.finish.ending(call)?);
        let each = move |i: usize| match &texts[i] {
            Text::Text(text) => table.embed(prompt.before(text), truncate, ending),
            Text::Ids(ids) => {
                let tokens = ids_as_they_are(ids, table.max_length, truncate)?;
                table.embed_ids(&tokens.ids, tokens.truncated, ending)
            }
        };
        Ok(self.tokenizers.start_alone(Opened { count, each: Box::new(each) }, usize::MAX, ()))
    }

    fn start_job(&self, _: usize, count: usize, at_once: usize, each: Job) -> Result<Pending<Vec<u8>>, Refusal> {
        Ok(self.tokenizers.start_alone(Opened { count, each }, at_once, ()))
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
