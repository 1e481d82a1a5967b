//! sentence-transformers' own files: which module follows which, pooling, maximum length, prompts.
//!
//! Files: `modules.json`, `sentence_bert_config.json`, `1_Pooling/config.json`, `config_sentence_transformers.json`,
//! as `sentence_transformers` reads them (old boolean pooling keys and the new `pooling_mode` alike).

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;

use super::ModelError;
use super::pooling::Pooling;

/// What the model's files say about the way from text to vector.
#[derive(Debug, Clone)]
pub struct SentenceConfig {
    /// Where the transformer's files lie: the model's directory or one below it.
    pub transformer: PathBuf,
    /// Pooling modes, their results concatenated; `None` where no file says it.
    pub pooling: Option<Vec<Pooling>>,
    /// Whether the tokens of a prompt take part in pooling.
    pub include_prompt: bool,
    /// Whether the model normalises its vectors.
    pub normalize: bool,
    /// Longest text in tokens, specials included, where a file says it.
    pub max_seq_length: Option<usize>,
    /// Whether texts are lower-cased before tokenisation.
    pub lowercase: bool,
    /// Prompts by name: text that is put before the input.
    pub prompts: BTreeMap<String, String>,
    /// The prompt used when none is asked for.
    pub default_prompt: Option<String>,
    /// Its name.
    pub default_prompt_name: Option<String>,
    /// The length to which the model's vectors are cut, as they are (`truncate_dim`).
    pub truncate_dim: Option<usize>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

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

impl SentenceConfig {
    /// Reads the files under `dir`, the model's directory.
    pub fn read(dir: &Path) -> Result<Self, ModelError> {
        let mut config = Self {
            transformer: dir.to_owned(),
            pooling: None,
            include_prompt: true,
            normalize: false,
            max_seq_length: None,
            lowercase: false,
            prompts: BTreeMap::new(),
            default_prompt: None,
            default_prompt_name: None,
            truncate_dim: None,
        };
        // Without modules.json sentence-transformers reads none of the other files either.
        let Some(modules) = read_json::<Vec<Module>>(&dir.join("modules.json"))? else {
            return Ok(config);
        };
        config.read_modules(dir, &modules)?;
        for name in TRANSFORMER_CONFIGS {
            if let Some(json) = read_json::<Json>(&config.transformer.join(name))? {
                config.read_transformer(&config.transformer.join(name), &json)?;
                break;
            }
        }
        if let Some(json) = read_json::<Json>(&dir.join("config_sentence_transformers.json"))? {
            config.read_prompts(&dir.join("config_sentence_transformers.json"), &json)?;
        }
        Ok(config)
    }

    /// Adds the prompts that config.json keeps for the tasks of adapters, where no file of this library has them.
    pub(super) fn read_task_instructions(&mut self, config: &Json) {
        for (name, text) in config.get("task_instructions").and_then(Json::as_object).into_iter().flatten() {
            if let Some(text) = text.as_str() {
                self.prompts.entry(name.clone()).or_insert_with(|| text.to_owned());
            }
        }
    }

    fn read_modules(&mut self, dir: &Path, modules: &[Module]) -> Result<(), ModelError> {
        let file = dir.join("modules.json");
        let refuse = |reason: String| ModelError::Config { path: file.clone(), reason };
        for (position, module) in modules.iter().enumerate() {
            let path = safe_join(dir, &module.path)
                .ok_or_else(|| refuse(format!("\"{}\" leads out of the model's directory", module.path)))?;
            // "sentence_transformers.models.Pooling", or a longer path in newer versions: the class name decides.
            let class = module.kind.rsplit('.').next().unwrap_or_default();
            match (position, class) {
                (0, "Transformer") => self.transformer = path,
                // A generative reranker's: `generative` reads it.
                (1, "LogitScore") => {}
                (1, "Pooling") => self.read_pooling(&path.join("config.json"))?,
                (2, "Normalize") => self.normalize = true,
                _ => return Err(refuse(format!("module {position} of type {} is not implemented", module.kind))),
            }
        }
        if modules.is_empty() {
            return Err(refuse("it lists no modules".into()));
        }
        Ok(())
    }

    fn read_pooling(&mut self, path: &Path) -> Result<(), ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        let json: Json = read_json(path)?.ok_or_else(|| refuse("the file is missing".into()))?;
        let modes = match json.get("pooling_mode") {
            Some(Json::String(mode)) => vec![mode.as_str()],
            Some(Json::Array(modes)) => modes.iter().map(|m| m.as_str().unwrap_or_default()).collect(),
            Some(other) => return Err(refuse(format!("pooling_mode is {other}"))),
            None => legacy_modes(&json),
        };
        if modes.is_empty() {
            return Err(refuse("pooling_mode is an empty list".into()));
        }
        let modes: Option<Vec<Pooling>> = modes.iter().map(|mode| Pooling::parse(mode)).collect();
        self.pooling = Some(modes.ok_or_else(|| refuse(format!("an unknown pooling mode: {json}")))?);
        self.include_prompt = json.get("include_prompt").and_then(Json::as_bool).unwrap_or(true);
        Ok(())
    }

    fn read_transformer(&mut self, path: &Path, json: &Json) -> Result<(), ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        self.max_seq_length = positive(json, "max_seq_length").map_err(refuse)?;
        self.lowercase = json.get("do_lower_case").and_then(Json::as_bool).unwrap_or(false);
        Ok(())
    }

    fn read_prompts(&mut self, path: &Path, json: &Json) -> Result<(), ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        if let Some(prompts) = json.get("prompts").filter(|p| !p.is_null()) {
            self.prompts =
                BTreeMap::deserialize(prompts).map_err(|e| refuse(format!("prompts are not a map of texts: {e}")))?;
        }
        self.truncate_dim = positive(json, "truncate_dim").map_err(refuse)?;
        if let Some(name) = json.get("default_prompt_name").and_then(Json::as_str) {
            self.default_prompt_name = Some(name.to_owned());
            let prompt = self.prompts.get(name).cloned();
            self.default_prompt =
                Some(prompt.ok_or_else(|| refuse(format!("default_prompt_name \"{name}\" is not among the prompts")))?);
        }
        Ok(())
    }
}

/// A setting that is a positive number, or absent, or null.
fn positive(json: &Json, key: &str) -> Result<Option<usize>, String> {
    match json.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(n) => match n.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(n) if n > 0 => Ok(Some(n)),
            _ => Err(format!("{key} is {n}")),
        },
    }
}

/// The modes switched on by the boolean keys, in the order in which sentence-transformers concatenates them; the mean
/// if there is none.
fn legacy_modes(json: &Json) -> Vec<&'static str> {
    const KEYS: [(&str, &str); 6] = [
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_max_tokens", "max"),
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
        ("pooling_mode_weightedmean_tokens", "weightedmean"),
        ("pooling_mode_lasttoken", "lasttoken"),
    ];
    let on = |key: &str| json.get(key).and_then(Json::as_bool) == Some(true);
    let modes: Vec<&str> = KEYS.iter().filter(|(key, _)| on(key)).map(|&(_, mode)| mode).collect();
    if modes.is_empty() { vec!["mean"] } else { modes }
}

/// `dir/path`, if `path` is relative and stays below `dir`.
fn safe_join(dir: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)).then(|| dir.join(path))
}

/// Parses a JSON file; `None` if there is none.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, ModelError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ModelError::Io { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| ModelError::Config { path: path.to_owned(), reason: format!("not the JSON expected: {e}") })
}
