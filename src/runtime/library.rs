//! The choice of the ONNX Runtime library.
//!
//! Order: the library that the user names; the one that infa installed; the `onnxruntime` package of the active Python
//! environment. If there is none, it is installed (`install.rs`).

use std::error::Error as _;
use std::ffi::{CStr, c_char};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{OLDEST_MINOR, RuntimeError, VERSION, install, integrity};
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
}

impl Search {
    /// The first usable library; none is an answer, not an error.
    ///
    /// # Errors
    /// [`RuntimeError::Library`] when a library that the user named cannot be used: it is never passed over silently.
    pub fn find(&self) -> Result<Option<Library>, RuntimeError> {
        for (path, origin) in [(&self.flag, Origin::Flag), (&self.environment, Origin::Environment)] {
            if let Some(path) = path {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let version = check(&path)?;
                return Ok(Some(Library { path, origin, version }));
            }
        }
        if let Some(path) = install::installed(&self.cache) {
            let damaged = |reason| RuntimeError::Library { path: path.clone(), reason };
            match integrity::damage(&path).map_or_else(|| check(&path), |damage| Err(damaged(damage))) {
                Ok(version) => return Ok(Some(Library { path, origin: Origin::Cache, version })),
                Err(e) => tracing::warn!("the installed ONNX Runtime is passed over: {e}"),
            }
        }
        if self.ask_python
            && let Some(path) = python_package()
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
        if let Some(library) = self.find()? {
            return Ok(library);
        }
        let path = install::install(&self.cache, context)?;
        let version = check(&path)?;
        Ok(Library { path, origin: Origin::Cache, version })
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
    // SAFETY: loading a library runs its initialisers; the user, their Python environment or infa's checked download
    // vouches for it, and it is about to be used for inference anyway.
    let library = unsafe { libloading::Library::new(path) }.map_err(|e| {
        let reason = e.source().unwrap_or(&e).to_string();
        // The system's message begins with the path, as the error does already.
        reason.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&reason).to_owned()
    })?;
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
    const FIND: &str = "import importlib.util as u; s = u.find_spec('onnxruntime'); \
                        print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')";
    let output = Command::new(install::python())
        .args(["-c", FIND])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let package = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    if package.as_os_str().is_empty() {
        return None;
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(package.join("capi"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(install::is_library))
        .collect();
    found.sort();
    tracing::debug!(?found, tested_with = VERSION, "libraries of the Python environment");
    found.pop()
}
