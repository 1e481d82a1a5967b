//! An engine of any kind, opened for vectors, scores or labels.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Host, LocalOptions, PythonModelOptions, ServerOptions};
use crate::engine::classify::Classifier;
use crate::engine::python::PythonTask;
use crate::engine::remote::{self, Wanted};
use crate::engine::rerank::{Method, Reranker};
use crate::engine::{Engine, EngineError, OutputKind, Role};
use crate::model::{Setting, SettingError};

/// An engine of any kind, and everything it is opened with.
#[derive(Clone)]
pub(crate) enum EngineOptions {
    Local(Box<LocalOptions>),
    Python(Box<PythonModelOptions>),
    Server(Box<ServerOptions>),
}

impl EngineOptions {
    /// Opens the engine for `output`, of texts that are embedded as `role`. A Python process and
    /// connections live on `runtime`. Blocks, as all of these do: asynchronous code calls them on a thread for blocking
    /// work.
    ///
    /// # Errors
    /// [`EngineError`] if it cannot be opened, or does not give the output.
    pub(crate) fn embedder(
        &self,
        output: OutputKind,
        role: Role,
        host: &Host,
        runtime: &Handle,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let only_vectors = |who: &str| {
            SettingError::new(Setting::OutputType, format!("{who} give one vector a text"))
                .hint("leave --output-type out, or use --engine onnx")
        };
        Ok(match self {
            Self::Local(local) => local.open(output, host)?,
            Self::Python(_) if output != OutputKind::Embedding => return Err(only_vectors("Python engines").into()),
            Self::Server(_) if output != OutputKind::Embedding => return Err(only_vectors("servers").into()),
            Self::Python(python) => python.start(PythonTask::Embed, false, host, runtime)?,
            Self::Server(server) => server.connect(Wanted::Vectors(role), false, host, runtime)?,
        })
    }

    /// Opens the engine for scores of documents: those that the model gives, without an activation function, if they
    /// are to be `raw_scores`.
    ///
    /// # Errors
    /// [`EngineError`] if it cannot be opened, or orders no documents.
    pub(crate) fn reranker(&self, raw_scores: bool, host: &Host, runtime: &Handle) -> Result<Reranker, EngineError> {
        let engine = match self {
            Self::Local(local) => return local.reranker(raw_scores, host),
            Self::Python(python) => python.start(PythonTask::Rerank, raw_scores, host, runtime)?,
            Self::Server(server) => server.connect(Wanted::Scores, raw_scores, host, runtime)?,
        };
        Reranker::new(engine, Method::Engine)
    }

    /// Opens the engine for labels of single texts, or of `pairs`. For a server `raw_scores` is fixed here; for a model
    /// of this process each request sets it.
    ///
    /// # Errors
    /// [`EngineError`] if it cannot be opened, or gives no labels.
    pub(crate) fn classifier(
        &self,
        pairs: bool,
        raw_scores: bool,
        host: &Host,
        runtime: &Handle,
    ) -> Result<Classifier, EngineError> {
        match self {
            Self::Local(local) => local.classifier(pairs, host),
            Self::Python(python) => {
                let reason = format!("{} makes vectors and scores, no labels", python.spec);
                Err(SettingError::new(Setting::Engine, reason)
                    .hint(format!("engines that do: onnx, {}", remote::servers(|can| can.classifies)))
                    .into())
            }
            Self::Server(server) => {
                Ok(Classifier::by_engine(server.connect(Wanted::Labels { pairs }, raw_scores, host, runtime)?))
            }
        }
    }
}
