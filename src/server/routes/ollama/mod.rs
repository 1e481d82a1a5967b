//! Ollama's embedding routes, and those that its clients call first: `/api/embed`, `/api/embeddings`, `/api/tags`,
//! `/api/show`, `/api/ps`, `/api/version`.
//!
//! Names of models match with and without `:latest`. `--unload-after` takes the role of Ollama's `keep_alive`.

pub(crate) mod catalog;
mod name;
pub(crate) mod route;
