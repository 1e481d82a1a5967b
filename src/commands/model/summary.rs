//! A description of a model, collected without running it. Nothing is fatal: unreadable and unsupported parts are
//! named, and the rest is described.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value as Json;

use super::{Use, uses};
use crate::engine::int8::Report;
use crate::engine::{self, OutputKind};
use crate::graph::{self, Description};
use crate::kernels::Set;
use crate::model::late_interaction::LateInteraction;
use crate::model::modules::Step;
use crate::model::source::{Source, WeightsFile};
use crate::model::static_embedding::StaticTable;
use crate::model::task::Task;
use crate::model::weights::Weights;
use crate::model::{Model, wanted_of};
use crate::regular_file;
use crate::runtime::device::{Dtype, Kernels};

/// A description of a model. Unknown parts are absent.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub model: String,
    pub directory: PathBuf,
    /// Subcommands, the main one first.
    pub uses: Vec<&'static str>,
    /// The file that would run.
    pub runs: Option<String>,
    /// The reasons that it would not run.
    pub problems: Vec<String>,
    /// `model_type` of config.json, and the first of its `architectures`.
    pub architecture: Option<String>,
    pub class: Option<String>,
    pub parameters: Option<u64>,
    /// Number formats of the weights.
    pub dtypes: Vec<String>,
    /// Int8 weights that were made of them, and are in the cache.
    pub int8: Vec<Report>,
    pub vocabulary: Option<usize>,
    /// Operators of the layers in each number format, on this machine by default.
    pub layers: Option<String>,
    /// Length of the vectors.
    pub dimensions: Option<usize>,
    /// Longest text in tokens.
    pub max_length: Option<usize>,
    pub pooling: Vec<&'static str>,
    pub normalize: Option<bool>,
    /// Modules after the transformer that change vectors.
    pub steps: Vec<String>,
    pub late_interaction: Option<Late>,
    pub prompts: BTreeMap<String, String>,
    pub default_prompt: Option<String>,
    /// Differences of tokenisation from tokenizer.json.
    pub tokenizer: Vec<String>,
    pub labels: Vec<String>,
    /// The function from logits to scores.
    pub scores: Option<String>,
    /// True if all of the model is a table of static embeddings.
    #[serde(skip)]
    table: bool,
    pub files: Vec<File>,
}

/// The treatment of queries and documents by a late-interaction model.
#[derive(Debug, Serialize)]
pub(super) struct Late {
    pub query_length: Option<usize>,
    pub document_length: Option<usize>,
    /// Length in tokens to which queries are expanded.
    pub query_expansion: Option<usize>,
    /// Words that have no vector.
    pub skipped_words: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct File {
    pub name: String,
    pub bytes: u64,
}

impl Summary {
    /// Gathers what there is to know; `problem` is why nothing runs, if that is known already. `cache` is where int8
    /// weights would be.
    pub(crate) fn new(source: Source, problem: Option<String>, cache: &Path) -> Self {
        let mut summary = Self {
            model: source.name.clone(),
            directory: source.dir.clone(),
            files: of_model(files(&source.dir), &source),
            ..Self::default()
        };
        let weightless = problem.is_some();
        summary.problems.extend(problem);
        match Model::read(source.clone()) {
            Ok(model) => summary.read(&model, weightless, cache),
            Err(e) => {
                // What an .onnx file lacks beside it is known already.
                if !(weightless && Path::new(&source.name).is_file()) {
                    summary.problems.push(with_hint(&e, e.hint()));
                }
                let config = regular_file::read(&source.dir.join("config.json"), regular_file::SETTINGS);
                let config = config.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Json::Null);
                summary.read_config(&config);
            }
        }
        if summary.problems.is_empty() {
            summary.runs = Some(match &source.weights {
                WeightsFile::Onnx(path) => path.display().to_string(),
                WeightsFile::Safetensors(_) if summary.table => "static embeddings: a table".into(),
                WeightsFile::Safetensors(_) => "an ONNX graph built from the safetensors".into(),
            });
        } else {
            summary.uses.clear();
        }
        summary
    }

