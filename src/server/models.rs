//! The models that are served, by name; their loading, unloading and coming back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::service::{Failure, Service};
use crate::engine::{EngineError, Local, Purpose};
use crate::model::Model;

/// Why a model is not there.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Chooses what a model is loaded for, from its files.
pub type Choose<'c> = &'c dyn Fn(&Model) -> Result<Purpose, EngineError>;

/// Loads a model for the purpose that is chosen once its files are read; blocks.
pub type Load = Arc<dyn Fn(Choose<'_>) -> Result<Arc<dyn Local>, LoadError> + Send + Sync>;

/// What is to be served.
pub struct Spec {
    /// The name that clients use.
    pub name: String,
    /// What it was loaded from: a repository, a directory.
    pub model_id: String,
    /// Loads it.
    pub load: Load,
}

/// One model that is served.
pub struct Served {
    /// What is to be served.
    pub spec: Spec,
    state: watch::Sender<State>,
    /// Serialises loading.
    loading: Mutex<()>,
}

/// Whether a model is there.
#[derive(Clone)]
enum State {
    /// It is being fetched or loaded for the first time.
    Loading,
    /// It is there.
    Ready(Arc<Service>),
    /// It could not be loaded.
    Failed(LoadError),
}

impl Served {
    fn new(spec: Spec) -> Arc<Self> {
        Arc::new(Self { spec, state: watch::Sender::new(State::Loading), loading: Mutex::new(()) })
    }

    /// Whether it is there.
    pub fn is_ready(&self) -> bool {
        matches!(*self.state.borrow(), State::Ready(_))
    }

    /// What it can be asked, if it is there now.
    pub fn service(&self) -> Result<Arc<Service>, Failure> {
        match &*self.state.borrow() {
            State::Loading => Err(Failure::Unavailable(format!("the model {} is being loaded", self.spec.name))),
            State::Ready(service) => Ok(Arc::clone(service)),
            State::Failed(e) => {
                Err(Failure::Unavailable(format!("the model {} could not be loaded: {e}", self.spec.name)))
            }
        }
    }

    /// Loads it; blocks.
    ///
    /// # Errors
    /// What [`Load`] says.
    pub fn load(&self) -> Result<(), LoadError> {
        let _turn = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = Service::load(&self.spec);
        let state = match &loaded {
            Ok(service) => State::Ready(Arc::clone(service)),
            Err(e) => State::Failed(e.clone()),
        };
        self.state.send_replace(state);
        loaded.map(drop)
    }
}

/// The models, in the order in which they were named.
pub struct Models(Vec<Arc<Served>>);

/// Names that clients send who do not care.
const ANY: &[&str] = &["", "default/not-specified"];

impl Models {
    /// At least one model; names differ.
    pub fn new(specs: Vec<Spec>) -> Self {
        Self(specs.into_iter().map(Served::new).collect())
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Served>] {
        &self.0
    }

    /// Whether all are there.
    pub fn all_ready(&self) -> bool {
        self.0.iter().all(|model| model.is_ready())
    }

    /// The model of that name; the first where the client does not care.
    pub fn find(&self, name: Option<&str>) -> Option<&Arc<Served>> {
        match name {
            Some(name) if !ANY.contains(&name) => self.0.iter().find(|model| model.spec.name == name),
            _ => self.0.first(),
        }
    }
}

/// How long a request may wait for a model that comes back from idleness, if nothing else is said.
pub const COMING_BACK: Duration = Duration::from_secs(60);
