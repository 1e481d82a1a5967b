//! The engine of static embeddings: no transformer and no ONNX Runtime, a table look-up on all cores.

use std::borrow::Cow;
use std::sync::Arc;

use super::onnx::{IN_FLIGHT, ids_as_they_are};
use super::post_process::{Normalization, PostProcess};
use super::prompts::Prompts;
use super::tokenizers::{Opened, Tokenizers};
use crate::engine::forms;
use crate::engine::{
    Completed, Engine, EngineError, EngineInfo, Input, Job, JobResults, LocalInfo, Output, OutputKind, Pending,
    Request, Role, SubmitError, TextError, TextOptions,
};
use crate::model::sentence::Encoder;
use crate::model::static_embedding::StaticTable;
use crate::model::tokenizer::{Prompted, Truncate};
use crate::model::weights::Access;
use crate::model::{Model, ModelError, Setting, SettingError};
use crate::runtime::device::{Dtype, Kernels};

pub struct StaticEngine {
    info: EngineInfo,
    prompts: Prompts,
    table: Arc<Table>,
    tokenizers: Tokenizers,
}

struct Table {
    model: Arc<Model>,
    table: StaticTable,
    post_process: PostProcess,
    /// model2vec's token that does not count, and the most characters of a text that it reads.
    unknown: Option<i64>,
    max_chars: Option<usize>,
    /// Most tokens of a text.
    max_length: usize,
    /// The end at which a text that is too long is cut.
    truncate: Truncate,
}

impl StaticEngine {
    /// Opens the table of `model`, mapped or copied; `threads` compute.
    pub fn new(
        model: Model,
        output: OutputKind,
        text: &TextOptions,
        threads: usize,
        access: Access,
    ) -> Result<Self, EngineError> {
        if output != OutputKind::Embedding {
            let reason = "it consists of static embeddings, which give one vector a text";
            return Err(EngineError::no_output(&model, output, reason));
        }
        if text.pooling.is_some() {
            return Err(SettingError::new(Setting::Pooling, "static embeddings are always averaged").into());
        }
        let path = model.weights.safetensors().ok_or_else(|| ModelError::Config {
            path: model.dir.clone(),
            reason: "static embeddings are read from safetensors".into(),
        })?;
        let table = StaticTable::open_by(path, access).map_err(ModelError::from)?;
        let prompts = Prompts::new(&model, text)?;
        let post_process = PostProcess::new(&model, Some(Vec::new()), false, table.width(), text)?;
        if text.max_length == Some(0) {
            return Err(SettingError::new(Setting::MaxLength, "it must be at least 1").into());
        }
        let own = model.sentence.encoder == Encoder::Model2Vec;
        let usual = if own { model.sentence.max_seq_length } else { model.tokenizer.model_max_length };
        let max_length = text.max_length.or(usual);
        let (name, dimensions) = (model.name.clone(), post_process.width());
        let (unknown, max_chars) = match own {
            true => {
                let most = max_length.map(|n| n.saturating_mul(model.tokenizer.median_token_length()));
                (model.tokenizer.unknown(&model.sentence.transformer)?, most)
            }
            false => (None, None),
        };
        let truncate = text.truncate.unwrap_or(model.tokenizer.truncation_side);
        let model = Arc::new(model);
        let local = LocalInfo {
            model: Arc::clone(&model),
            library: None,
            dir: Some(model.dir.clone()),
            max_length: max_length.unwrap_or(usize::MAX),
            pooling: Vec::new(),
            normalize: post_process.normalized(),
            prompt: prompts.of(Role::Text).text.as_deref().map(str::to_owned),
            dtype: Dtype::Float32,
            kernels: Kernels::Builtin.name(),
            batch_tokens: usize::MAX,
            truncate,
            threads,
        };
        tracing::info!(
            model = name,
            dimensions,
            max_length,
            normalize = local.normalize,
            prompt = local.prompt.as_deref().unwrap_or(""),
            query_prompt = prompts.of(Role::Query).text.as_deref().unwrap_or(""),
            document_prompt = prompts.of(Role::Document).text.as_deref().unwrap_or(""),
            "loaded static embeddings"
        );
        let table = Table { unknown, max_chars, max_length: local.max_length, truncate, model, table, post_process };
        let tokenizers = Tokenizers::new(threads).map_err(|e| EngineError::Threads(e.to_string()))?;
        let info = EngineInfo {
            model: name,
            output,
            dimensions: Some(dimensions),
            scoring: None,
            local: Some(Arc::new(local)),
        };
        Ok(Self { info, prompts, table: Arc::new(table), tokenizers })
    }
}

impl Table {
    fn embed(&self, text: Prompted<'_>, truncate: Truncate, normalization: Normalization) -> Result<Output, TextError> {
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
        self.embed_ids(&tokens.ids, tokens.truncated || cut, normalization)
    }

    fn embed_ids(&self, ids: &[i64], truncated: bool, normalization: Normalization) -> Result<Output, TextError> {
        let known = self.table.tokens();
        if ids.is_empty() {
            return Err(TextError::new("the text has no tokens that the model knows"));
        }
        if let Some(id) = ids.iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= known)) {
            return Err(TextError::new(format!("token {id} is outside the model's vocabulary of {known}")));
        }
        let unchanged = || self.table.changed().map_or(Ok(()), |reason| Err(TextError::unavailable(reason.to_owned())));
        unchanged()?;
        let mean = self.table.mean(ids);
        // Results computed while the table changed are discarded.
        unchanged()?;
        let vector = self.post_process.end(mean, normalization)?;
        Ok(Output { embedding: Some(vector), ..Output::seen(ids.len(), truncated) })
    }
}

impl Engine for StaticEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, Request { inputs, outputs, options }: Request) -> Result<Pending<Completed>, SubmitError> {
        forms::check(&self.info, outputs, &inputs)?;
        let table = Arc::clone(&self.table);
        let prompt = self.prompts.of_request(&table.model, &options)?;
        let (truncate, normalization) =
            (options.truncate.unwrap_or(table.truncate), table.post_process.normalization(&options)?);
        let count = inputs.len();
        let each = move |i: usize| match &inputs[i] {
            Input::Text(text) => table.embed(prompt.before(text), truncate, normalization),
            Input::Ids(ids) => {
                let tokens = ids_as_they_are(ids, table.max_length, truncate)?;
                table.embed_ids(&tokens.ids, tokens.truncated, normalization)
            }
            Input::Pair(..) => Err(TextError::new("static embeddings are of single texts, not of pairs")),
        };
        let complete = |results, times| Completed { results, times, tokens: None };
        Ok(self.tokenizers.start_alone(Opened { count, each: Box::new(each) }, usize::MAX, (), complete))
    }

    fn submit_job(&self, job: Job) -> Result<Pending<JobResults>, SubmitError> {
        let Job { count, at_once, estimate: _, each } = job;
        Ok(self.tokenizers.start_alone(Opened { count, each }, at_once, (), |results, _| results))
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }

    fn changed(&self) -> Option<&str> {
        self.table.table.changed()
    }
}
