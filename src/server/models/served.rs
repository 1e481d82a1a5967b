//! One model that is served: its loading, unloading and return.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::failure::{CHANGED, Failure};
use super::profile::{Capability, Profile};
use super::service::Service;
use super::spec::{LoadError, Spec};
use super::warm_up::{Measured, warm_up};
use crate::panic_guard::message_of;
use crate::server::memory::return_freed_memory;

/// One model that is served.
pub struct Served {
    pub spec: Spec,
    state: watch::Sender<State>,
    /// How often it was asked for.
    uses: AtomicU64,
}

/// Whether a model is there.
#[derive(Clone)]
enum State {
    /// It is being fetched or loaded for the first time.
    Loading,
    /// It is there. Whoever works with it holds a clone, so that it is idle when there is no other.
    Ready(Arc<Service>),
    /// It could not be loaded.
    Failed(LoadError),
    /// It was idle for long and has left memory; why it did not come back, if somebody wanted it.
    Unloaded(Known, Option<LoadError>),
    /// It comes back.
    Returning(Known),
}

/// What is known of a model that is not in memory.
type Known = Arc<Profile>;

impl Served {
    pub(super) fn new(spec: Spec) -> Arc<Self> {
        Arc::new(Self { spec, state: watch::Sender::new(State::Loading), uses: AtomicU64::new(0) })
    }

    /// Whether it answers requests: it is there, or comes back when there is one.
    pub fn is_ready(&self) -> bool {
        match &*self.state.borrow() {
            State::Ready(service) => service.changed().is_none(),
            State::Unloaded(..) | State::Returning(_) => true,
            State::Loading | State::Failed(_) => false,
        }
    }

