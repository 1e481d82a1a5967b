//! An engine of a served model for an output other than its own, loaded on the first request for it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::failure::Failure;
use super::spec::{Load, LoadError};
use crate::engine::{Engine, EngineError, OutputKind};
use crate::model::{Setting, fingerprint};
use crate::regular_file::Stamp;

/// The model's files when it was loaded.
pub(crate) type Origin = Vec<(PathBuf, Option<Stamp>)>;

/// True if `now` still has all of the files; loading for another output may have fetched more.
pub(crate) fn is_same(loaded: &Origin, now: &Origin) -> bool {
    loaded.iter().all(|file| now.contains(file))
}

/// The message if an engine would be loaded from other files than those of the first load.
pub(crate) const REPLACED: &str =
    "the model's files were replaced after it was loaded, and results would come from the new ones; restart the server";

/// An engine and the model's files, or the reason why it cannot be loaded, for clients.
type Loaded = Result<(Arc<dyn Engine>, Origin), String>;

/// The reason of a failed load, if it names no file of this machine.
fn reason_for_clients(error: &LoadError) -> Option<String> {
    use Setting::{Dimensions, MaxLength, Normalize, Pooling, Unscaled};
    let LoadError::Engine(error) = error else { return None };
    match &**error {
        EngineError::NoOutput { reason, .. } => Some((*reason).to_owned()),
        EngineError::Setting(e) => {
            let safe = matches!(e.setting, Pooling | Normalize | Unscaled | Dimensions | MaxLength);
            safe.then(|| format!("the server's setting {e}"))
        }
        _ => None,
    }
}

/// An engine that is loaded on first use.
#[derive(Default)]
pub(crate) struct LazyEngine(Arc<OnceCell<Loaded>>);

impl LazyEngine {
    /// The engine, if it is loaded.
    pub(crate) fn loaded(&self) -> Option<&Arc<dyn Engine>> {
        self.0.get()?.as_ref().ok().map(|(engine, _)| engine)
    }

    /// The engine for `output`, loaded by `load` from the same weights as `own`. `name`: the model's, for messages.
    pub(crate) async fn get(
        &self,
        output: OutputKind,
        load: &Load,
        name: &str,
        own: &Origin,
    ) -> Result<Arc<dyn Engine>, Failure> {
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
                let failed = |e: &dyn std::fmt::Display, reason: Option<String>| {
                    let what = output.noun();
                    tracing::info!("{name}: no {what}: {e}");
                    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                    format!("{name} gives no {what}{reason}")
                };
                match tokio::task::spawn_blocking(load).await {
                    Ok(loaded) => loaded.map_err(|e| failed(&e, reason_for_clients(&e))),
                    Err(e) => Err(failed(&e, None)),
                }
            });
            loaded.await.clone()
        });
        let loaded = loading.await.map_err(|e| Failure::Internal(format!("the model could not be loaded: {e}")))?;
        let (engine, origin) = loaded.map_err(Failure::Unsupported)?;
        if is_same(own, &origin) { Ok(engine) } else { Err(Failure::Unavailable(REPLACED.into())) }
    }
}
