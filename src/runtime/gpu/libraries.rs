//! CUDA's and TensorRT's libraries.
//!
//! ONNX Runtime's provider is linked to them by name, and when one is missing it says only that it cannot be loaded. So
//! infa loads each itself, by its path: the loader finds a library that is loaded already by its name, without
//! LD_LIBRARY_PATH. Which ones the provider needs is read from its own headers, as they differ from version to version.

use std::path::{Path, PathBuf};

use super::installed::{CUDA_NEEDS, CUDA_PROVIDER, TENSORRT_PROVIDER, damaged_provider};
use super::{elf, loader};
use crate::runtime::install;
use crate::runtime::library_file;
use crate::runtime::{RuntimeError, python};

/// A family of libraries, and what brings it.
struct Known {
    /// Its name before `.so`.
    stem: &'static str,
    /// Packages of pip for CUDA 13 and 12.
    packages: [&'static str; 2],
    /// Folders in a Python environment's packages, for CUDA 13 and 12.
    folders: [&'static str; 2],
}

/// In the order in which they are loaded: each before those that need it.
const KNOWN: &[Known] = &[
    Known {
        stem: "libcudart",
        packages: ["nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12"],
        folders: ["nvidia/cu13/lib", "nvidia/cuda_runtime/lib"],
    },
    Known {
        stem: "libcublasLt",
        packages: ["nvidia-cublas", "nvidia-cublas-cu12"],
        folders: ["nvidia/cu13/lib", "nvidia/cublas/lib"],
    },
    Known {
        stem: "libcublas",
        packages: ["nvidia-cublas", "nvidia-cublas-cu12"],
        folders: ["nvidia/cu13/lib", "nvidia/cublas/lib"],
    },
    Known {
        stem: "libcurand",
        packages: ["nvidia-curand", "nvidia-curand-cu12"],
        folders: ["nvidia/cu13/lib", "nvidia/curand/lib"],
    },
    Known {
        stem: "libcufft",
        packages: ["nvidia-cufft", "nvidia-cufft-cu12"],
        folders: ["nvidia/cu13/lib", "nvidia/cufft/lib"],
    },
    Known {
        stem: "libcudnn",
        packages: ["nvidia-cudnn-cu13", "nvidia-cudnn-cu12"],
        folders: ["nvidia/cudnn/lib", "nvidia/cudnn/lib"],
    },
    Known {
        stem: "libnvinfer",
        packages: ["tensorrt-cu13-libs==10.16.1.11", "tensorrt-cu12-libs"],
        folders: ["tensorrt_libs", "tensorrt_libs"],
    },
    Known {
        stem: "libnvonnxparser",
        packages: ["tensorrt-cu13-libs==10.16.1.11", "tensorrt-cu12-libs"],
        folders: ["tensorrt_libs", "tensorrt_libs"],
    },
];

/// The driver's library; no package brings it.
const DRIVER: &str = "libcuda.so.1";

/// The same for TensorRT.
const TENSORRT_NEEDS: &[&str] = &["libcudnn.so.9", "libnvinfer.so.10", "libnvonnxparser.so.10"];

/// A library that a provider needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededLibrary {
    /// The name that the loader knows it by, such as `libcublas.so.13`.
    pub name: String,
    /// The package of pip that brings it; `None` for the driver.
    pub package: Option<&'static str>,
    /// Files of `--cuda-libraries` and of infa's cache, tried first, in this order.
    own: Vec<PathBuf>,
    /// Its place among the packages of the active Python environment, tried next. Python is not started without need.
    packaged: Option<PathBuf>,
    /// infa's own folder of CUDA's libraries.
    cache: PathBuf,
}

/// The place of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    At(PathBuf),
    /// In the system's folders; it is loaded from then on.
    System,
    /// A file that cannot be used, and why.
    Damaged(PathBuf, String),
    Missing,
}

/// The use of GPUs by the engines of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum GpuUse {
    #[default]
    None,
    Cuda,
    Tensorrt,
}

