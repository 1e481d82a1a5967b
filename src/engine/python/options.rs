//! Options of Python engines.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::PythonError;
use crate::engine::int8::SENTENCES;
use crate::engine::{EngineSpec, TextOptions};
use crate::model::tokenizer::Truncate;
use crate::runtime::cores;
use crate::runtime::device::DeviceKind;

/// The task of a Python engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PythonTask {
    #[default]
    Embed,
    /// Scores of documents, by a cross-encoder.
    Rerank,
}

/// Options for starting a Python engine.
#[derive(Debug, Clone)]
pub struct PythonOptions {
    /// The engine, its device and its options.
    pub spec: EngineSpec,
    /// The interpreter; `None`: the first that has what the engine needs ([`super::find`]).
    pub python: Option<PathBuf>,
    pub model_dir: PathBuf,
    /// infa's cache, for the engines' environment and for what is converted.
    pub cache: PathBuf,
    pub task: PythonTask,
    /// Settings of embedding that override the model's files.
    pub text: TextOptions,
    /// True if scores are those the model gives, without an activation function.
    pub raw_scores: bool,
    /// Texts in a batch; `None`: as the spec says (`b64`), or [`PythonOptions::BATCH`].
    pub batch: Option<NonZero<usize>>,
    /// Threads that compute an operation.
    pub threads: NonZero<usize>,
    /// Longest until the engine is ready: imports, conversion of the model, loading.
    pub start_timeout: Duration,
    /// Longest without an answer while requests wait for one.
    pub request_timeout: Duration,
}

impl PythonOptions {
    /// Texts in a batch: the default of sentence-transformers.
    pub const BATCH: NonZero<usize> = NonZero::new(32).expect("not zero");
    /// A large model is exported, converted and loaded in that time.
    pub const START_TIMEOUT: Duration = Duration::from_secs(900);
    /// A large request takes a slow machine that long.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(600);

    /// The usual options for vectors by `spec`, of the model in `model_dir`.
    pub fn new(spec: EngineSpec, model_dir: PathBuf, cache: PathBuf) -> Self {
        Self {
            spec,
            python: None,
            model_dir,
            cache,
            task: PythonTask::Embed,
            text: TextOptions::default(),
            raw_scores: false,
            batch: None,
            threads: NonZero::new(cores::usable()).unwrap_or(NonZero::<usize>::MIN),
            start_timeout: Self::START_TIMEOUT,
            request_timeout: Self::REQUEST_TIMEOUT,
        }
    }

    /// Checks that the engine supports the options, as far as possible without starting it.
    ///
    /// # Errors
    /// [`PythonError::Option`] names an unsupported one.
    pub fn check(&self) -> Result<(), PythonError> {
        self.setup().map(|_| ())
    }

    /// The first message to the process.
    pub(super) fn setup(&self) -> Result<Setup<'_>, PythonError> {
        let name = self.spec.kind.name();
        let refuse = |reason: String| Err(PythonError::Option(reason));
        self.spec.check().map_err(|e| PythonError::Option(e.to_string()))?;
        let Some(recipe) = self.spec.kind.python() else { return refuse(format!("{name} is not a Python engine")) };
        let mut options = self.spec.settings();
        options.entry("dtype").or_insert("float32");
        let TextOptions { max_length, truncate, pooling, normalize, dimensions, prompt, prompt_name, prompt_queries } =
            &self.text;
        if self.task == PythonTask::Rerank && !recipe.reranks {
            return refuse(format!("{name} makes vectors alone; torch scores documents"));
        }
        if pooling.is_some() {
            return refuse(format!("--pooling: {name} pools as the model's files say"));
        }
        let side = match truncate {
            Some(Truncate::None) => return refuse(format!("--truncate: {name} cuts what is too long")),
            Some(Truncate::Left) if !recipe.cuts_left => {
                return refuse(format!("--truncate: {name} cuts at the end alone"));
            }
            Some(Truncate::Left) => Some("left"),
            Some(Truncate::Right) => Some("right"),
            None => None,
        };
        if *max_length == Some(0) || *dimensions == Some(0) {
            return refuse("neither --max-length nor --dimensions can be 0".into());
        }
        if self.task == PythonTask::Rerank && prompt_name.is_some() {
            return refuse(format!("--prompt-name: {name} knows no prompts of rerankers; --prompt gives one"));
        }
        let device = match self.spec.device.unwrap_or_default().kind {
            DeviceKind::Auto => "auto",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Cpu | DeviceKind::Tensorrt => "cpu",
        };
        Ok(Setup {
            engine: name,
            task: self.task,
            model: self.model_dir.to_string_lossy().into_owned(),
            cache: self.cache.join("python").join("models").to_string_lossy().into_owned(),
            device,
            options,
            batch: self.batch.or(self.spec.batch()).unwrap_or(Self::BATCH),
            threads: self.threads,
            max_length: *max_length,
            side,
            // With an explicit flag, or after a cut, infa normalises.
            normalize: *normalize != Some(false),
            prompt: prompt.as_deref(),
            prompt_name: prompt_name.as_deref(),
            prompt_queries: *prompt_queries,
            raw_scores: self.raw_scores,
            calibration: SENTENCES.lines().collect(),
        })
    }
}

/// The first message to the process.
#[derive(Debug, Serialize)]
pub(super) struct Setup<'a> {
    engine: &'static str,
    task: PythonTask,
    model: String,
    /// The folder of converted models.
    cache: String,
    device: &'static str,
    /// The options of the spec: `dtype`, `attention`, …
    #[serde(flatten)]
    options: BTreeMap<&'static str, &'a str>,
    batch: NonZero<usize>,
    threads: NonZero<usize>,
    max_length: Option<usize>,
    /// At which end texts are cut.
    side: Option<&'static str>,
    /// True if vectors are scaled, if the model scales its vectors.
    normalize: bool,
    prompt: Option<&'a str>,
    prompt_name: Option<&'a str>,
    prompt_queries: bool,
    raw_scores: bool,
    /// Sentences to calibrate int8 by.
    calibration: Vec<&'static str>,
}
