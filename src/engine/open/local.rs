//! A model of this process: its files are found or fetched, then it is loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{EngineFacts, Host, OpenedEngine, Processes, Purpose};
use crate::engine::rerank::Method;
use crate::engine::{Engine, EngineError, EngineInfo, OnnxEngine, OnnxOptions, OutputKind, StaticEngine, TextOptions};
use crate::model::cache::HubEnv;
use crate::model::source::{Request, WeightsFile};
use crate::model::task::{CrossEncoder, Task};
use crate::model::weights::Access;
use crate::model::{DEFAULT_MODEL, Model, Setting, SettingError};
use crate::runtime::device::Dtype;
use crate::runtime::{Runtime, RuntimeError};

#[derive(Clone)]
pub(crate) struct LocalOptions {
    pub request: Request,
    /// The Hub, where it is not the environment's.
    pub hub: Option<HubEnv>,
    pub onnx: OnnxOptions,
    pub text: TextOptions,
}

/// A model whose files are here and read, and the library that it runs on.
pub(crate) struct Prepared {
    /// `None` for a table of static embeddings.
    runtime: Option<Runtime>,
    pub model: Model,
}

impl LocalOptions {
    /// Finds (or fetches) the model and, where it needs one, ONNX Runtime, and reads the model's files. Blocks.
    ///
    /// # Errors
    /// [`EngineError`] if one of them cannot be found, fetched or read.
    pub(crate) fn prepare(&self, host: &Host) -> Result<Prepared, EngineError> {
        // Of the default model it is known that it needs ONNX Runtime: without, nothing is fetched in vain.
        let library = (self.request.model_id == DEFAULT_MODEL).then(|| host.library()).transpose()?;
        let source = self.request.resolve(self.hub.clone().unwrap_or_else(HubEnv::from_env), &host.context)?;
        tracing::info!("model: {}", source.dir.display());
        let model = Model::read(source)?;
        if model.is_static() {
            return Ok(Prepared { runtime: None, model });
        }
        let library = library.map_or_else(|| host.library(), Ok)?;
        let runtime = Runtime::load(&library.path)?;
        if self.onnx.device.is_gpu() && !runtime.providers().contains(&"CUDA") {
            let provider = "libonnxruntime_providers_cuda.so".to_owned();
            return Err(RuntimeError::CpuBuild { path: runtime.path().to_owned(), provider }.into());
        }
        Ok(Prepared { runtime: Some(runtime), model })
    }

    /// Loads the model for `output`. Blocks.
    ///
    /// # Errors
    /// [`EngineError`] if the model does not give it, or an option does not fit the model.
    pub(crate) fn start(
        &self,
        prepared: Prepared,
        output: OutputKind,
        host: &Host,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let Prepared { runtime, model } = prepared;
        let mut options = self.onnx.clone();
        options.int8.progress = Arc::clone(&host.context.progress);
        Ok(match runtime {
            Some(runtime) => Arc::new(OnnxEngine::new(&runtime, model, output, &self.text, options)?),
            None if matches!(options.dtype, Dtype::Int8 | Dtype::Bfloat16) => {
                let reason = format!("{} is a table of static embeddings, in which nothing is multiplied", model.name);
                return Err(SettingError::new(Setting::Dtype, reason)
                    .value(options.dtype.name())
                    .hint("leave it out")
                    .into());
            }
            None => {
                let OnnxOptions { threads, access, .. } = options;
                Arc::new(StaticEngine::new(model, output, &self.text, threads.get(), access)?)
            }
        })
    }

    /// Finds, fetches and loads the model. Blocks.
    ///
    /// # Errors
    /// As [`LocalOptions::prepare`] and [`LocalOptions::start`]; or if it does not do what it is opened for.
    pub(super) fn open(&self, purpose: Purpose<'_>, host: &Host) -> Result<OpenedEngine, EngineError> {
        let engine = match purpose {
            Purpose::Embed { output, .. } => self.start(self.prepare(host)?, output, host)?,
            Purpose::Rerank { raw_scores } => self.scores(raw_scores, host)?,
            Purpose::Classify { pairs, .. } => self.labels(pairs, host)?,
        };
        let facts = self.facts(engine.info());
        Ok(OpenedEngine { engine, facts, processes: Processes::This, server: None })
    }

    /// Loads the model for the way in which it scores documents. A prompt of the options is for queries alone.
    fn scores(&self, raw_scores: bool, host: &Host) -> Result<Arc<dyn Engine>, EngineError> {
        let text = TextOptions { prompt_queries: true, ..self.text.clone() };
        let options = Self { text, ..self.clone() };
        let prepared = options.prepare(host)?;
        if prepared.model.task == Task::Unknown && matches!(prepared.model.weights, WeightsFile::Onnx(_)) {
            // Only its output shows whether such a file scores pairs or makes vectors.
            match options.start(options.prepare(host)?, OutputKind::Logits, host) {
                Ok(engine) if engine.info().dimensions == Some(1) => return Ok(engine),
                Ok(_) | Err(EngineError::Runtime(RuntimeError::Interface { .. })) => {}
                Err(e) => return Err(e),
            }
        }
        let method = Method::of(&prepared.model, raw_scores)?;
        options.start(prepared, method.output(), host)
    }

    /// Loads the model for labels of single texts, or of `pairs`.
    fn labels(&self, pairs: bool, host: &Host) -> Result<Arc<dyn Engine>, EngineError> {
        let prepared = self.prepare(host)?;
        let refuse = |what: &str| Err(EngineError::wrong_task(&prepared.model, what));
        match &prepared.model.task {
            Task::CrossEncoder(CrossEncoder { certain: true, .. }) | Task::Generative(_) if !pairs => {
                return refuse("it scores pairs of texts and gives single ones no labels");
            }
            Task::Embedding
            | Task::MaskedLanguageModel
            | Task::Sparse
            | Task::LateInteraction
            | Task::Generative(_) => {
                return refuse("it has no labels");
            }
            // The engine refuses what has no classification head.
            _ => {}
        }
        self.start(prepared, OutputKind::Logits, host)
    }

    fn facts(&self, info: &EngineInfo) -> EngineFacts {
        let mut details = BTreeMap::new();
        if let Some(local) = &info.local {
            details.extend([
                ("dtype".to_owned(), local.dtype.to_string()),
                ("kernels".to_owned(), local.kernels.to_owned()),
                ("threads".to_owned(), local.threads.to_string()),
                ("batch tokens".to_owned(), local.batch_tokens.to_string()),
            ]);
            details.extend(local.library.clone().map(|version| ("ONNX Runtime".to_owned(), version)));
        }
        if let [first, ..] = self.onnx.device.gpus() {
            let names: Vec<&str> = self.onnx.device.gpus().iter().map(|gpu| gpu.name.as_str()).collect();
            details.insert("device".into(), self.onnx.device.name());
            details.insert("GPU".into(), names.join(", "));
            details.insert("driver".into(), first.driver.clone());
        }
        if self.onnx.access == Access::Copy {
            details.insert("weights".into(), "copied".into());
        }
        EngineFacts { version: Some(format!("infa {}", env!("CARGO_PKG_VERSION"))), details }
    }
}
