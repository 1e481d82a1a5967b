//! The task of a model: vectors, scores of pairs, labels, …, by its files.
//!
//! `modules.json` with `config_sentence_transformers.json` decides where sentence-transformers saved the model; else
//! `architectures` of config.json does, as `transformers` and `CrossEncoder` read it.

use std::path::Path;

use serde_json::Value as Json;

use super::activation::Activation;
use super::labels;
use crate::model::ModelError;
use crate::model::files::json::read_json;

#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// A vector for a text.
    Embedding,
    /// One score for a pair of texts.
    CrossEncoder(CrossEncoder),
    /// A score for each of several labels, of a text or of a pair of texts.
    Classifier { labels: usize },
    /// A weight for each token of the vocabulary (SPLADE).
    Sparse,
    /// A vector for each token of a text (ColBERT).
    LateInteraction,
    /// A masked language model without fine-tuning, as far as its files show.
    MaskedLanguageModel,
    /// A language model that may judge a pair of texts by the token that it would write next.
    Generative(CrossEncoder),
    /// A task that infa does not support, by the name of its architecture.
    Other(String),
    /// Unknown from the files; the loaded graph decides.
    Unknown,
}

/// The way from logits to a score, as in sentence-transformers' `CrossEncoder`.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEncoder {
    /// The activation function; or the name of one that is not implemented, which raw scores do not need.
    pub activation: Result<Activation, String>,
    /// True if the files say that this is a cross-encoder; else it could be a classifier with one label as well.
    pub certain: bool,
}

impl Task {
    /// Reads the task from the files in `dir` and `config` (the parsed config.json).
    pub(crate) fn read(dir: &Path, config: &Json) -> Result<Self, ModelError> {
        let Some(modules) = read_json::<Json>(&dir.join("modules.json"))? else {
            return Ok(Self::of_architecture(config, &Json::Null));
        };
        let path = dir.join("config_sentence_transformers.json");
        let saved = read_json::<Json>(&path)?.unwrap_or(Json::Null);
        let classes = classes(&modules);
        Ok(match saved.get("model_type").and_then(Json::as_str) {
            Some("CrossEncoder") => match classes[..] {
                ["Transformer"] => Self::of_head(config, &saved, true),
                ["Transformer", "LogitScore"] => Self::Generative(CrossEncoder::read(config, &saved, true)),
                _ => {
                    let reason = format!("a CrossEncoder of the modules {} is not implemented", classes.join(", "));
                    return Err(ModelError::Config { path: dir.join("modules.json"), reason });
                }
            },
            Some("SparseEncoder") => Self::Sparse,
            Some("MultiVectorEncoder" | "ColBERT") => Self::LateInteraction,
            _ if classes.contains(&"SpladePooling") => Self::Sparse,
            _ => Self::Embedding,
        })
    }

    /// By the first of `architectures`.
    fn of_architecture(config: &Json, saved: &Json) -> Self {
        let first = config.get("architectures").and_then(|list| list.get(0)).and_then(Json::as_str);
        let Some(name) = first else {
            return Self::Unknown;
        };
        if name.ends_with("ForSequenceClassification") {
            Self::of_head(config, saved, false)
        } else if name.ends_with("ForMaskedLM") {
            Self::MaskedLanguageModel
        } else if name.ends_with("ForCausalLM") || name.ends_with("LMHeadModel") {
            Self::Generative(CrossEncoder::read(config, saved, false))
        } else if name.to_ascii_lowercase().contains("colbert") {
            Self::LateInteraction
        } else if name.contains("For") && !name.ends_with("Model") && !name.contains("ForPreTraining") {
            Self::Other(name.to_owned())
        } else {
            Self::Embedding
        }
    }

    /// With a classification head.
    fn of_head(config: &Json, saved: &Json, certain: bool) -> Self {
        match labels::count(config) {
            1 => Self::CrossEncoder(CrossEncoder::read(config, saved, certain)),
            labels => Self::Classifier { labels },
        }
    }

    /// The kind of model, with an article.
    pub fn description(&self) -> String {
        match self {
            Self::Embedding => "an embedding model (a vector for a text)".into(),
            Self::CrossEncoder(_) => "a cross-encoder (one score for a query with a document)".into(),
            Self::Classifier { labels } => format!("a classifier with {}", crate::plural::counted(*labels, "label")),
            Self::Sparse => "a sparse encoder (a weight for each token of the vocabulary)".into(),
            Self::LateInteraction => "a late-interaction model (a vector for each token)".into(),
            Self::MaskedLanguageModel => "a masked language model".into(),
            Self::Generative(_) => "a language model that answers whether a document fits a query".into(),
            Self::Other(name) => format!("a model of the kind {name}, which infa has no use for"),
            Self::Unknown => "a model of unknown kind".into(),
        }
    }

    pub fn command(&self) -> Option<&'static str> {
        match self {
            Self::Embedding | Self::MaskedLanguageModel => Some("infa embed turns texts into vectors with it"),
            Self::CrossEncoder(_) | Self::Generative(_) => Some("infa rerank orders documents by its scores"),
            Self::Classifier { .. } => Some("infa classify gives its labels"),
            Self::Sparse => Some("infa embed --output-type sparse gives its vectors, infa rerank orders documents"),
            Self::LateInteraction => {
                Some("infa embed --output-type colbert gives its vectors, infa rerank orders documents")
            }
            Self::Other(_) | Self::Unknown => None,
        }
    }
}

impl CrossEncoder {
    /// Reads `config` (the parsed config.json) of a model with one output number for a pair.
    pub fn of_one_label(config: &Json) -> Self {
        Self::read(config, &Json::Null, false)
    }

