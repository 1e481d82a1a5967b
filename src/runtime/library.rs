//! The choice of the ONNX Runtime library.
//!
//! Order: the library that the user names; the one that infa installed; the `onnxruntime` package of the active Python
//! environment; else `install` fetches it. Where some engine of the process computes on a GPU, only a
//! library that is built for GPUs is taken, for all engines: a process has one, and it computes on the CPU as well.

use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};

use super::gpu::{self, Build, Folders, Gpu, GpuUse, Libraries};
use super::{OLDEST_MINOR, RuntimeError, VERSION, install, integrity, library_file, python};
use crate::fetch::Context;
use crate::regular_file;

/// A library, and how it came to be chosen.
#[derive(Debug, Clone)]
pub struct Library {
    pub path: PathBuf,
    pub origin: Origin,
    /// Its version, such as "1.31.1".
    pub version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Named by `--ort-library` or `INFA_ORT_LIBRARY`.
    Flag,
    /// Named by `ORT_DYLIB_PATH`.
    Environment,
    /// Installed by infa into its cache.
    Cache,
    /// Found in the active Python environment.
    Python,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flag => "named by --ort-library",
            Self::Environment => "named by ORT_DYLIB_PATH",
            Self::Cache => "installed by infa",
            Self::Python => "the onnxruntime package of the active Python environment",
        })
    }
}

#[derive(Debug, Clone)]
pub struct Search {
    /// `--ort-library`.
    pub flag: Option<PathBuf>,
    /// `ORT_DYLIB_PATH`.
    pub environment: Option<PathBuf>,
    pub cache: PathBuf,
    /// True if the active Python environment may be queried.
    pub ask_python: bool,
    /// A folder of CUDA's and TensorRT's libraries (`--cuda-libraries`).
    pub cuda_libraries: Option<PathBuf>,
    /// The use of GPUs by the engines of this process.
    pub gpu_use: GpuUse,
}

impl Search {
    /// Without GPUs.
    pub fn new(flag: Option<PathBuf>, environment: Option<PathBuf>, cache: PathBuf) -> Self {
        Self { flag, environment, cache, ask_python: true, cuda_libraries: None, gpu_use: GpuUse::None }
    }

    /// The same for engines on GPUs.
    pub fn on(self, gpu_use: GpuUse) -> Self {
        Self { gpu_use, ..self }
    }

    /// The first usable library; none is an answer, not an error.
    ///
    /// # Errors
    /// [`RuntimeError::Library`] when a library that the user named cannot be used: it is never passed over silently.
    pub fn find(&self) -> Result<Option<Library>, RuntimeError> {
        for (path, origin) in [(&self.flag, Origin::Flag), (&self.environment, Origin::Environment)] {
            if let Some(path) = path {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let version = check(&path)?;
                // Names the provider that is not beside it.
                self.libraries(Some(&path)).map(drop)?;
                return Ok(Some(Library { path, origin, version }));
            }
        }
        let installed = match self.gpu_use {
            GpuUse::None => install::installed(&self.cache).or_else(|| install::installed_runtime(&self.cache)),
            GpuUse::Cuda | GpuUse::Tensorrt => install::installed_runtime(&self.cache),
        };
        if let Some(path) = installed {
            let damaged = |reason| RuntimeError::Library { path: path.clone(), reason };
            let damage = match self.gpu_use {
                GpuUse::None => integrity::damage(&path),
                GpuUse::Cuda | GpuUse::Tensorrt => install::damage_of_gpu_runtime(&path),
            };
            match damage.map_or_else(|| check(&path), |damage| Err(damaged(damage))) {
                Ok(version) => return Ok(Some(Library { path, origin: Origin::Cache, version })),
                Err(e) => tracing::warn!("the installed ONNX Runtime is passed over: {e}"),
            }
        }
        if self.ask_python
            && let Some(path) = python_package()
            && (self.gpu_use == GpuUse::None || gpu::is_gpu_build(&path))
        {
            match check(&path) {
                Ok(version) => return Ok(Some(Library { path, origin: Origin::Python, version })),
                Err(e) => tracing::debug!("the Python environment's ONNX Runtime is passed over: {e}"),
            }
        }
        Ok(None)
    }

    /// The first usable library, installed if there is none.
    pub fn find_or_install(&self, context: &Context) -> Result<Library, RuntimeError> {
        if self.flag.is_none() && self.environment.is_none() {
            install::remove_damaged(&self.cache, context);
        }
        let library = match self.find()? {
            Some(library) => library,
            None => {
                let path = match self.gpu_use {
                    GpuUse::None => install::install(&self.cache, context)?,
                    GpuUse::Cuda | GpuUse::Tensorrt => {
                        let megabytes = install::BYTES / 1_000_000;
                        if !context.offline && gpu::flawed(&install::cuda_folder(&self.cache)).is_some() {
                            let note = "GPUs need ONNX Runtime for them and, unless they are here, CUDA's libraries";
                            context.progress.note(&format!("{note}: {megabytes} MB to download"));
                        }
                        install::install_runtime(&self.cache, context)?
                    }
                };
                let version = check(&path)?;
                Library { path, origin: Origin::Cache, version }
            }
        };
        self.load_gpu_libraries(&library.path, context)?;
        Ok(library)
    }

