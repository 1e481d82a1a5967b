//! JSON files of settings.

use crate::model::ModelError;
use crate::regular_file;
use serde_json::Value as Json;
use std::path::{Component, Path, PathBuf};

/// A setting that is a positive number, or absent, or null.
pub(crate) fn positive(json: &Json, key: &str) -> Result<Option<usize>, String> {
    match json.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(n) => match n.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(n) if n > 0 => Ok(Some(n)),
            _ => Err(format!("{key} is {n}")),
        },
    }
}

/// `dir/path`, if `path` is relative and stays below `dir`.
pub(crate) fn safe_join(dir: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)).then(|| dir.join(path))
}

/// A setting that is true or false, or absent, or null.
pub(crate) fn flag(json: &Json, key: &str) -> Result<Option<bool>, String> {
    match json.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(format!("{key} is {other}")),
    }
}

/// Parses a JSON file of settings by their names; `None` if it does not exist.
pub(crate) fn read_object(path: &Path) -> Result<Option<Json>, ModelError> {
    Ok(read_json(path)?.map(Json::Object))
}

/// Parses a JSON file of settings; `None` if it does not exist.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, ModelError> {
    read_json_up_to(path, regular_file::SETTINGS)
}

/// Parses a JSON file of at most `limit` bytes; `None` if it does not exist.
pub(crate) fn read_json_up_to<T: serde::de::DeserializeOwned>(
    path: &Path,
    limit: u64,
) -> Result<Option<T>, ModelError> {
    let bytes = match regular_file::read(path, limit) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ModelError::Io { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| ModelError::Config { path: path.to_owned(), reason: format!("not the JSON expected: {e}") })
}