    /// Why it answers no requests, for people; `None` if it does.
    pub fn trouble(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Ready(service) => service.changed().map(|_| format!("{}: {CHANGED}", self.spec.name)),
            State::Unloaded(..) | State::Returning(_) => None,
            State::Loading => Some("models are being loaded".into()),
            State::Failed(_) => Some(format!("the model {} could not be loaded", self.spec.name)),
        }
    }

    pub fn is_loaded(&self) -> bool {
        matches!(*self.state.borrow(), State::Ready(_))
    }

    /// Whether it is being fetched or loaded.
    pub fn is_loading(&self) -> bool {
        matches!(*self.state.borrow(), State::Loading | State::Returning(_))
    }

    /// What is known of it; `None` before it was loaded for the first time.
    pub fn profile(&self) -> Option<Arc<Profile>> {
        match &*self.state.borrow() {
            State::Ready(service) => Some(Arc::clone(service.profile())),
            State::Unloaded(known, _) | State::Returning(known) => Some(Arc::clone(known)),
            State::Loading | State::Failed(_) => None,
        }
    }

    /// What it is for; empty before it was loaded for the first time.
    pub fn capabilities(&self) -> Vec<Capability> {
        self.profile().map_or(Vec::new(), |profile| profile.capabilities.clone())
    }

    /// What it can be asked, if it is in memory now. Does not count as use.
    pub fn service(&self) -> Result<Arc<Service>, Failure> {
        match &*self.state.borrow() {
            State::Ready(service) if service.changed().is_some() => {
                Err(Failure::Unavailable(format!("{}: {CHANGED}", self.spec.name)))
            }
            State::Ready(service) => Ok(Arc::clone(service)),
            State::Loading | State::Returning(_) => Err(self.unavailable("is being loaded")),
            State::Unloaded(..) => Err(self.unavailable("was idle and is not in memory")),
            State::Failed(e) => Err(self.unavailable(&format!("could not be loaded: {e}"))),
        }
    }

    /// What it can be asked; one that has left memory comes back for it, which is waited for.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] while it is loaded for the first time, if it cannot come back, or not within `patience`.
    pub async fn acquire(self: &Arc<Self>, patience: Duration) -> Result<Arc<Service>, Failure> {
        self.uses.fetch_add(1, Ordering::Relaxed);
        let returned = async {
            let mut state = self.state.subscribe();
            loop {
                if !matches!(*state.borrow(), State::Unloaded(..) | State::Returning(_)) {
                    return self.service();
                }
                self.begin_return()?;
                // The registry, which holds the sender, outlives its requests.
                let settled = state.wait_for(|state| !matches!(state, State::Returning(_))).await;
                if let Ok(State::Unloaded(_, Some(e))) = settled.as_deref() {
                    return Err(self.unavailable(&format!("could not be loaded again: {e}")));
                }
            }
        };
        let late = |_| Err(self.unavailable("is still being loaded"));
        tokio::time::timeout(patience, returned).await.unwrap_or_else(late)
    }

    /// Starts loading it, if it has left memory and nobody else has started.
    fn begin_return(self: &Arc<Self>) -> Result<(), Failure> {
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
            let loaded = model.attempt(false);
            model.state.send_modify(|state| {
                if let State::Returning(known) = state {
                    *state = match loaded {
                        Ok(service) => State::Ready(service),
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

    /// Loads it for the first time; blocks.
    ///
    /// # Errors
    /// What [`super::Load`] says; later requests get the same error.
    pub fn load(&self) -> Result<(), LoadError> {
        let loaded = self.attempt(true);
        self.state.send_replace(match &loaded {
            Ok(service) => State::Ready(Arc::clone(service)),
            Err(e) => State::Failed(e.clone()),
        });
        loaded.map(drop)
    }

    /// Loads it, and for the `first` time measures how fast it is, if anybody would read that.
    fn attempt(&self, first: bool) -> Result<Arc<Service>, LoadError> {
        let started = Instant::now();
        let load = || {
            let service = Service::load(&self.spec)?;
            let warm = if self.spec.warm_up { warm_up(&service) } else { None };
            if first
                && tracing::enabled!(target: "infa::server", tracing::Level::INFO)
                && let Some(measured) = warm.and_then(|warm| warm.measure(&service))
            {
                log_speed(&self.spec.name, &measured);
            }
            Ok(service)
        };
        // A library that fails in this way must not take the server along.
        let loaded = catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|panic| {
            let message = format!("loading it failed: {}", message_of(panic.as_ref()));
            Err(LoadError { message, hint: Some("this is a bug in infa; please report it".into()) })
        });
        if loaded.is_ok() {
            tracing::info!(target: "infa::server", model = self.spec.name, seconds = seconds(started), "model ready");
        }
        loaded
    }

    /// Takes it out of memory, unless a request uses it; blocks until memory is free.
    pub(super) fn unload(&self) -> bool {
        let mut idle = None;
        self.state.send_if_modified(|state| match state {
            // Clones are made of what is in `state` alone, and nobody can while it is being modified.
            State::Ready(service) if Arc::strong_count(service) == 1 => {
                let gone = State::Unloaded(Arc::clone(service.profile()), None);
                idle = Some(std::mem::replace(state, gone));
                true
            }
            _ => false,
        });
        // Outside the lock: workers are waited for.
        let unloaded = idle.is_some();
        drop(idle);
        if unloaded {
            return_freed_memory();
            tracing::info!(target: "infa::server", model = self.spec.name, "idle, and out of memory until it is asked");
        }
        unloaded
    }

    /// How often it was asked for.
    pub(super) fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Whether a request uses it now.
    pub(super) fn is_busy(&self) -> bool {
        matches!(&*self.state.borrow(), State::Ready(service) if Arc::strong_count(service) > 1)
    }

    #[cfg(test)]
    pub(super) fn set_unloaded(&self, known: Profile) {
        self.state.send_replace(State::Unloaded(Arc::new(known), None));
    }

    fn unavailable(&self, why: &str) -> Failure {
        Failure::Unavailable(format!("the model {} {why}", self.spec.name))
    }
}

/// Writes to the log how fast a model is.
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

    fn served(load: impl Fn() -> Result<Arc<dyn Engine>, LoadError> + Send + Sync + 'static) -> Arc<Served> {
        let load: Load = Arc::new(move |_| load());
        let embedding_dtype = EmbeddingDtype::default();
        let metrics = crate::server::Metrics::new().unwrap().model("a");
        let (name, model_id) = ("a".into(), "org/a".into());
        Served::new(Spec { name, aliases: Vec::new(), model_id, embedding_dtype, warm_up: true, load, metrics })
    }

    fn refused(asked: Result<Arc<Service>, Failure>) -> String {
        match asked {
            Err(Failure::Unavailable(message)) => message,
            Err(other) => other.to_string(),
            Ok(_) => "it is there".into(),
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        let model = served(|| panic!("no memory for {}", "weights"));
        assert_eq!(model.load().unwrap_err().message, "loading it failed: no memory for weights");
        assert!(!model.is_ready());
        assert_eq!(
            refused(model.service()),
            "the model a could not be loaded: loading it failed: no memory for weights"
        );
    }

    #[tokio::test]
    async fn who_waits_for_a_return_shares_it_and_has_an_end_of_patience() {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (wait, loads) = (std::sync::Mutex::new(wait), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&loads);
        let model = served(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            wait.lock().unwrap().recv().unwrap();
            Err(LoadError { message: "gone".into(), hint: None })
        });
        model.set_unloaded(Profile {
            output: OutputKind::Embedding,
            capabilities: Vec::new(),
            sparse_head: false,
            max_length: 8,
            size: 0,
        });
        assert!(model.is_ready() && !model.is_loaded());
        assert_eq!(refused(model.acquire(Duration::from_millis(1)).await), "the model a is still being loaded");
        let patient = Duration::from_secs(60);
        let release = async {
            tokio::task::yield_now().await;
            go.send(()).unwrap();
        };
        let (one, other, ()) = tokio::join!(model.acquire(patient), model.acquire(patient), release);
        assert_eq!([refused(one), refused(other)], ["the model a could not be loaded again: gone"; 2]);
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        // The next one tries again.
        go.send(()).unwrap();
        assert!(refused(model.acquire(patient).await).contains("gone"));
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    }
}
