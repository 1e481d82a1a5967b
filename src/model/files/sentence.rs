//! sentence-transformers' own files: modules, maximum length, prompts.
//!
//! Files: `modules.json` and its modules ([`modules`]), `sentence_bert_config.json`,
//! `config_sentence_transformers.json`, as `sentence_transformers` reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;

use super::json::{flag, positive, read_json, read_object};
use super::modules::{self, Activation, DenseConfig, Module, ModuleWeights, Step};
use crate::model::ModelError;
use crate::model::tasks::late_interaction::{self, LateInteraction, stanford};
use crate::model::tasks::m3;
use crate::model::tasks::pooling::Pooling;
use crate::model::tasks::splade::SpladePooling;

/// The first module of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoder {
    /// A transformer: a vector for every token.
    Transformer,
    /// Static embeddings: a table of vectors by token; the text's vector is their mean.
    Static,
    /// The same as its own library has it: model2vec leaves unknown tokens out.
    Model2Vec,
}

/// The way from text to vector, as the model's files describe it.
#[derive(Debug, Clone)]
pub struct SentenceConfig {
    /// The module that makes vectors of the text or of its tokens.
    pub encoder: Encoder,
    /// The directory of the encoder's files: the model's or one below it.
    pub transformer: PathBuf,
    /// Steps on the vectors of tokens, before pooling.
    pub token_steps: Vec<Step>,
    /// Pooling modes, their results concatenated; `None` if no file sets them.
    pub pooling: Option<Vec<Pooling>>,
    /// True if pooling includes the tokens of a prompt.
    pub include_prompt: bool,
    /// Steps on the vector of the text, but for the scaling at the end.
    pub steps: Vec<Step>,
    /// True if the model normalises its vectors to length 1.
    pub normalize: bool,
    /// Longest text in tokens, specials included, if a file sets it.
    pub max_seq_length: Option<usize>,
    /// True if texts are lower-cased before tokenisation.
    pub lowercase: bool,
    /// Prompts by name: text that is put before the input.
    pub prompts: BTreeMap<String, String>,
    pub default_prompt: Option<String>,
    pub default_prompt_name: Option<String>,
    /// The length to which the model's vectors are cut, as they are (`truncate_dim`).
    pub truncate_dim: Option<usize>,
    /// The pooling of masked-LM logits, in a SPLADE model.
    pub splade: Option<SpladePooling>,
    /// Most lexical weights that are kept of a text (`max_active_dims`).
    pub max_active_dims: Option<usize>,
    /// The settings of late interaction, if tokens have vectors of their own.
    pub late: Option<LateInteraction>,
}

/// Most bytes of a prompt in a model's files. Real ones have a few hundred.
const MAX_PROMPT_BYTES: usize = 64 << 10;

