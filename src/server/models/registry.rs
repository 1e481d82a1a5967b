//! The models that are served; unloading of idle ones, and watch over their files.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Served, Spec};

/// The models, in the order in which they were named.
pub struct Models {
    pub(super) models: Vec<Arc<Served>>,
    /// Whether a name must be one of the models' even if there is only one model.
    pub(super) strict_names: bool,
}

/// How often the files of loaded models are looked at.
const WATCH: Duration = Duration::from_millis(500);

impl Models {
    /// At least one model; their names differ.
    pub fn new(specs: Vec<Spec>) -> Self {
        Self { models: specs.into_iter().map(Served::new).collect(), strict_names: false }
    }

    /// With `strict`, a server of one model does not answer to other names than those of the model.
    pub fn strict(self, strict: bool) -> Self {
        Self { strict_names: strict, ..self }
    }

    pub fn all(&self) -> &[Arc<Served>] {
        &self.models
    }

    /// Whether all answer requests.
    pub fn all_ready(&self) -> bool {
        self.models.iter().all(|model| model.is_ready())
    }

    /// Why requests are not answered, for people; `None` if all models answer.
    pub fn trouble(&self) -> Option<String> {
        self.models.iter().find_map(|model| model.trouble())
    }

    /// Looks after the files of loaded models, so that a change is in the log before a request meets it; blocks until
    /// `stop`.
    pub fn watch_files(&self, stop: impl Fn() -> bool) {
        while !stop() {
            std::thread::sleep(WATCH);
            // The first look that finds a change logs it.
            self.models.iter().for_each(|model| drop(model.trouble()));
        }
    }

    /// Takes models out of memory that nobody has asked for `idle`; blocks for ever, or until `stop`.
    ///
    /// A model leaves never earlier than `idle` after the end of its last request, and hardly later.
    pub fn unload_idle(&self, idle: Duration, stop: impl Fn() -> bool) {
        let tick = (idle / 16).clamp(Duration::from_millis(5), Duration::from_secs(5));
        let mut seen: Vec<(u64, Instant)> = self.models.iter().map(|_| (0, Instant::now())).collect();
        while !stop() {
            std::thread::sleep(tick);
            for (model, (uses, quiet_since)) in self.models.iter().zip(&mut seen) {
                let now = model.uses();
                if now != *uses || model.is_busy() || !model.is_loaded() {
                    (*uses, *quiet_since) = (now, Instant::now());
                } else if quiet_since.elapsed() >= idle {
                    model.unload();
                }
            }
        }
    }
}
