//! Reads the files of a model.

use super::error::ModelError;
use super::files::json::read_object;
use super::files::sentence::{Encoder, SentenceConfig};
use super::hub::source::{Source, WeightsFile};
use super::setting::{Setting, SettingError};
use super::tasks::labels::Head;
use super::tasks::pooling::Pooling;
use super::tasks::similarity::Similarity;
use super::tasks::task::Task;
use super::text::tokenizer;
use super::text::tokenizer::{Hints, Tokenizer};
use super::weights::lora::Adapter;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// A model's files, read and understood; its weights are only opened by an engine.
pub struct Model {
    /// The name that the user gave.
    pub name: String,
    pub dir: PathBuf,
    /// config.json, if present.
    pub config: Json,
    pub task: Task,
    pub weights: WeightsFile,
    /// The settings in sentence-transformers' files.
    pub sentence: SentenceConfig,
    pub tokenizer: Tokenizer,
    /// The adapter that changes the weights.
    pub adapter: Option<Adapter>,
}

impl Model {
    pub fn read(source: Source) -> Result<Self, ModelError> {
        let Source { name, dir, weights } = source;
        let mut sentence = SentenceConfig::read(&dir)?;
        let (transformer, config) = transformer_directory(&dir, &sentence)?;
        sentence.read_task_instructions(&config);
        sentence.check_prompts(&dir)?;
        let task = Task::read(&dir, &config)?;
        let text = |key: &str| config.get(key).and_then(Json::as_str);
        let hints = Hints {
            model_type: text("model_type"),
            tokenizer_class: text("tokenizer_class"),
            lowercase: sentence.lowercase,
        };
        let mut tokenizer = match sentence.encoder {
            Encoder::Transformer => Tokenizer::read(&transformer, hints)?,
            Encoder::Static | Encoder::Model2Vec => Tokenizer::read_plain(&transformer)?,
        };
        for remark in &tokenizer.remarks {
            tracing::warn!("{name}: {remark}");
        }
        if let Some(late) = &sentence.late {
            let refuse = |reason| ModelError::Tokenizer { path: tokenizer::file_in(&transformer), reason };
            tokenizer.register_markers(&late.markers).map_err(refuse)?;
        }
        Ok(Self { name, dir, config, task, weights, sentence, tokenizer, adapter: None })
    }

    pub fn head(&self) -> Head {
        Head { path: self.sentence.transformer.join("config.json"), config: self.config.clone() }
    }

    pub fn similarity(&self) -> Result<Similarity, ModelError> {
        Similarity::read(&self.dir)
    }

    /// True if static embeddings are what runs: a table instead of a graph.
    pub fn is_static(&self) -> bool {
        self.sentence.encoder != Encoder::Transformer && self.weights.safetensors().is_some()
    }

    /// True if config.json describes a language model that reads from left to right.
    fn is_causal(&self) -> bool {
        let class = self.config.get("architectures").and_then(|classes| classes.get(0)).and_then(Json::as_str);
        let causal = self.config.get("is_causal").and_then(Json::as_bool).unwrap_or(true);
        causal && class.is_some_and(|class| class.ends_with("ForCausalLM"))
    }

    /// Pooling modes: the user's, the model's, or the mean with a notice.
    pub fn pooling(&self, chosen: Option<Pooling>) -> Vec<Pooling> {
        match (chosen, &self.sentence.pooling) {
            (Some(mode), _) => vec![mode],
            (None, Some(modes)) => modes.clone(),
            // The default pooling of sentence-transformers for language models.
            (None, None) if self.is_causal() => vec![Pooling::LastToken],
            (None, None) => {
                tracing::warn!("{} does not say how to pool; using the mean (--pooling settles it)", self.name);
                vec![Pooling::Mean]
            }
        }
    }

    /// The text to put before each input: `prompt` as it is, the prompt called `name`, or the model's default.
    pub fn prompt(&self, prompt: Option<&str>, name: Option<&str>) -> Result<Option<String>, SettingError> {
        let prompts = &self.sentence.prompts;
        let chosen = match (prompt, name) {
            (Some(text), _) => Some(text.to_owned()),
            (None, Some(name)) => Some(prompts.get(name).cloned().ok_or_else(|| {
                let known = prompts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let known =
                    if known.is_empty() { "the model has no prompts".into() } else { format!("known: {known}") };
                SettingError::new(Setting::PromptName, format!("no prompt is called \"{name}\" ({known})"))
            })?),
            (None, None) => self.sentence.default_prompt.clone(),
        };
        Ok(chosen.filter(|text| !text.is_empty()))
    }

    /// The model's prompt called `role`, "query" or "document". `None` without one: not the default prompt, and
    /// not "passage" either. sentence-transformers documents that name as a second choice, but fills in an empty
    /// "document" prompt before it looks.
    pub fn role_prompt(&self, role: &str) -> Option<String> {
        let prompt = self.sentence.prompts.get(role).filter(|text| !text.is_empty());
        if prompt.is_none() && !self.sentence.prompts.is_empty() {
            let known = self.sentence.prompts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            tracing::info!("{}: no prompt for a {role} (--prompt-name picks one of {known})", self.name);
        }
        prompt.cloned()
    }

    /// `max_position_embeddings` of config.json: the longest text in tokens, where positions do not begin later.
    pub fn max_position_embeddings(&self) -> Option<usize> {
        let number = self.config.get("max_position_embeddings").and_then(Json::as_u64);
        number.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0)
    }

    /// Takes the adapter that goes with the prompt called `name`, or with the model's default prompt where neither a
    /// `prompt` nor a `name` is given: that of the same name, if the model has one.
    pub fn choose_adapter(&mut self, prompt: Option<&str>, name: Option<&str>) -> Result<(), ModelError> {
        let default = if prompt.is_none() { self.sentence.default_prompt_name.as_deref() } else { None };
        let named = name.or(default).map_or(Ok(None), |name| Adapter::named(&self.config, name));
        let refuse = |reason| ModelError::Config { path: self.sentence.transformer.join("config.json"), reason };
        self.adapter = named.map_err(refuse)?;
        Ok(())
    }
}

/// The task of the model in a directory; `None` if its files cannot be read.
pub(crate) fn task_in(dir: &Path) -> Option<Task> {
    let config = read_object(&dir.join("config.json")).ok()?.unwrap_or(Json::Null);
    Task::read(dir, &config).ok()
}

/// The directory of the tokenizer and config.json: usually the model's directory.
fn transformer_directory(dir: &Path, sentence: &SentenceConfig) -> Result<(PathBuf, Json), ModelError> {
    let transformer = &sentence.transformer;
    if !tokenizer::file_in(transformer).is_file() {
        return Err(tokenizer::missing(transformer));
    }
    let config = match read_object(&transformer.join("config.json"))? {
        Some(config) => config,
        None => read_object(&dir.join("config.json"))?.unwrap_or(Json::Null),
    };
    Ok((transformer.clone(), config))
}