/// The names the transformer module's settings had over time.
const TRANSFORMER_CONFIGS: &[&str] = &[
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// Maximum tokens of a text in model2vec, if config.json does not set it.
const MODEL2VEC_MAX_LENGTH: usize = 512;

impl SentenceConfig {
    /// Reads the files under `dir`, the model's directory.
    pub fn read(dir: &Path) -> Result<Self, ModelError> {
        let mut config = Self {
            encoder: Encoder::Transformer,
            transformer: dir.to_owned(),
            token_steps: Vec::new(),
            pooling: None,
            include_prompt: true,
            steps: Vec::new(),
            normalize: false,
            max_seq_length: None,
            lowercase: false,
            prompts: BTreeMap::new(),
            default_prompt: None,
            default_prompt_name: None,
            truncate_dim: None,
            splade: None,
            max_active_dims: None,
            late: None,
        };
        // Without modules.json sentence-transformers reads none of the other files either.
        let Some(modules) = modules::read(dir)? else {
            config.read_model2vec(&dir.join("config.json"))?;
            config.read_stanford(dir)?;
            if m3::has_heads(dir) {
                (config.pooling, config.normalize) = (Some(vec![Pooling::Cls]), true);
            }
            return Ok(config);
        };
        let settings = dir.join("config_sentence_transformers.json");
        let json = read_object(&settings)?.unwrap_or(Json::Null);
        config.late = LateInteraction::read(&settings, &json)?;
        let refuse = |reason: &str| ModelError::Config { path: dir.join("modules.json"), reason: reason.into() };
        config.read_modules(modules).map_err(refuse)?;
        for name in TRANSFORMER_CONFIGS {
            if let Some(json) = read_object(&config.transformer.join(name))? {
                config.read_transformer(&config.transformer.join(name), &json)?;
                break;
            }
        }
        config.read_prompts(&settings, &json)?;
        config.max_active_dims =
            positive(&json, "max_active_dims").map_err(|reason| ModelError::Config { path: settings, reason })?;
        Ok(config)
    }

    /// Adds the prompts that config.json keeps for the tasks of adapters, where no file of this library has them.
    pub(crate) fn read_task_instructions(&mut self, config: &Json) {
        for (name, text) in config.get("task_instructions").and_then(Json::as_object).into_iter().flatten() {
            if let Some(text) = text.as_str() {
                self.prompts.entry(name.clone()).or_insert_with(|| text.to_owned());
            }
        }
    }

    /// Checks that no prompt is longer than any model reads: each is put before every input.
    pub(crate) fn check_prompts(&self, dir: &Path) -> Result<(), ModelError> {
        let Some((name, _)) = self.prompts.iter().find(|(_, text)| text.len() > MAX_PROMPT_BYTES) else {
            return Ok(());
        };
        let reason = format!("the prompt \"{name}\" of this model has more than {MAX_PROMPT_BYTES} bytes");
        Err(ModelError::Config { path: dir.to_owned(), reason })
    }

    /// True if the weights of all steps are there.
    pub(crate) fn is_complete(&self) -> bool {
        self.token_steps.iter().chain(&self.steps).all(Step::is_complete)
    }

    /// Puts the modules in their places: encoder, steps on tokens, pooling, steps on the text's vector.
    fn read_modules(&mut self, modules: Vec<Module>) -> Result<(), &'static str> {
        let mut modules = modules.into_iter();
        let tokens = match modules.next() {
            Some(Module::Transformer(path) | Module::MlmTransformer(path)) => {
                self.transformer = path;
                true
            }
            Some(Module::StaticEmbedding(path)) => {
                (self.transformer, self.encoder) = (path, Encoder::Static);
                false
            }
            _ => return Err("its first module is neither a Transformer nor a StaticEmbedding: not implemented"),
        };
        for module in modules {
            match module {
                Module::Pooling { modes, include_prompt } if tokens && self.pooling.is_none() => {
                    (self.pooling, self.include_prompt) = (Some(modes), include_prompt);
                }
                Module::OnTokens(step) if tokens && self.pooling.is_none() => self.token_steps.push(step),
                // Late interaction has no vector of the text: such a layer works on tokens, if at all.
                Module::OnText(step @ Step::Dense(_)) if self.late.is_some() && self.pooling.is_none() => {
                    self.token_steps.push(step);
                }
                Module::OnText(Step::Normalize) if self.late.is_some() && self.pooling.is_none() => {}
                Module::MultiVectorMask(mask) if tokens => {
                    self.late.get_or_insert_default().mask = Some(mask);
                }
                Module::MultiVectorMask(_) => return Err("it has a MultiVectorMask where there are no tokens"),
                Module::SpladePooling(pooling)
                    if tokens && self.splade.is_none() && self.pooling.is_none() && self.token_steps.is_empty() =>
                {
                    self.splade = Some(pooling);
                }
                Module::SpladePooling(_) => return Err("it has a SpladePooling where there are no logits to pool"),
                _ if self.splade.is_some() => return Err("a module after SpladePooling is not implemented"),
                Module::OnText(step) if !tokens || self.pooling.is_some() => self.steps.push(step),
                Module::OnText(_) => return Err("a step on the vector of the text comes before Pooling"),
                Module::OnTokens(_) => {
                    return Err("a step on the vectors of tokens comes after pooling");
                }
                Module::Pooling { .. } => return Err("it has a Pooling where there is nothing to pool"),
                Module::Transformer(_) | Module::MlmTransformer(_) | Module::StaticEmbedding(_) => {
                    return Err("it has several encoders, which is not implemented");
                }
            }
        }
        if let Some(late) = self.late.as_mut().filter(|late| late.implied) {
            let mask = late.implied_mask();
            late.mask.get_or_insert(mask);
            self.token_steps.push(Step::Normalize);
        }
        // At the end it is the user's to choose.
        self.normalize = self.steps.pop_if(|step| matches!(step, Step::Normalize)).is_some();
        Ok(())
    }

    /// Stanford's ColBERT has its projection in the checkpoint itself.
    fn read_stanford(&mut self, dir: &Path) -> Result<(), ModelError> {
        let Some((late, [query, document])) = stanford::read(dir)? else { return Ok(()) };
        self.late = Some(late);
        self.prompts = BTreeMap::from([("query".into(), query), ("document".into(), document)]);
        // Before the download there are no weights; a missing file is reported later.
        if ModuleWeights::find(dir).is_some() {
            let weights = ModuleWeights::open(dir)?;
            let Some(&[output, input]) = weights.shape("linear.weight") else {
                let reason = "it is of a ColBERT model, but the weights have no matrix \"linear.weight\"".into();
                return Err(ModelError::Config { path: dir.join("config.json"), reason });
            };
            let activation = Activation::Identity;
            let projection =
                DenseConfig { dir: dir.to_owned(), input, output, bias: false, activation, residual: false };
            self.token_steps = vec![Step::Dense(projection), Step::Normalize];
        }
        Ok(())
    }

    /// Directories of model2vec have all settings in config.json. Source: model2vec, `model.py`.
    fn read_model2vec(&mut self, path: &Path) -> Result<(), ModelError> {
        // An unreadable config.json is an error where its settings are needed, not here.
        let Ok(Some(json)) = read_json::<Json>(path) else { return Ok(()) };
        if json.get("model_type").and_then(Json::as_str) != Some("model2vec") {
            return Ok(());
        }
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        self.encoder = Encoder::Model2Vec;
        self.normalize = flag(&json, "normalize").map_err(refuse)?.unwrap_or(false);
        self.max_seq_length = match json.get("max_length") {
            None => Some(MODEL2VEC_MAX_LENGTH),
            Some(_) => positive(&json, "max_length").map_err(refuse)?,
        };
        Ok(())
    }

    fn read_transformer(&mut self, path: &Path, json: &Json) -> Result<(), ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        self.max_seq_length = positive(json, "max_seq_length").map_err(refuse)?;
        self.lowercase = flag(json, "do_lower_case").map_err(refuse)?.unwrap_or(false);
        if let Some(late) = &mut self.late {
            late.read_transformer(path, json)?;
        }
        match json.get("transformer_task").and_then(Json::as_str) {
            Some("fill-mask") if self.splade.is_none() => {
                Err(refuse("transformer_task = \"fill-mask\" without SpladePooling is not implemented".into()))
            }
            Some("feature-extraction") if self.splade.is_some() => {
                Err(refuse("transformer_task = \"feature-extraction\" gives SpladePooling no logits".into()))
            }
            _ => Ok(()),
        }
    }

    fn read_prompts(&mut self, path: &Path, json: &Json) -> Result<(), ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        if let Some(prompts) = json.get("prompts").filter(|p| !p.is_null()) {
            let prompts = BTreeMap::<String, Option<String>>::deserialize(prompts)
                .map_err(|e| refuse(format!("prompts are not a map of texts: {e}")))?;
            self.prompts = prompts.into_iter().map(|(name, text)| (name, text.unwrap_or_default())).collect();
        }
        late_interaction::prefixed_prompts(json, &mut self.prompts);
        self.truncate_dim = positive(json, "truncate_dim").map_err(refuse)?;
        if let Some(name) = json.get("default_prompt_name").filter(|name| !name.is_null()) {
            let name = name.as_str().ok_or_else(|| refuse(format!("default_prompt_name is {name}")))?;
            self.default_prompt_name = Some(name.to_owned());
            let prompt = self.prompts.get(name).cloned();
            self.default_prompt =
                Some(prompt.ok_or_else(|| refuse(format!("default_prompt_name \"{name}\" is not among the prompts")))?);
        }
        Ok(())
    }
}
