//! An engine of a served model for an output other than its own, loaded on the first request for it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::failure::Failure;
use super::spec::{Load, LoadError};
use crate::engine::{Engine, OutputKind};
use crate::model::fingerprint;
use crate::regular_file::Stamp;

/// The model's files when it was loaded.
pub type Origin = Vec<(PathBuf, Option<Stamp>)>;

/// True if `now` still has all of the files; loading for another output may have fetched more.
pub fn is_same(loaded: &Origin, now: &Origin) -> bool {
    loaded.iter().all(|file| now.contains(file))
}

/// The message if an engine would be loaded from other files than those of the first load.
pub const REPLACED: &str =
    "the model's files were replaced after it was loaded, and results would come from the new ones; restart the server";

/// An engine and the model's files, or the reason why it cannot be loaded.
type Loaded = Result<(Arc<dyn Engine>, Origin), String>;

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
        own: &Origin,
    ) -> Result<Arc<dyn Engine>, Failure> {
        let what = output.noun();
        let (cell, load, name) = (Arc::clone(&self.0), Arc::clone(load), name.to_owned());
        // In its own task: if the client leaves, the next one must not load it again.
        let loading = tokio::spawn(async move {
            let loaded = cell.get_or_init(|| async {
                let load = move || {
                    let engine = load(&|_| Ok(output))?;
                    let local = engine.info().local.as_ref();
                    let origin = local.map(|local| fingerprint::stamps(&local.model)).unwrap_or_default();
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
        if is_same(own, &origin) { Ok(engine) } else { Err(Failure::Unavailable(REPLACED.into())) }
    }
}
