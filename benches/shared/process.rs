//! Programs that are measured: with nothing of the caller's settings, and the ONNX Runtime they load.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use infa::parts::fetch::Context;
use infa::parts::runtime::library::Search;

/// The ONNX Runtime that infa would use.
pub(crate) fn find_library() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache"))).context("no home directory")?.join("infa");
    let environment = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let search = Search::new(None, environment, cache);
    Ok(search.find_or_install(&Context::silent())?.path)
}

/// Takes the variables away that would be flags of infa.
pub(crate) fn without_settings(command: &mut Command) {
    let ours = |name: &str| name.starts_with("INFA_") || name.starts_with("INFINITY_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
}

/// The number that follows the last `words` of `text`.
fn number_after(text: &str, words: &str) -> Option<f64> {
    let (_, rest) = text.rsplit_once(words)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// How long `infa embed` says that it took, once the model was loaded, and how long loading took; in seconds.
pub(crate) fn embed_times(reported: &str) -> Option<(f64, f64)> {
    let seconds = number_after(reported, ") in ").or_else(|| number_after(reported, "Embedded in "));
    seconds.zip(number_after(reported, "model loaded in "))
}