    /// `saved` is config_sentence_transformers.json, if it counts.
    fn read(config: &Json, saved: &Json, certain: bool) -> Self {
        let ours = config.get("sentence_transformers");
        // The first that is there decides, even if it is null; the oldest only counts with a value.
        let named = saved
            .get("activation_fn")
            .filter(|name| !name.is_null())
            .or_else(|| ours.and_then(|ours| ours.get("activation_fn")))
            .or_else(|| config.get("sbert_ce_default_activation_function"));
        let activation = match named {
            None | Some(Json::Null) => Ok(Activation::Sigmoid),
            Some(Json::String(path)) => Activation::parse(path).ok_or_else(|| path.clone()),
            Some(other) => Err(other.to_string()),
        };
        let certain = certain || ours.is_some() || named.is_some();
        Self { activation, certain }
    }
}

/// The class names of the modules.
fn classes(modules: &Json) -> Vec<&str> {
    let list = modules.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|module| module.get("type").and_then(Json::as_str))
        .map(|kind| kind.rsplit('.').next().unwrap_or(kind))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn task(config: Json, saved: Option<(&[&str], Json)>) -> Task {
        let dir = tempfile::tempdir().unwrap();
        if let Some((modules, saved)) = saved {
            let modules: Vec<Json> = modules.iter().map(|kind| json!({"path": "", "type": kind})).collect();
            std::fs::write(dir.path().join("modules.json"), Json::from(modules).to_string()).unwrap();
            std::fs::write(dir.path().join("config_sentence_transformers.json"), saved.to_string()).unwrap();
        }
        Task::read(dir.path(), &config).unwrap()
    }

    fn activation(task: &Task) -> (Result<Activation, &str>, bool) {
        let Task::CrossEncoder(ce) = task else { panic!("{task:?}") };
        (ce.activation.as_ref().map(|&a| a).map_err(String::as_str), ce.certain)
    }

    fn head(labels: usize) -> Json {
        let names: serde_json::Map<_, _> = (0..labels).map(|i| (i.to_string(), json!("x"))).collect();
        json!({"architectures": ["XForSequenceClassification"], "id2label": names})
    }

    #[test]
    fn architectures_decide_without_modules() {
        let of = |name: &str| task(json!({"architectures": [name]}), None);
        assert_eq!(of("BertModel"), Task::Embedding);
        assert_eq!(of("BertForPreTraining"), Task::Embedding);
        assert_eq!(of("BertForMaskedLM"), Task::MaskedLanguageModel);
        assert_eq!(of("HF_ColBERT"), Task::LateInteraction);
        assert_eq!(of("BertForTokenClassification"), Task::Other("BertForTokenClassification".into()));
        assert!(matches!(of("Qwen3ForCausalLM"), Task::Generative(_)));
        // Two labels by default, as in transformers.
        assert_eq!(of("BertForSequenceClassification"), Task::Classifier { labels: 2 });
        assert_eq!(task(head(3), None), Task::Classifier { labels: 3 });
        assert_eq!(activation(&task(head(1), None)), (Ok(Activation::Sigmoid), false));
        assert_eq!(task(Json::Null, None), Task::Unknown);
    }

    #[test]
    fn modules_go_before_architectures() {
        let kind = |modules: &[&str], model_type: &str| {
            task(json!({"architectures": ["Qwen3ForCausalLM"]}), Some((modules, json!({"model_type": model_type}))))
        };
        let transformer = "sentence_transformers.models.Transformer";
        assert_eq!(kind(&[transformer, "x.Pooling"], "SentenceTransformer"), Task::Embedding);
        assert_eq!(kind(&[transformer, "x.SpladePooling"], "SparseEncoder"), Task::Sparse);
        assert_eq!(kind(&[transformer, "pylate.models.Dense.Dense"], "ColBERT"), Task::LateInteraction);
        assert!(matches!(kind(&[transformer, "x.LogitScore"], "CrossEncoder"), Task::Generative(_)));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("modules.json"), r#"[{"type":"a.Transformer"},{"type":"a.Dense"}]"#).unwrap();
        std::fs::write(dir.path().join("config_sentence_transformers.json"), r#"{"model_type":"CrossEncoder"}"#)
            .unwrap();
        let error = Task::read(dir.path(), &Json::Null).unwrap_err().to_string();
        assert!(error.contains("modules.json") && error.contains("Transformer, Dense"), "{error}");
    }

    #[test]
    fn where_the_activation_function_is_named() {
        let named = |key: &str, value: Json| {
            let mut config = head(1);
            config[key] = value;
            config
        };
        let identity = "torch.nn.modules.linear.Identity";
        let new = named("sentence_transformers", json!({"activation_fn": identity, "version": "4.1"}));
        assert_eq!(activation(&task(new.clone(), None)), (Ok(Activation::Identity), true));
        let old = named("sbert_ce_default_activation_function", json!(identity));
        assert_eq!(activation(&task(old, None)), (Ok(Activation::Identity), true));
        let null = named("sentence_transformers", json!({"activation_fn": null}));
        assert_eq!(activation(&task(null, None)), (Ok(Activation::Sigmoid), true));
        let odd = named("sentence_transformers", json!({"activation_fn": "my.Own"}));
        assert_eq!(activation(&task(odd, None)), (Err("my.Own"), true));
        // The file beside modules.json overrides config.json.
        let saved = json!({"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.activation.Tanh"});
        let modules: &[&str] = &["a.Transformer"];
        assert_eq!(activation(&task(new.clone(), Some((modules, saved)))), (Ok(Activation::Tanh), true));
        let saved = json!({"model_type": "CrossEncoder", "activation_fn": null});
        assert_eq!(activation(&task(new, Some((modules, saved)))), (Ok(Activation::Identity), true));
    }
}
