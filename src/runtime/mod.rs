//! ONNX Runtime: find or install its library, load it once, make sessions that share their weights.

pub mod cores;
pub mod device;
pub mod install;
pub mod library;
mod session;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ort::environment::Environment;
use ort::ep::ExecutionProvider;

pub use session::{Session, SessionOptions, SharedWeights};

use crate::fetch::FetchError;

/// The ONNX Runtime this version of infa is tested with, and installs.
pub const VERSION: &str = "1.31.1";
/// The oldest minor version with which all architectures give the right numbers: up to 1.23 the windows of
/// `GroupQueryAttention` are not what is asked for, up to 1.20 masks of `MultiHeadAttention` neither.
pub const OLDEST_MINOR: u32 = 24;

/// Why ONNX Runtime cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The library given by `--ort-library` or `ORT_DYLIB_PATH` cannot be used.
    #[error("{}: {reason}", path.display())]
    Library {
        /// The library.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No library was found, and none could be installed.
    #[error("ONNX Runtime is not installed: {0}")]
    NotInstalled(#[source] FetchError),
    /// There is no package of ONNX Runtime for this system.
    #[error("there is no ONNX Runtime package for {0}")]
    NoPackage(String),
    /// A device that this build or library does not serve.
    #[error("--device {device}: {reason}")]
    Device {
        /// The device asked for.
        device: device::Device,
        /// Why not.
        reason: String,
    },
    /// A number format that is not implemented.
    #[error("--dtype {0} is not implemented yet")]
    Dtype(device::Dtype),
    /// int8 was asked of a ready `.onnx` file.
    #[error("{}: --dtype int8 quantises weights from safetensors, not a ready .onnx file", .0.display())]
    Int8File(PathBuf),
    /// ONNX Runtime refused a model.
    #[error("ONNX Runtime cannot load {model}: {source}")]
    Load {
        /// The model's name or file.
        model: String,
        /// ONNX Runtime's reason.
        source: ort::Error,
    },
    /// ONNX Runtime failed while computing.
    #[error("ONNX Runtime failed: {0}")]
    Run(#[from] ort::Error),
    /// A ready `.onnx` file has inputs or outputs infa cannot serve.
    #[error("{model}: {reason}")]
    Interface {
        /// The file.
        model: String,
        /// Which input or output, and what is wrong with it.
        reason: String,
    },
}

impl RuntimeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Library { .. } => Some(format!(
                "give the libonnxruntime of version 1.{OLDEST_MINOR} or newer to --ort-library, or leave the flag out \
                 (infa then finds or installs {VERSION})"
            )),
            Self::NotInstalled(FetchError::Offline { .. }) => {
                Some("run once without --offline, or give a library with --ort-library".into())
            }
            Self::NotInstalled(_) | Self::NoPackage(_) => Some(format!(
                "install it with `pip install onnxruntime=={VERSION}`, or unpack an official release of ONNX Runtime \
                 and give its libonnxruntime to --ort-library"
            )),
            Self::Device { .. } => Some("use --device cpu (or auto)".into()),
            Self::Dtype(_) => Some("use --dtype float32, int8 or auto".into()),
            Self::Int8File(_) => Some(
                "give the model's directory with config.json and model.safetensors, or leave --dtype out and give an \
                 .onnx file that is quantised already"
                    .into(),
            ),
            Self::Load { .. } | Self::Interface { .. } => {
                Some("infa runs encoders with input_ids and an output of token or sentence embeddings".into())
            }
            Self::Run(_) => None,
        }
    }
}

/// Forbids ONNX Runtime's telemetry to this process.
///
/// Since 1.29 the official builds for Linux and macOS, too, keep a device id and a database of events in the user's cache
/// and send them to Microsoft; `DisableTelemetryEvents` comes too late for the first event. Only this variable, set before
/// the library initialises, prevents all of it (Privacy.md of ONNX Runtime, "Disabling Telemetry").
///
/// A program should call this first of all, while it has one thread. [`library::check`] and [`Runtime::load`] call it, too.
pub fn forbid_telemetry() {
    const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
    if std::env::var_os(VARIABLE).is_none_or(|value| value != "1") {
        // SAFETY: the binary gets here from `main` before it starts a thread. In another program that did not call this
        // function first, it would be unsound for C code on another thread to read the environment at this moment.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}

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

    /// What has been loaded, if anything has.
    pub fn loaded() -> Option<Self> {
        LOADED.get().map(|(_, runtime)| runtime.clone())
    }

    /// The library's version, such as "1.31.1".
    pub fn version(&self) -> &str {
        &self.version
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
fn log(level: ort::logging::LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    use ort::logging::LogLevel;
    match level {
        LogLevel::Fatal | LogLevel::Error => tracing::error!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Warning => tracing::info!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Info => tracing::debug!(target: "onnxruntime", category, location, "{message}"),
        LogLevel::Verbose => tracing::trace!(target: "onnxruntime", category, location, "{message}"),
    }
}
