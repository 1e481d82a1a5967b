//! What is to be served, and what loads it.

use std::sync::Arc;

use crate::engine::{Engine, EngineError, OutputKind};
use crate::model::Model;
use crate::server::EmbeddingDtype;
use crate::server::metrics::ModelMetrics;

/// Why a model cannot be loaded.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    pub message: String,
    pub hint: Option<String>,
}

/// Chooses what a model is loaded for, from its files.
pub type Choose<'c> = &'c dyn Fn(&Model) -> Result<OutputKind, EngineError>;

/// Loads a model for the purpose that is chosen once its files are read; blocks.
pub type Load = Arc<dyn Fn(Choose<'_>) -> Result<Arc<dyn Engine>, LoadError> + Send + Sync>;

/// A model that is to be served.
pub struct Spec {
    /// The name that clients use, and that replies, metrics and the log have.
    pub name: String,
    /// Other names that clients may use.
    pub aliases: Vec<String>,
    /// What it was loaded from: a repository, a directory.
    pub model_id: String,
    /// The number format of vectors where a request names none.
    pub embedding_dtype: EmbeddingDtype,
    /// Whether a few texts are computed before the model counts as ready.
    pub warm_up: bool,
    pub load: Load,
    pub metrics: Arc<ModelMetrics>,
}

impl Spec {
    /// All names that clients may use, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    /// Whether clients may call it that.
    pub fn has_name(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}
