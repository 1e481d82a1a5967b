//! Ollama's routes of embeddings, and those that its clients ask before: `/api/embed`, `/api/embeddings`, `/api/tags`,
//! `/api/show`, `/api/ps`, `/api/version`.
//!
//! Names of models match with and without `:latest`. Where Ollama keeps models in memory by `keep_alive`, the server's
//! `--unload-after` decides.

pub mod catalog;
mod name;
pub mod route;
