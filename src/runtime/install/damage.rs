//! Removal of damaged libraries.

use std::path::Path;

use super::cpu;
use super::names::library_in;
use crate::fetch::{Context, FetchError, lock};
use crate::runtime::integrity;

/// Removes the library for the CPU that infa installed earlier if it is damaged, with a warning: loading it would end the
/// process, and it is not in the way of another one then. That for GPUs is replaced when it is installed, under its own lock.
pub(crate) fn remove_damaged(cache: &Path, context: &Context) {
    let directory = cpu::directory(cache);
    let damaged = || library_in(&directory).and_then(|path| Some((integrity::damage(&path)?, path)));
    if damaged().is_none() {
        return;
    }
    let removed = lock::with_lock(&cpu::lock_file(cache), context, || match damaged() {
        // Another process was faster.
        None => Ok(()),
        Some((damage, path)) => {
            tracing::warn!("{}: {damage}; ONNX Runtime is installed again", path.display());
            std::fs::remove_dir_all(&directory).map_err(FetchError::io(&directory))
        }
    });
    if let Err(error) = removed {
        tracing::warn!("the damaged ONNX Runtime cannot be removed: {error}");
    }
}
