//! A view of a model's directory for servers that write into it.
//!
//! Infinity 0.0.77 leaves a `…_optimized.onnx` beside the model, rewrites its `config.json`, and from then on runs that
//! file instead of the requested one.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that holds what another holds: small files copied, large ones linked. It goes when it is dropped.
pub(super) struct View(TempDir);

/// Larger files are linked: weights, which no server rewrites.
const COPIED: u64 = 32 << 20;
/// Leftovers of earlier runs of Infinity, which it would run.
const LEFTOVER: &str = "_optimized.onnx";
/// Directories within directories, at most.
const DEPTH: usize = 8;

impl View {
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let view = tempfile::Builder::new().prefix("infa-model-").tempdir()?;
        fill(directory, view.path(), DEPTH)?;
        Ok(Self(view))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

fn fill(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        // Hugging Face's cache has links to files elsewhere.
        let source = std::fs::canonicalize(entry.path())?;
        let metadata = source.metadata()?;
        if metadata.is_dir() {
            if depth > 0 && !is_hidden(&entry.path()) {
                std::fs::create_dir(&target)?;
                fill(&source, &target, depth - 1)?;
            }
        } else if metadata.is_file() && !entry.file_name().to_string_lossy().ends_with(LEFTOVER) {
            if metadata.len() <= COPIED {
                std::fs::copy(&source, &target)?;
            } else if std::fs::hard_link(&source, &target).is_err() {
                // Another file system.
                std::os::unix::fs::symlink(&source, &target)?;
            }
        }
    }
    Ok(())
}

/// Files of version control and downloads.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_it_stays_there() {
        let model = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = model.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("config.json", "{}");
        write("onnx/model.onnx", "x");
        write("model_optimized.onnx", "old");
        write(".git/config", "x");
        let large = std::fs::File::create(model.path().join("model.safetensors")).unwrap();
        large.set_len(COPIED + 1).unwrap();
        std::os::unix::fs::symlink(model.path().join("config.json"), model.path().join("link.json")).unwrap();

        let view = View::of(model.path()).unwrap();
        let path = view.path();
        assert_eq!(std::fs::read_to_string(path.join("onnx/model.onnx")).unwrap(), "x");
        assert_eq!(path.join("model.safetensors").metadata().unwrap().len(), COPIED + 1);
        assert!(!path.join("model_optimized.onnx").exists() && !path.join(".git").exists());
        for name in ["config.json", "link.json"] {
            std::fs::write(path.join(name), "changed").unwrap();
        }
        assert_eq!(std::fs::read_to_string(model.path().join("config.json")).unwrap(), "{}");
        drop(view);
        assert!(!path.exists() && model.path().join("model.safetensors").exists());
    }
}
