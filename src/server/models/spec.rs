//! The description of a model to be served.

use std::sync::Arc;

use crate::engine::{Engine, EngineError, OutputKind};
use crate::model::Model;
use crate::server::EmbeddingDtype;
use crate::server::metrics::ModelMetrics;

/// An error while a model is loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Engine(Arc<EngineError>),
    #[error("{message}")]
    Other { message: String, hint: Option<String> },
}

impl<E: Into<EngineError>> From<E> for LoadError {
    fn from(e: E) -> Self {
        Self::Engine(Arc::new(e.into()))
    }
}

/// Chooses the output for which a model is loaded, from its files.
pub type Choose<'c> = &'c dyn Fn(&Model) -> Result<OutputKind, EngineError>;

/// Loads a model for the output that is chosen once its files are read. Blocks.
pub(crate) type Load = Arc<dyn Fn(Choose<'_>) -> Result<Arc<dyn Engine>, LoadError> + Send + Sync>;

/// A model to be served.
pub struct ModelSpec {
    /// The name for clients, responses, metrics and the log.
    pub name: String,
    /// Other names for clients.
    pub aliases: Vec<String>,
    /// A repository or a directory.
    pub model_id: String,
    /// The number type of vectors unless a request names one.
    pub embedding_dtype: EmbeddingDtype,
    /// True if a few texts are computed before the model counts as ready.
    pub warm_up: bool,
    pub load: Load,
    pub metrics: Arc<ModelMetrics>,
}

impl ModelSpec {
    /// All names for clients, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    pub fn has_name(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}
