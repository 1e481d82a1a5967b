//! The library of ONNX Runtime, loaded into this process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ort::environment::Environment;
use ort::ep::ExecutionProvider;

use super::{RuntimeError, forbid_telemetry, library};

/// ONNX Runtime, loaded into this process.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    /// Of the library, such as "1.31.1".
    version: Arc<str>,
}

/// One environment a process: it is made once and never torn down, so that exiting in the middle of work is safe.
static LOADED: OnceLock<(PathBuf, Runtime)> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

impl Runtime {
    /// Loads the library at `path`. Later calls return what the first one loaded.
    ///
    /// # Errors
    /// [`RuntimeError::Library`] when the file is not an ONNX Runtime of a usable version.
    pub fn load(path: &Path) -> Result<Self, RuntimeError> {
        forbid_telemetry();
        let _guard = LOADING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, runtime)) = LOADED.get() {
            return Ok(runtime.clone());
        }
        let refuse = |reason: String| RuntimeError::Library { path: path.to_owned(), reason };
        let version = library::check(path)?.into();
        let environment = ort::init_from(path)
            .map_err(|e| refuse(e.to_string()))?
            .with_name("infa")
            .with_telemetry(false)
            .with_logger(Arc::new(log))
            .build()
            .map_err(|e| refuse(e.to_string()))?;
        environment.set_log_level(ort::logging::LogLevel::Warning);
        let runtime = Self { environment, version };
        let _ = LOADED.set((path.to_owned(), runtime.clone()));
        Ok(runtime)
    }

    /// The loaded library, if any.
    pub fn loaded() -> Option<Self> {
        LOADED.get().map(|(_, runtime)| runtime.clone())
    }

    /// The library's version, such as "1.31.1".
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file that was loaded.
    pub fn path(&self) -> &Path {
        LOADED.get().map_or(Path::new(""), |(path, _)| path)
    }

    /// The environment, for sessions made with `ort` itself (a benchmark's baseline, say).
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Names of the execution providers this library was built with, of those infa knows.
    pub fn providers(&self) -> Vec<&'static str> {
        let known = [
            ("CPU", ort::ep::CPU::is_available()),
            ("CUDA", ort::ep::CUDA::is_available()),
            ("TensorRT", ort::ep::TensorRT::is_available()),
        ];
        known.into_iter().filter(|(_, available)| matches!(available, Ok(true))).map(|(name, _)| name).collect()
    }
}

/// ONNX Runtime's own messages become tracing events, so that `-v` decides who sees them.
pub(super) fn log(level: ort::logging::LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    use ort::logging::LogLevel;
    match level {
        LogLevel::Fatal | LogLevel::Error => tracing::error!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Warning => tracing::info!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Info => tracing::debug!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Verbose => tracing::trace!(target: "onnxruntime", category, location, "{message}"),
    }
}
