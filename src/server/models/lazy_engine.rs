//! An engine of a served model for an output other than its own, loaded on the first request for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::OnceCell;

use super::failure::Failure;
use super::spec::{Load, LoadError};
use crate::engine::{Engine, OutputKind};
use crate::model::Model;
use crate::model::source::Weights;

/// The path, modification time and length of a file of weights. A replaced file differs.
pub type Origin = (PathBuf, SystemTime, u64);

/// The file of the model's weights; `None` if it is gone.
pub fn origin(model: &Model) -> Option<Origin> {
    let (Weights::Safetensors(path) | Weights::Onnx(path)) = &model.weights;
    let metadata = std::fs::metadata(path).ok()?;
    Some((path.clone(), metadata.modified().ok()?, metadata.len()))
}

/// The message if the engine would be loaded from other files than the model.
const REPLACED: &str = "the model's files were replaced after it was loaded, and this output would come from the new ones; restart the server";

/// An engine and the file of its weights, or the reason why it cannot be loaded.
type Loaded = Result<(Arc<dyn Engine>, Option<Origin>), String>;

/// An engine that is loaded on first use.
#[derive(Default)]
pub struct LazyEngine(Arc<OnceCell<Loaded>>);

impl LazyEngine {
    /// The engine, if it is loaded.
    pub fn loaded(&self) -> Option<&Arc<dyn Engine>> {
        self.0.get()?.as_ref().ok().map(|(engine, _)| engine)
    }

    /// The engine for `output`, loaded by `load` from the same weights as `own`. `name`: the model's, for messages.
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
        // In its own task: if the client leaves, the next one must not load it again.
        let loading = tokio::spawn(async move {
            let loaded = cell.get_or_init(|| async {
                let load = move || {
                    let engine = load(&|_| Ok(output))?;
                    let origin = engine.info().local.as_ref().and_then(|local| origin(&local.model));
                    Ok::<_, LoadError>((engine, origin))
                };
                let loaded = tokio::task::spawn_blocking(load).await;
                let loaded = loaded.map_err(|e| e.to_string()).and_then(|loaded| loaded.map_err(|e| e.to_string()));
                // The reason names flags and files, which are for the log only.
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
