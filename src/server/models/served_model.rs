//! A served model: loading, unloading, reloading.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::failure::{CHANGED, Failure};
use super::lazy_engine::{REPLACED, is_same};
use super::loaded_model::LoadedModel;
use super::profile::{Capability, Profile};
use super::spec::{LoadError, ModelSpec};
use super::warm_up::{Measured, warm_up};
use crate::panic_guard::message_of;
use crate::server::memory::return_freed_memory;

pub struct ServedModel {
    pub spec: ModelSpec,
    state: watch::Sender<State>,
    /// Number of requests for it so far.
    uses: AtomicU64,
}

/// The state of a model in memory.
#[derive(Clone)]
enum State {
    /// Being downloaded or loaded for the first time.
    Loading,
    /// In memory. Each request in progress holds a clone: the model is idle if there is no other.
    Ready(Arc<LoadedModel>),
    Failed(LoadError),
    /// Unloaded because it was idle; with the error of the last attempt to load it again.
    Unloaded(Known, Option<LoadError>),
    /// Being loaded again.
    Returning(Known),
}

/// The profile of a model that is not in memory.
type Known = Arc<Profile>;

impl ServedModel {
    pub fn new(spec: ModelSpec) -> Arc<Self> {
        Arc::new(Self { spec, state: watch::Sender::new(State::Loading), uses: AtomicU64::new(0) })
    }

    /// True if it serves requests: it is loaded, or is loaded again by the next request, as far as is known.
    pub fn is_ready(&self) -> bool {
        match &*self.state.borrow() {
            State::Ready(loaded) => loaded.changed().is_none(),
            State::Unloaded(_, failed) => failed.is_none(),
            State::Returning(_) => true,
            State::Loading | State::Failed(_) => false,
        }
    }