    fn read_config(&mut self, config: &Json) {
        let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_owned);
        self.architecture = text(config.get("model_type"));
        self.class = text(config.get("architectures").and_then(|names| names.get(0)));
        self.labels = labels(config);
    }

    fn read(&mut self, model: &Model, weightless: bool, cache: &Path) {
        let sentence = &model.sentence;
        self.read_config(&model.config);
        self.tokenizer = model.tokenizer.remarks.clone();
        let uses = uses(model);
        if uses.is_empty() {
            self.problems.push(format!("it is {}", model.task.description()));
        }
        let scores = matches!(uses.first(), Some(Use::Rerank | Use::Classify));
        self.table = model.is_static();
        self.scores = if scores { score_function(model) } else { None };
        self.uses = uses.into_iter().map(Use::name).collect();
        self.prompts = sentence.prompts.iter().filter(|(_, text)| !text.is_empty()).map(clone).collect();
        self.default_prompt = sentence.default_prompt.clone().filter(|text| !text.is_empty());
        self.late_interaction = sentence.late.as_ref().map(Late::of);
        self.steps = sentence.token_steps.iter().chain(&sentence.steps).map(step).collect();
        let described = match &model.weights {
            WeightsFile::Safetensors(path) => self.read_weights(path, model, weightless, cache),
            WeightsFile::Onnx(_) => None,
        };
        let hidden = described.map(|d| d.hidden).or(self.dimensions);
        self.vocabulary = described.map(|d| d.vocab).or(self.vocabulary);
        // Lexical weights are made of texts of one length.
        self.layers = described.map(|d| layers(d.own_layers && sentence.splade.is_none()));
        if sentence.splade.is_some() {
            self.dimensions = self.vocabulary;
        } else if sentence.late.is_some() {
            self.dimensions = sentence.token_steps.iter().rev().find_map(Step::output).or(hidden);
        } else if !scores {
            let modes = if model.is_static() { Vec::new() } else { model.pooling(None) };
            let pooled = hidden.map(|hidden| {
                let width = sentence.token_steps.iter().rev().find_map(Step::output).unwrap_or(hidden);
                width * modes.len().max(1)
            });
            let made = sentence.steps.iter().rev().find_map(Step::output).or(pooled);
            self.dimensions = made.map(|width| sentence.truncate_dim.map_or(width, |cut| cut.min(width)));
            self.pooling = modes.into_iter().map(crate::model::pooling::Pooling::name).collect();
            self.normalize = Some(sentence.normalize);
        }
        self.max_length = engine::max_length(
            model,
            if scores { OutputKind::Logits } else { OutputKind::Embedding },
            None,
            described.and_then(|d| d.max_positions),
        )
        .ok();
    }

    /// Reads the headers of the weights, and config.json for the graph.
    fn read_weights(&mut self, path: &Path, model: &Model, weightless: bool, cache: &Path) -> Option<Description> {
        let weights = match Weights::open(path) {
            Ok(weights) => Some(weights),
            Err(_) if weightless => None,
            Err(e) => {
                self.problems.push(with_hint(&e, e.hint()));
                None
            }
        };
        if let Some(weights) = &weights {
            let mut dtypes = BTreeMap::new();
            for (_, tensor) in weights.tensors() {
                let name = format!("{:?}", tensor.dtype);
                // Integers are positions and the like.
                if name.contains('F') {
                    *dtypes.entry(name).or_insert(0u64) += tensor.shape.iter().map(|&n| n as u64).product::<u64>();
                }
            }
            self.parameters = Some(dtypes.values().sum());
            self.dtypes = dtypes.into_keys().collect();
            self.int8 = engine::int8::reports(cache, weights);
        }
        if model.is_static() {
            let table = StaticTable::open(path).ok();
            self.dimensions = table.as_ref().map(StaticTable::width);
            self.vocabulary = table.as_ref().map(StaticTable::tokens);
            return None;
        }
        let described = match graph::describe(&model.config) {
            Ok(described) => Some(described),
            Err(e) => {
                self.problems.push(with_hint(&e, e.hint()));
                None
            }
        };
        if let (Some(weights), Some(described)) = (&weights, described)
            && let Err(e) = weights.prefix_of(described.anchor)
        {
            self.problems.push(with_hint(&e, e.hint()));
        }
        let own_layers = weights.as_ref().map(|weights| graph::has_own_layers(&model.config, weights));
        described.map(|described| Description { own_layers: own_layers.unwrap_or(described.own_layers), ..described })
    }
}

/// Operators of a model's layers by number format: ONNX Runtime's built-in ones, or those of an instruction set, for `whole`
/// layers or their products alone.
fn layers(whole: bool) -> String {
    let by = |dtype: Dtype| {
        let set = Kernels::Auto.resolve(dtype).ok()?;
        let part = if whole || set.is_none() { "" } else { " (products)" };
        Some(format!("{dtype}: {}{part}", set.map_or(Kernels::Builtin.name(), Set::name)))
    };
    [Dtype::Float32, Dtype::Bfloat16, Dtype::Int8].into_iter().filter_map(by).collect::<Vec<_>>().join(", ")
}