    /// Loads what ONNX Runtime at `library` needs on GPUs. What infa can install is installed if it is missing.
    fn load_gpu_libraries(&self, library: &Path, context: &Context) -> Result<(), RuntimeError> {
        let Some(mut libraries) = self.libraries(Some(library))? else { return Ok(()) };
        if let Some(absent) = libraries.to_install() {
            tracing::info!("{} is not on this machine, or damaged", absent.name);
            install::install_cuda(&self.cache, context)?;
            libraries = self.libraries(Some(library))?.unwrap_or(libraries);
        }
        libraries.load()
    }

    /// The libraries that ONNX Runtime at `library` (without it, the one that infa installs) needs on GPUs; `None` if no
    /// engine uses one.
    ///
    /// # Errors
    /// [`RuntimeError::CpuBuild`].
    pub fn libraries(&self, library: Option<&Path>) -> Result<Option<Libraries>, RuntimeError> {
        let folders =
            Folders { flag: self.cuda_libraries.clone(), cache: self.cache.clone(), ask_python: self.ask_python };
        match self.gpu_use {
            GpuUse::None => Ok(None),
            GpuUse::Cuda => Libraries::of(library, false, &folders).map(Some),
            GpuUse::Tensorrt => Libraries::of(library, true, &folders).map(Some),
        }
    }

    /// The needs of the library that the user names; otherwise of the one that infa finds or installs.
    pub fn build(&self) -> Build {
        let Some(named) = self.flag.as_ref().or(self.environment.as_ref()) else { return Build::INSTALLED };
        match self.clone().on(GpuUse::Cuda).libraries(Some(named)) {
            Ok(Some(Libraries { cuda: ..13, .. })) => Build::CUDA_12,
            Ok(Some(_)) => Build { capabilities: &[], ..Build::INSTALLED },
            // It is refused before it is used.
            _ => Build::INSTALLED,
        }
    }

    /// The first GPU that can be used at once: nothing has to be installed.
    ///
    /// # Errors
    /// The reason that no GPU can; `None` where there is no GPU.
    pub fn ready_gpu(&self) -> Result<Gpu, Option<String>> {
        let Some(first) = gpu::visible().first() else { return Err(None) };
        let build = self.build();
        let usable = gpu::visible().iter().find(|gpu| gpu::check(gpu, build).is_ok());
        let Some(gpu) = usable else {
            return Err(gpu::check(first, build).err().map(|error| error.to_string()));
        };
        let search = self.clone().on(GpuUse::Cuda);
        let library = search.find().map_err(|e| Some(e.to_string()))?;
        let Some(library) = library else {
            return Err(Some(match install::has_gpu_packages() {
                true => "ONNX Runtime for GPUs is not installed; --device cuda installs it".into(),
                false => "there is no ONNX Runtime for GPUs on this system; --ort-library names one".into(),
            }));
        };
        match search.libraries(Some(&library.path)) {
            Ok(Some(libraries)) => libraries.unusable().map_or_else(|| Ok(gpu.clone()), |reason| Err(Some(reason))),
            Ok(None) => Err(None),
            Err(error) => Err(Some(error.to_string())),
        }
    }
}

/// Loads the file far enough to ask its version, which must be one that infa can use.
pub fn check(path: &Path) -> Result<String, RuntimeError> {
    super::forbid_telemetry();
    let refuse = |reason: String| RuntimeError::Library { path: path.to_owned(), reason };
    let mut file = regular_file::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => refuse("there is no such file".into()),
        _ => refuse(e.to_string()),
    })?;
    // Loading it would end the process by a signal.
    if integrity::is_cut_off(&mut file).map_err(|e| refuse(e.to_string()))? {
        return Err(refuse(integrity::CUT_OFF.into()));
    }
    let version = version(path).map_err(refuse)?;
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(1)), Some(Ok(minor))) if minor >= OLDEST_MINOR => Ok(version),
        _ => Err(refuse(format!("it is ONNX Runtime {version}; infa needs 1.{OLDEST_MINOR} or newer"))),
    }
}

fn version(path: &Path) -> Result<String, String> {
    let library = library_file::open(path)?;
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: the exported symbol of this name has this type in every version of ONNX Runtime (onnxruntime_c_api.h).
    let base: libloading::Symbol<'_, GetApiBase> =
        unsafe { library.get(b"OrtGetApiBase") }.map_err(|_| "it is not an ONNX Runtime library".to_owned())?;
    // SAFETY: takes no arguments and returns a static structure.
    let base = unsafe { base() };
    if base.is_null() {
        return Err("it is not a working ONNX Runtime library".into());
    }
    // SAFETY: not null, and the structure begins with these two function pointers since version 1.0.
    let text: *const c_char = unsafe { ((*base).GetVersionString)() };
    if text.is_null() {
        return Err("it does not tell its version".into());
    }
    // SAFETY: a static, NUL-terminated string of the library, copied while the library is still loaded.
    let version = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // Left loaded: the session that follows loads it again at once, and unloading C++ libraries is a risk for nothing.
    std::mem::forget(library);
    Ok(version)
}

/// The library inside the `onnxruntime` package that the active Python environment would import, without importing it.
fn python_package() -> Option<PathBuf> {
    let package = python::environment()?.onnxruntime.as_ref()?;
    let mut found: Vec<PathBuf> = std::fs::read_dir(package.join("capi"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(install::is_library))
        .collect();
    found.sort();
    tracing::debug!(?found, tested_with = VERSION, "libraries of the Python environment");
    found.pop()
}