    /// The reason why it does not serve requests, for people; `None` if it does.
    pub fn not_ready_reason(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Ready(loaded) => loaded.changed().map(|_| format!("{}: {CHANGED}", self.spec.name)),
            State::Unloaded(_, Some(_)) => Some(format!("the model {} could not be loaded again", self.spec.name)),
            State::Unloaded(..) | State::Returning(_) => None,
            State::Loading => Some("models are loading".into()),
            State::Failed(_) => Some(format!("the model {} could not be loaded", self.spec.name)),
        }
    }

    /// Checks the files of the loaded model; the first check that finds a change logs it.
    pub fn check_files(&self) {
        if let State::Ready(loaded) = &*self.state.borrow() {
            loaded.changed();
        }
    }

    pub fn is_loaded(&self) -> bool {
        matches!(*self.state.borrow(), State::Ready(_))
    }

    /// True while it is downloaded or loaded.
    pub fn is_loading(&self) -> bool {
        matches!(*self.state.borrow(), State::Loading | State::Returning(_))
    }

    /// `None` before it was loaded for the first time.
    pub fn profile(&self) -> Option<Arc<Profile>> {
        match &*self.state.borrow() {
            State::Ready(loaded) => Some(Arc::clone(loaded.profile())),
            State::Unloaded(known, _) | State::Returning(known) => Some(Arc::clone(known)),
            State::Loading | State::Failed(_) => None,
        }
    }

    /// Empty before it was loaded for the first time.
    pub fn capabilities(&self) -> Vec<Capability> {
        self.profile().map_or(Vec::new(), |profile| profile.capabilities.clone())
    }

    /// The model, if it is in memory now. Does not count as use.
    pub fn loaded(&self) -> Result<Arc<LoadedModel>, Failure> {
        match &*self.state.borrow() {
            State::Ready(loaded) if loaded.changed().is_some() => {
                Err(Failure::Unavailable(format!("{}: {CHANGED}", self.spec.name)))
            }
            State::Ready(loaded) => Ok(Arc::clone(loaded)),
            State::Loading | State::Returning(_) => Err(self.unavailable("is loading")),
            State::Unloaded(..) => Err(self.unavailable("was idle and is not in memory")),
            State::Failed(e) => Err(self.unavailable(&format!("could not be loaded: {e}"))),
        }
    }

    /// The model. An unloaded one is loaded again, which takes `patience` at most.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] while it is loaded for the first time, if it cannot be loaded again, or not within
    /// `patience`.
    pub async fn acquire(self: &Arc<Self>, patience: Duration) -> Result<Arc<LoadedModel>, Failure> {
        self.uses.fetch_add(1, Ordering::Relaxed);
        let returned = async {
            let mut state = self.state.subscribe();
            loop {
                if !matches!(*state.borrow(), State::Unloaded(..) | State::Returning(_)) {
                    return self.loaded();
                }
                self.begin_return()?;
                // The registry holds the sender and outlives its requests.
                let settled = state.wait_for(|state| !matches!(state, State::Returning(_))).await;
                if let Ok(State::Unloaded(_, Some(e))) = settled.as_deref() {
                    return Err(self.unavailable(&format!("could not be loaded again: {e}")));
                }
            }
        };
        let late = |_| Err(self.unavailable("is still loading"));
        tokio::time::timeout(patience, returned).await.unwrap_or_else(late)
    }

    /// True if the last attempt to load it again has failed.
    pub(super) fn is_missing(&self) -> bool {
        matches!(&*self.state.borrow(), State::Unloaded(_, Some(_)))
    }

    /// Starts loading it again if it is unloaded and no other request has started that.
    pub(super) fn begin_return(self: &Arc<Self>) -> Result<(), Failure> {
        let begun = self.state.send_if_modified(|state| match state {
            State::Unloaded(known, _) => {
                *state = State::Returning(Arc::clone(known));
                true
            }
            _ => false,
        });
        if !begun {
            return Ok(());
        }
        let model = Arc::clone(self);
        let started = std::thread::Builder::new().name("loader".into()).spawn(move || {
            let loaded = model.attempt(model.profile().as_deref());
            model.state.send_modify(|state| {
                if let State::Returning(known) = state {
                    *state = match loaded {
                        Ok(loaded) => State::Ready(loaded),
                        Err(e) => {
                            tracing::error!(model = model.spec.name, "could not be loaded again: {e}");
                            State::Unloaded(Arc::clone(known), Some(e))
                        }
                    };
                }
            });
        });
        started.map(drop).map_err(|e| {
            self.state.send_modify(|state| {
                if let State::Returning(known) = state {
                    *state = State::Unloaded(Arc::clone(known), None);
                }
            });
            self.unavailable(&format!("could not be loaded again: there is no thread for it: {e}"))
        })
    }

    /// Loads it for the first time. Blocks.
    ///
    /// # Errors
    /// The error of [`super::Load`]; later requests get the same error.
    pub fn load(&self) -> Result<(), LoadError> {
        let loaded = self.attempt(None);
        self.state.send_replace(match &loaded {
            Ok(loaded) => State::Ready(Arc::clone(loaded)),
            Err(e) => State::Failed(e.clone()),
        });
        loaded.map(drop)
    }

    /// Loads it. The first time, when nothing is `known` of it, measures its speed if the log shows it; later, another
    /// model in its place is an error.
    fn attempt(&self, known: Option<&Profile>) -> Result<Arc<LoadedModel>, LoadError> {
        let started = Instant::now();
        let load = || {
            let loaded = LoadedModel::load(&self.spec)?;
            if known.is_some_and(|known| !is_same(&known.origin, &loaded.profile().origin)) {
                return Err(LoadError::Other { message: REPLACED.into(), hint: None });
            }
            let warm = if self.spec.warm_up { warm_up(&loaded) } else { None };
            if known.is_none()
                && tracing::enabled!(target: "infa::server", tracing::Level::INFO)
                && let Some(measured) = warm.and_then(|warm| warm.measure(&loaded))
            {
                log_speed(&self.spec.name, &measured);
            }
            Ok(loaded)
        };
        // A panic of a library must not end the server.
        let loaded = catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|panic| {
            let message = format!("loading failed: {}", message_of(panic.as_ref()));
            Err(LoadError::Other { message, hint: Some("this is a bug in infa; please report it".into()) })
        });
        if let Ok(loaded) = &loaded {
            let (local, seconds) = (loaded.local(), seconds(started));
            let (model, kernels) = (&self.spec.name, local.kernels);
            tracing::info!(target: "infa::server", model, dtype = %local.dtype, kernels, seconds, "model ready");
        }
        loaded
    }

    /// Unloads it unless a request uses it. Blocks until its memory is free.
    pub(super) fn unload(&self) -> bool {
        let mut idle = None;
        self.state.send_if_modified(|state| match state {
            // Clones are made from `state` alone, which is locked here.
            State::Ready(loaded) if Arc::strong_count(loaded) == 1 => {
                let gone = State::Unloaded(Arc::clone(loaded.profile()), None);
                idle = Some(std::mem::replace(state, gone));
                true
            }
            _ => false,
        });
        // Outside the lock: dropping waits for the workers.
        let unloaded = idle.is_some();
        drop(idle);
        if unloaded {
            return_freed_memory();
            tracing::info!(target: "infa::server", model = self.spec.name, "idle: unloaded until the next request");
        }
        unloaded
    }

    /// Number of requests for it so far.
    pub(super) fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// True while a request uses it.
    pub(super) fn is_busy(&self) -> bool {
        matches!(&*self.state.borrow(), State::Ready(loaded) if Arc::strong_count(loaded) > 1)
    }

    #[cfg(test)]
    pub(super) fn set_unloaded(&self, known: Profile) {
        self.state.send_replace(State::Unloaded(Arc::new(known), None));
    }

    fn unavailable(&self, why: &str) -> Failure {
        Failure::Unavailable(format!("the model {} {why}", self.spec.name))
    }
}

