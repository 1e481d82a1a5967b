//! Ollama's names of models.

use std::sync::Arc;

use crate::server::models::ServedModel;
use crate::server::routes::embed_call::embedder;
use crate::server::{ApiError, App};

/// The model with that name, with or without its tag.
pub(crate) fn model<'a>(app: &'a App, name: Option<&str>) -> Result<&'a Arc<ServedModel>, ApiError> {
    let untagged = name.and_then(|name| name.strip_suffix(":latest"));
    let name = match (name, untagged) {
        (Some(name), Some(untagged)) if app.models.meant(name).is_none() => Some(untagged),
        _ => name,
    };
    embedder(app, name)
}
