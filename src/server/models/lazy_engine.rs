//! An engine of a served model for another output than the model's own, loaded on the first request for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::OnceCell;

use super::failure::Failure;
use super::spec::{Load, LoadError};
use crate::engine::{Engine, OutputKind};
use crate::model::Model;
use crate::model::source::Weights;

/// A file of weights: its path, time of change and length. Another one has another.
pub type Origin = (PathBuf, SystemTime, u64);

/// Where the weights of `model` come from; `None` if the file is gone.
pub fn origin(model: &Model) -> Option<Origin> {
    let (Weights::Safetensors(path) | Weights::Onnx(path)) = &model.weights;
    let metadata = std::fs::metadata(path).ok()?;
    Some((path.clone(), metadata.modified().ok()?, metadata.len()))
}

/// The reply where the rest of a model can only be loaded from other files than the model itself.
const REPLACED: &str = "the model's files were replaced after it was loaded, and what is asked for would come from the new ones; the server must be restarted";

/// An engine and the weights that it was loaded from, or the reason why it cannot be loaded.
type Loaded = Result<(Arc<dyn Engine>, Option<Origin>), String>;

/// An engine that is loaded when it is needed.
#[derive(Default)]
pub struct LazyEngine(Arc<OnceCell<Loaded>>);

impl LazyEngine {
    /// The engine, if it was loaded.
    pub fn loaded(&self) -> Option<&Arc<dyn Engine>> {
        self.0.get()?.as_ref().ok().map(|(engine, _)| engine)
    }

    /// The engine for `output`, loaded by `load` from the same weights as `own`; `name` is the model's.
    pub async fn get(
        &self,
        output: OutputKind,
        load: &Load,
        name: &str,
        own: &Option<Origin>,
    ) -> Result<Arc<dyn Engine>, Failure> {
        let what = match output {
            OutputKind::Sparse => "sparse vectors",
            OutputKind::TokenVectors => "vectors of tokens",
            _ => "hidden states of tokens",
        };
        let (cell, load, name) = (Arc::clone(&self.0), Arc::clone(load), name.to_owned());
        // In a task of its own: a client that leaves must not make the next one load it again.
        let loading = tokio::spawn(async move {
            let loaded = cell.get_or_init(|| async {
                let load = move || {
                    let engine = load(&|_| Ok(output))?;
                    let origin = engine.info().local.as_ref().and_then(|local| origin(&local.model));
                    Ok::<_, LoadError>((engine, origin))
                };
                let loaded = tokio::task::spawn_blocking(load).await;
                let loaded = loaded.map_err(|e| e.to_string()).and_then(|loaded| loaded.map_err(|e| e.to_string()));
                // The reason names flags and files, which are the operator's and not the client's.
                loaded.map_err(|reason| {
                    tracing::info!("{name}: no {what}: {reason}");
                    format!("{name} gives no {what}")
                })
            });
            loaded.await.clone()
        });
        let loaded = loading.await.map_err(|e| Failure::Internal(format!("the model could not be loaded: {e}")))?;
        let (engine, origin) = loaded.map_err(Failure::Unsupported)?;
        if origin == *own { Ok(engine) } else { Err(Failure::Unavailable(REPLACED.into())) }
    }
}