/// An error in one line, with what to do about it.
pub(super) fn with_hint(error: &dyn Display, hint: Option<String>) -> String {
    hint.map_or_else(|| error.to_string(), |hint| format!("{error} ({hint})"))
}

impl Late {
    fn of(late: &LateInteraction) -> Self {
        Self {
            query_length: late.query_length,
            document_length: late.document_length,
            query_expansion: late.expansion.as_ref().map(|expansion| expansion.length),
            skipped_words: late.mask.as_ref().map_or(0, |mask| mask.skiplist_words.len()),
        }
    }
}

fn clone((name, text): (&String, &String)) -> (String, String) {
    (name.clone(), text.clone())
}

fn step(step: &Step) -> String {
    match step {
        Step::Dense(dense) => format!("Dense {} → {} ({:?})", dense.input, dense.output, dense.activation),
        Step::LayerNorm(norm) => format!("LayerNorm {}", norm.dimension),
        Step::Normalize => "Normalize".into(),
    }
}

/// The function from the logits of a reranker or a classifier to scores.
fn score_function(model: &Model) -> Option<String> {
    match &model.task {
        Task::CrossEncoder(cross) | Task::Generative(cross) => Some(match &cross.activation {
            Ok(activation) => activation.name().to_owned(),
            Err(path) => format!("{path}, which is not implemented (--raw-scores goes without)"),
        }),
        Task::Classifier { labels } => {
            model.head().labels(*labels).ok().map(|labels| labels.problem.function().to_owned())
        }
        _ => None,
    }
}

/// The names of the labels of a classification head, in the order of their numbers.
fn labels(config: &Json) -> Vec<String> {
    let classifies = config.get("architectures").and_then(|names| names.get(0)).and_then(Json::as_str);
    let names = config.get("id2label").and_then(Json::as_object);
    let (Some(names), true) = (names, classifies.is_some_and(|name| name.ends_with("ForSequenceClassification")))
    else {
        return Vec::new();
    };
    let numbered = names.iter().map(|(id, name)| (id.parse::<u64>().unwrap_or(u64::MAX), name));
    let mut numbered: Vec<_> = numbered.collect();
    numbered.sort_by_key(|&(id, _)| id);
    numbered.into_iter().map(|(_, name)| name.as_str().map_or_else(|| name.to_string(), str::to_owned)).collect()
}

/// The model's own files in its directory: an `.onnx` file that is named may lie anywhere.
fn of_model(mut files: Vec<File>, source: &Source) -> Vec<File> {
    let onnx = Path::new(&source.name);
    if !onnx.is_file() {
        return files;
    }
    // The directory may be the one above that of the file.
    let path = std::path::absolute(onnx).unwrap_or_else(|_| onnx.to_owned());
    let dir = std::path::absolute(&source.dir).unwrap_or_else(|_| source.dir.clone());
    let onnx = path.strip_prefix(&dir).unwrap_or(&path);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let wanted = wanted_of(&names, Some(onnx));
    // Any other .json may be one of the user's.
    let is_setting = |name: &str| ["config", "token", "vocab", "modules"].iter().any(|part| name.contains(part));
    files.retain(|file| wanted.contains(&file.name) && (!file.name.ends_with(".json") || is_setting(&file.name)));
    files
}

/// The files of a model's directory and of those right below it.
fn files(dir: &Path) -> Vec<File> {
    let list = |sub: &Path| std::fs::read_dir(dir.join(sub)).into_iter().flatten().flatten().collect::<Vec<_>>();
    let mut files = Vec::new();
    let mut add = |sub: &Path, below: bool| {
        let mut folders = Vec::new();
        for entry in list(sub) {
            let name = sub.join(entry.file_name());
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            // Follows links; the Hugging Face cache consists of them.
            match std::fs::metadata(entry.path()) {
                Ok(about) if about.is_file() && !hidden => {
                    files.push(File { name: name.display().to_string(), bytes: about.len() });
                }
                Ok(about) if about.is_dir() && !hidden && below => folders.push(name),
                _ => {}
            }
        }
        folders
    };
    for folder in add(Path::new(""), true) {
        add(&folder, false);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}
