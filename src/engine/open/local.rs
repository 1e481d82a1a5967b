//! A model of this process: its files are found or fetched, then it is loaded.

use std::sync::Arc;

use super::Host;
use crate::engine::classify::Classifier;
use crate::engine::rerank::{Method, Reranker};
use crate::engine::{Engine, EngineError, OnnxEngine, OnnxOptions, OutputKind, StaticEngine, TextOptions};
use crate::model::cache::HubEnv;
use crate::model::source::{Request, WeightsFile};
use crate::model::task::{CrossEncoder, Task};
use crate::model::{DEFAULT_MODEL, Model, Setting, SettingError};
use crate::runtime::device::Dtype;
use crate::runtime::library::Library;
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
        let find = || -> Result<Library, EngineError> {
            let library = host.search.find_or_install(&host.context)?;
            tracing::info!(version = library.version, "ONNX Runtime: {} ({})", library.path.display(), library.origin);
            Ok(library)
        };
        // Of the default model it is known that it needs ONNX Runtime: without, nothing is fetched in vain.
        let library = (self.request.model_id == DEFAULT_MODEL).then(find).transpose()?;
        let source = self.request.resolve(self.hub.clone().unwrap_or_else(HubEnv::from_env), &host.context)?;
        tracing::info!("model: {}", source.dir.display());
        let model = Model::read(source)?;
        if model.is_static() {
            return Ok(Prepared { runtime: None, model });
        }
        let library = library.map_or_else(find, Ok)?;
        Ok(Prepared { runtime: Some(Runtime::load(&library.path)?), model })
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

    /// Finds, fetches and loads the model for `output`. Blocks.
    ///
    /// # Errors
    /// As [`LocalOptions::prepare`] and [`LocalOptions::start`].
    pub(crate) fn open(&self, output: OutputKind, host: &Host) -> Result<Arc<dyn Engine>, EngineError> {
        self.start(self.prepare(host)?, output, host)
    }

    /// Opens the model for the way in which it scores documents. A prompt of the options is for queries alone. Blocks.
    ///
    /// # Errors
    /// [`EngineError`], also for a model that orders no documents.
    pub(crate) fn reranker(&self, raw_scores: bool, host: &Host) -> Result<Reranker, EngineError> {
        let text = TextOptions { prompt_queries: true, ..self.text.clone() };
        let options = Self { text, ..self.clone() };
        let prepared = options.prepare(host)?;
        if prepared.model.task == Task::Unknown && matches!(prepared.model.weights, WeightsFile::Onnx(_)) {
            // Only its output shows whether such a file scores pairs or makes vectors.
            match options.open(OutputKind::Logits, host) {
                Ok(engine) if engine.info().dimensions == Some(1) => {
                    return Reranker::new(engine, Method::unnamed_pairs(&prepared.model, raw_scores)?);
                }
                Ok(_) | Err(EngineError::Runtime(RuntimeError::Interface { .. })) => {}
                Err(e) => return Err(e),
            }
        }
        let method = Method::of(&prepared.model, raw_scores)?;
        tracing::info!("scoring: {method:?}");
        Reranker::new(options.start(prepared, method.output(), host)?, method)
    }

    /// Opens the model for labels of single texts, or of `pairs`. Blocks.
    ///
    /// # Errors
    /// [`EngineError`], also for a model without labels of such inputs.
    pub(crate) fn classifier(&self, pairs: bool, host: &Host) -> Result<Classifier, EngineError> {
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
        let head = prepared.model.head();
        let engine = self.start(prepared, OutputKind::Logits, host)?;
        let labels = head.labels(engine.info().known_dimensions()?)?;
        tracing::info!(labels = labels.names.len(), scores = labels.problem.function(), "classifying");
        Ok(Classifier::new(engine, labels))
    }
}