fn log_speed(model: &str, Measured { short, long }: &Measured) {
    let [texts, tokens] = [short.texts_per_second(), short.tokens_per_second()];
    let [long_texts, long_tokens] = [long.texts_per_second(), long.tokens_per_second()];
    tracing::info!(
        target: "infa::server",
        model,
        short_texts_per_second = texts,
        short_tokens_per_second = tokens,
        long_texts_per_second = long_texts,
        long_tokens_per_second = long_tokens,
        "measured: {texts} short texts/s ({tokens} tokens/s), {long_texts} long texts/s ({long_tokens} tokens/s)"
    );
}

fn seconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::engine::{Engine, OutputKind};
    use crate::server::EmbeddingDtype;
    use crate::server::models::Load;

    fn served(load: impl Fn() -> Result<Arc<dyn Engine>, LoadError> + Send + Sync + 'static) -> Arc<ServedModel> {
        let load: Load = Arc::new(move |_| load());
        let embedding_dtype = EmbeddingDtype::default();
        let metrics = crate::server::Metrics::new().unwrap().model("a");
        let (name, model_id) = ("a".into(), "org/a".into());
        ServedModel::new(ModelSpec {
            name,
            aliases: Vec::new(),
            model_id,
            embedding_dtype,
            warm_up: true,
            load,
            metrics,
        })
    }

    fn refused(acquired: Result<Arc<LoadedModel>, Failure>) -> String {
        match acquired {
            Err(Failure::Unavailable(message)) => message,
            Err(other) => other.to_string(),
            Ok(_) => "loaded".into(),
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        let model = served(|| panic!("no memory for {}", "weights"));
        assert_eq!(model.load().unwrap_err().to_string(), "loading failed: no memory for weights");
        assert!(!model.is_ready());
        assert_eq!(refused(model.loaded()), "the model a could not be loaded: loading failed: no memory for weights");
    }

    #[tokio::test]
    async fn requests_share_one_reload_and_time_out() {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (wait, loads) = (std::sync::Mutex::new(wait), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&loads);
        let model = served(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            wait.lock().unwrap().recv().unwrap();
            Err(LoadError::Other { message: "gone".into(), hint: None })
        });
        model.set_unloaded(Profile {
            output: OutputKind::Embedding,
            capabilities: Vec::new(),
            sparse_head: false,
            max_length: 8,
            size: 0,
            origin: Vec::new(),
        });
        assert!(model.is_ready() && !model.is_loaded());
        assert_eq!(refused(model.acquire(Duration::from_millis(1)).await), "the model a is still loading");
        let patient = Duration::from_secs(60);
        let release = async {
            tokio::task::yield_now().await;
            go.send(()).unwrap();
        };
        let (one, other, ()) = tokio::join!(model.acquire(patient), model.acquire(patient), release);
        assert_eq!([refused(one), refused(other)], ["the model a could not be loaded again: gone"; 2]);
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        // The next request tries again.
        go.send(()).unwrap();
        assert!(refused(model.acquire(patient).await).contains("gone"));
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    }
}
