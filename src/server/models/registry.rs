//! The served models, the unloading of idle ones and the watch over their files.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ModelSpec, ServedModel};

/// The models, in the order of the command line.
pub struct Models {
    pub(super) models: Vec<Arc<ServedModel>>,
    /// True if a request's name must be one of the models', even with a single model.
    pub(super) strict_names: bool,
}

/// Interval between attempts to load a model again that could not be.
const RETRY: Duration = Duration::from_secs(30);

/// Interval between checks of the model files.
const WATCH: Duration = Duration::from_millis(500);

impl Models {
    /// `specs`: at least one, with different names.
    pub fn new(specs: Vec<ModelSpec>) -> Self {
        Self { models: specs.into_iter().map(ServedModel::new).collect(), strict_names: false }
    }

    /// With `strict`, a server of one model accepts only the names of that model.
    pub fn strict(self, strict: bool) -> Self {
        Self { strict_names: strict, ..self }
    }

    pub fn all(&self) -> &[Arc<ServedModel>] {
        &self.models
    }

    pub fn all_ready(&self) -> bool {
        self.models.iter().all(|model| model.is_ready())
    }

    /// The reason why a model does not serve requests, for people; `None` if all do.
    pub fn not_ready_reason(&self) -> Option<String> {
        self.models.iter().find_map(|model| model.not_ready_reason())
    }

    /// Checks the files of loaded models, so that a change is logged before a request meets it. Blocks until `stop`.
    pub fn watch_files(&self, stop: impl Fn() -> bool) {
        while !stop() {
            std::thread::sleep(WATCH);
            self.models.iter().for_each(|model| model.check_files());
        }
    }

    /// Unloads models that have had no request for `idle`. Blocks until `stop`.
    ///
    /// A model is never unloaded earlier than `idle` after the end of its last request.
    pub fn unload_idle(&self, idle: Duration, stop: impl Fn() -> bool) {
        let tick = (idle / 16).clamp(Duration::from_millis(5), Duration::from_secs(5));
        let mut seen: Vec<(u64, Instant)> = self.models.iter().map(|_| (0, Instant::now())).collect();
        while !stop() {
            std::thread::sleep(tick);
            for (model, (uses, quiet_since)) in self.models.iter().zip(&mut seen) {
                let now = model.uses();
                let (loaded, missing) = (model.is_loaded(), model.is_missing());
                if now != *uses || model.is_busy() || !(loaded || missing) {
                    (*uses, *quiet_since) = (now, Instant::now());
                } else if loaded && quiet_since.elapsed() >= idle {
                    model.unload();
                } else if missing && quiet_since.elapsed() >= RETRY {
                    // A server that is not ready gets no requests, which would load it.
                    *quiet_since = Instant::now();
                    drop(model.begin_return());
                }
            }
        }
    }
}
