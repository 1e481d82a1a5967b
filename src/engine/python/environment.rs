//! Virtual environments in infa's cache, which `infa engines install` makes.
//!
//! One for all engines that are workers, since PyTorch, which nearly all of them need, fills gigabytes; and one for
//! Infinity, which needs older versions of the same packages.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::EngineKind;

/// A virtual environment of infa's, whether or not it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment {
    pub root: PathBuf,
    name: &'static str,
}

/// Written last: what is in an environment that is whole.
const MARKER: &str = "infa.json";
/// Written first: what an environment that is not whole was to have.
const UNFINISHED: &str = "infa-unfinished.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Marker {
    engines: Vec<String>,
}

/// The environment for `kind`; `None` if it needs no Python packages. `cache` is infa's cache directory.
pub(crate) fn environment(kind: EngineKind, cache: &Path) -> Option<Environment> {
    let name = kind.recipe().packages.as_ref()?.environment;
    Some(Environment { root: cache.join("python").join(name), name })
}

/// The folders of the programs installed for `kind`; empty if there are none.
pub(crate) fn programs(kind: EngineKind, cache: &Path) -> Vec<PathBuf> {
    let installed = environment(kind, cache).filter(Environment::is_ready);
    Vec::from_iter(installed.and_then(|installed| Some(installed.python().parent()?.to_owned())))
}

impl Environment {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program that its packages brought, such as `infinity_emb`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        if cfg!(windows) {
            self.root.join("Scripts").join(name).with_extension("exe")
        } else {
            self.root.join("bin").join(name)
        }
    }

    /// True if it was installed to the end.
    pub(crate) fn is_ready(&self) -> bool {
        self.root.join(MARKER).is_file() && self.python().exists()
    }

    /// The engines that it was installed for.
    pub(crate) fn engines(&self) -> Vec<EngineKind> {
        if self.is_ready() { self.read(MARKER) } else { Vec::new() }
    }

    /// The engines it has, or was to have when an installation was interrupted.
    pub(super) fn wanted(&self) -> Vec<EngineKind> {
        let mut kinds = self.read(MARKER);
        kinds.extend(self.read(UNFINISHED));
        kinds
    }

    fn read(&self, marker: &str) -> Vec<EngineKind> {
        let text = std::fs::read(self.root.join(marker)).unwrap_or_default();
        // A damaged marker is as none: what it says is only what else is to be installed.
        let Marker { engines } = serde_json::from_slice(&text).unwrap_or_default();
        engines.iter().filter_map(|name| clap::ValueEnum::from_str(name, true).ok()).collect()
    }

    /// Marks it as changing, towards `kinds`: until it is [whole](Self::finish), it is not used.
    pub(super) fn begin(&self, kinds: &[EngineKind]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.root)?;
        self.write(UNFINISHED, kinds)?;
        remove(&self.root.join(MARKER))
    }

    /// Says that it has `kinds`.
    pub(super) fn finish(&self, kinds: &[EngineKind]) -> std::io::Result<()> {
        self.write(MARKER, kinds)?;
        remove(&self.root.join(UNFINISHED))
    }

    fn write(&self, marker: &str, kinds: &[EngineKind]) -> std::io::Result<()> {
        let engines = kinds.iter().map(|kind| kind.name().to_owned()).collect();
        let text = serde_json::to_vec(&Marker { engines })?;
        // Half a marker must not stand there.
        let path = self.root.join(marker);
        let beside = path.with_extension("new");
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, path)
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_environment_is_ready_and_an_interrupted_one_knows_what_it_was_to_have() {
        let cache = tempfile::tempdir().unwrap();
        let torch = environment(EngineKind::Torch, cache.path()).unwrap();
        assert_eq!(environment(EngineKind::Fastembed, cache.path()).unwrap(), torch);
        assert_ne!(environment(EngineKind::Infinity, cache.path()).unwrap(), torch);
        assert_eq!(environment(EngineKind::Onnx, cache.path()), None);
        assert!(!torch.is_ready() && torch.wanted().is_empty());

        torch.begin(&[EngineKind::Torch]).unwrap();
        std::fs::create_dir_all(torch.python().parent().unwrap()).unwrap();
        std::fs::write(torch.python(), "").unwrap();
        assert!(!torch.is_ready() && torch.engines().is_empty());
        assert_eq!(torch.wanted(), [EngineKind::Torch]);
        torch.finish(&[EngineKind::Torch]).unwrap();
        assert!(torch.is_ready());
        assert_eq!((torch.engines(), torch.wanted()), (vec![EngineKind::Torch], vec![EngineKind::Torch]));

        torch.begin(&[EngineKind::Torch, EngineKind::OnnxExport]).unwrap();
        assert!(!torch.is_ready());
        assert_eq!(torch.wanted(), [EngineKind::Torch, EngineKind::OnnxExport]);
        std::fs::write(torch.root.join(UNFINISHED), "{").unwrap();
        assert_eq!(torch.wanted(), []);
    }
}