/// The folders that libraries are looked for in.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// `--cuda-libraries`.
    pub flag: Option<PathBuf>,
    pub cache: PathBuf,
    /// True if the active Python environment may be queried.
    pub ask_python: bool,
}

/// The libraries that a build of ONNX Runtime needs, in the order of loading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Libraries {
    /// Major version of CUDA.
    pub cuda: u32,
    pub needed: Vec<NeededLibrary>,
}

impl Libraries {
    /// Those of the ONNX Runtime at `library`; without it, of the one that infa installs.
    ///
    /// # Errors
    /// [`RuntimeError::CpuBuild`] if it is not built for GPUs.
    pub(crate) fn of(library: Option<&Path>, tensorrt: bool, folders: &Folders) -> Result<Self, RuntimeError> {
        let Some(library) = library else {
            let names = CUDA_NEEDS.iter().chain(if tensorrt { TENSORRT_NEEDS } else { &[] });
            return Ok(Self::known(names.map(|&name| name.to_owned()).collect(), folders));
        };
        let mut names = needs(library, CUDA_PROVIDER)?;
        if tensorrt {
            names.extend(needs(library, TENSORRT_PROVIDER)?);
        }
        Ok(Self::known(names, folders))
    }

    fn known(names: Vec<String>, folders: &Folders) -> Self {
        let version = names.iter().find_map(|name| name.strip_prefix("libcudart.so.")?.split('.').next()?.parse().ok());
        let cuda = version.unwrap_or(13);
        let row = usize::from(cuda < 13);
        let mut needed: Vec<NeededLibrary> = Vec::new();
        if names.iter().any(|name| name == DRIVER) {
            let (own, packaged, cache) = (Vec::new(), None, PathBuf::new());
            needed.push(NeededLibrary { name: DRIVER.into(), package: None, own, packaged, cache });
        }
        for known in KNOWN {
            let is_one = |name: &&String| name.strip_prefix(known.stem).is_some_and(|rest| rest.starts_with(".so"));
            let Some(name) = names.iter().find(is_one) else { continue };
            let cache = install::cuda_folder(&folders.cache);
            let own = folders.flag.iter().chain([&cache]).map(|folder| folder.join(name)).collect();
            let packaged = folders.ask_python.then(|| Path::new(known.folders[row]).join(name));
            let package = Some(known.packages[row]);
            needed.push(NeededLibrary { name: name.clone(), package, own, packaged, cache });
        }
        Self { cuda, needed }
    }

    /// Those that are nowhere. The system's folders are tried by loading: a library that is found there is loaded from
    /// then on.
    #[cfg(test)]
    pub(crate) fn missing(&self) -> Vec<&NeededLibrary> {
        self.needed.iter().filter(|library| library.place() == Place::Missing).collect()
    }

    /// The first that cannot be used, and the reason with the next step.
    pub(crate) fn unusable(&self) -> Option<String> {
        self.needed.iter().find_map(NeededLibrary::unusable)
    }

    /// The first that infa installs, or installs again.
    pub(crate) fn to_install(&self) -> Option<&NeededLibrary> {
        self.needed.iter().find(|library| library.is_installed_by(&library.place()))
    }

    /// Loads all of them for the rest of the process.
    ///
    /// # Errors
    /// [`RuntimeError::GpuLibrary`] for the first that cannot be loaded.
    pub(crate) fn load(&self) -> Result<(), RuntimeError> {
        self.needed.iter().try_for_each(NeededLibrary::load)
    }
}

impl NeededLibrary {
    /// Its place, by the headers of files: nothing is loaded but from the system's folders.
    pub(crate) fn place(&self) -> Place {
        let mut damaged = None;
        let mut look = |path: &Path| {
            // A link to a file that is gone is there, too.
            if path.symlink_metadata().is_err() {
                return false;
            }
            let flaw = loader::flaw(path, &self.name);
            let sound = flaw.is_none();
            if let (Some(reason), None) = (flaw, &damaged) {
                damaged = Some(Place::Damaged(path.to_owned(), reason));
            }
            sound
        };
        if let Some(path) = self.own.iter().find(|path| look(path)) {
            return Place::At(path.clone());
        }
        if let Some(path) = self.in_python().filter(|path| look(path)) {
            return Place::At(path);
        }
        match open(Path::new(&self.name)) {
            Ok(()) => Place::System,
            Err(_) => damaged.unwrap_or(Place::Missing),
        }
    }

    fn in_python(&self) -> Option<PathBuf> {
        let packaged = self.packaged.as_ref()?;
        Some(python::environment()?.packages.as_ref()?.join(packaged))
    }

    /// True if infa can install it.
    pub(crate) fn is_installable(&self) -> bool {
        CUDA_NEEDS.contains(&self.name.as_str())
    }

    /// True if `--device cuda` installs it at this place: it is nowhere, or infa's own copy is damaged.
    pub(crate) fn is_installed_by(&self, place: &Place) -> bool {
        let wanted = match place {
            Place::Missing => true,
            Place::Damaged(path, _) => path.starts_with(&self.cache),
            Place::At(_) | Place::System => false,
        };
        wanted && self.is_installable() && install::has_gpu_packages()
    }

    fn unusable(&self) -> Option<String> {
        let place = self.place();
        let installed = self.is_installed_by(&place);
        let next = match (&place, self.package) {
            (Place::At(_) | Place::System, _) => return None,
            (Place::Missing, _) if installed => "--device cuda installs it".to_owned(),
            (Place::Damaged(..), _) if installed => "--device cuda installs it again".to_owned(),
            (_, Some(package)) => format!("the package {package} brings it"),
            (_, None) => "NVIDIA's driver brings it".to_owned(),
        };
        Some(match place {
            Place::Damaged(path, reason) => format!("{}: {reason}; {next}", path.display()),
            _ => format!("{} is not on this machine; {next}", self.name),
        })
    }

    fn load(&self) -> Result<(), RuntimeError> {
        let mut reason = None;
        let mut tried: Vec<PathBuf> = Vec::new();
        // Python is started only if all others fail.
        let packaged = std::iter::once_with(|| self.in_python()).flatten();
        for path in self.own.iter().cloned().chain(packaged) {
            tried.extend(path.parent().map(Path::to_owned));
            if path.symlink_metadata().is_err() {
                continue;
            }
            match loader::flaw(&path, &self.name).map_or_else(|| open(&path), Err) {
                Ok(()) => {
                    tracing::debug!("{} is loaded from {}", self.name, path.display());
                    return Ok(());
                }
                Err(error) => reason = reason.or(Some(format!("{}: {error}", path.display()))),
            }
        }
        open(Path::new(&self.name)).map_err(|system| RuntimeError::GpuLibrary {
            name: self.name.clone(),
            package: self.package,
            tried,
            reason: reason.unwrap_or(system),
        })
    }
}

/// True if ONNX Runtime at `library` has a provider for CUDA beside it.
pub(crate) fn is_gpu_build(library: &Path) -> bool {
    library.with_file_name(CUDA_PROVIDER).is_file()
}

/// The libraries that the provider beside `library` is linked to.
fn needs(library: &Path, provider: &str) -> Result<Vec<String>, RuntimeError> {
    let path = library.with_file_name(provider);
    if !path.is_file() {
        return Err(RuntimeError::CpuBuild { path: library.to_owned(), provider: provider.to_owned() });
    }
    match damaged_provider(library).map_or_else(|| elf::names(&path).map_err(|e| (path.clone(), e.to_string())), Err) {
        Ok(names) => Ok(names.needed),
        Err((path, reason)) => Err(RuntimeError::Library { path, reason }),
    }
}

/// Loads a library and leaves it loaded. Its names stay its own (RTLD_LOCAL): the loader finds it by its soname.
fn open(path: &Path) -> Result<(), String> {
    // Loading a damaged one would end the process by a signal.
    let flaw = match path.is_absolute() {
        true => loader::headers(path),
        false => path.to_str().and_then(loader::flaw_of_system),
    };
    match flaw {
        Some(reason) => Err(reason),
        None => library_file::open(path).map(std::mem::forget),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn folders(dir: &Path) -> Folders {
        Folders { flag: Some(dir.join("own")), cache: dir.join("cache"), ask_python: false }
    }

    fn names(libraries: &Libraries) -> Vec<&str> {
        libraries.needed.iter().map(|library| library.name.as_str()).collect()
    }

    #[test]
    fn libraries_are_in_the_order_of_loading() {
        let dir = tempfile::tempdir().unwrap();
        let needed = ["libcublas.so.13", "libc.so.6", "libcublasLt.so.13", "libcuda.so.1", "libcudart.so.13"];
        let libraries = Libraries::known(needed.map(str::to_owned).to_vec(), &folders(dir.path()));
        assert_eq!(names(&libraries), ["libcuda.so.1", "libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13"]);
        assert_eq!(libraries.cuda, 13);
        let packages: Vec<_> = libraries.needed.iter().map(|library| library.package).collect();
        assert_eq!(packages, [None, Some("nvidia-cuda-runtime"), Some("nvidia-cublas"), Some("nvidia-cublas")]);
        // A build for CUDA 12 has packages of its own.
        let older = ["libcudart.so.12", "libcudnn.so.9"];
        let older = Libraries::known(older.map(str::to_owned).to_vec(), &folders(dir.path()));
        assert_eq!((older.cuda, older.needed[1].package), (12, Some("nvidia-cudnn-cu12")));
        let both = Libraries::of(None, true, &folders(dir.path())).unwrap();
        assert_eq!(names(&both).last(), Some(&"libnvonnxparser.so.10"));
        assert!(!both.needed.last().unwrap().is_installable() && both.needed[0].is_installable());
    }

    #[test]
    fn a_library_that_cannot_be_loaded_is_named_with_its_package_and_the_folders() {
        let dir = tempfile::tempdir().unwrap();
        let libraries = Libraries::known(vec!["libcurand.so.0".into()], &folders(dir.path()));
        assert_eq!(libraries.missing().len(), 1);
        let error = libraries.load().unwrap_err();
        let text = format!("{error}; {}", error.hint().unwrap());
        for word in ["libcurand.so.0", "own", "cache/cuda", "nvidia-curand", "cannot open shared object file"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        // One that is no library is an error of its own, not of the system's folders.
        std::fs::create_dir(dir.path().join("own")).unwrap();
        std::fs::write(dir.path().join("own/libcurand.so.0"), "text").unwrap();
        assert_eq!(libraries.missing(), Vec::<&NeededLibrary>::new());
        let error = libraries.load().unwrap_err().to_string();
        assert!(error.contains("own/libcurand.so.0") && !error.contains("cannot open"), "{error}");
    }

    #[test]
    fn a_build_for_the_cpu_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("libonnxruntime.so.1");
        std::fs::write(&library, "").unwrap();
        assert!(!is_gpu_build(&library));
        let error = Libraries::of(Some(&library), false, &folders(dir.path())).unwrap_err();
        assert!(matches!(error, RuntimeError::CpuBuild { .. }), "{error}");
        assert!(error.hint().unwrap().contains("onnxruntime-gpu"));
        // A damaged provider would end the process when it is loaded.
        for content in ["", "text", "\u{7f}ELF\u{2}\u{1}"] {
            std::fs::write(library.with_file_name(CUDA_PROVIDER), content).unwrap();
            let error = Libraries::of(Some(&library), false, &folders(dir.path())).unwrap_err();
            assert!(matches!(error, RuntimeError::Library { .. }), "{error}");
        }
    }
}
