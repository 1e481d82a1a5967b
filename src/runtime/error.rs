//! Errors of ONNX Runtime: its library, its devices, and the models it runs.

use std::path::{Path, PathBuf};

use super::{OLDEST_MINOR, VERSION};
use crate::fetch::FetchError;

/// The reason that ONNX Runtime cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    #[error("{}: {reason}", path.display())]
    Library { path: PathBuf, reason: String },
    #[error("{}", not_installed(.0))]
    NotInstalled(#[source] FetchError),
    /// ONNX Runtime for GPUs, or CUDA's libraries.
    #[error("{}", gpu_not_installed(.what, .error))]
    GpuNotInstalled { what: String, error: FetchError },
    #[error("there is no ONNX Runtime package for {0}")]
    NoPackage(String),
    #[error("ONNX Runtime cannot load {model}: {}", shown(.source))]
    Load { model: String, source: ort::Error },
    #[error("ONNX Runtime failed: {}", shown(.0))]
    Run(#[from] ort::Error),
    /// A library that ONNX Runtime needs on GPUs.
    #[error("{name}, which ONNX Runtime needs on GPUs, cannot be loaded: {reason}{}", folders(.tried))]
    GpuLibrary { name: String, package: Option<&'static str>, tried: Vec<PathBuf>, reason: String },
    #[error("{}: this ONNX Runtime is not built for GPUs: {provider} is not beside it", path.display())]
    CpuBuild { path: PathBuf, provider: String },
    #[error("{model}: {reason}")]
    Interface { model: String, reason: String },
    /// Operators and their numbers of nodes.
    #[error("ONNX Runtime has no CUDA kernels for {}", operators_of(.operators))]
    NoKernel { operators: Vec<(String, usize)> },
}

/// True for a library in infa's cache.
fn is_ours(path: &Path) -> bool {
    let folders = ["onnxruntime", "onnxruntime-gpu"].map(|name| Path::new(name).join(VERSION));
    path.parent().is_some_and(|dir| folders.iter().any(|folder| dir.ends_with(folder)))
}

fn folders(tried: &[PathBuf]) -> String {
    let tried: Vec<String> = tried.iter().map(|folder| folder.display().to_string()).collect();
    match tried.is_empty() {
        true => String::new(),
        false => format!(" (looked for in {}, then in the system's folders)", tried.join(", ")),
    }
}

fn operators_of(operators: &[(String, usize)]) -> String {
    let each: Vec<String> = operators.iter().map(|(name, nodes)| format!("{name} ({nodes} nodes)")).collect();
    each.join(", ")
}

fn not_installed(error: &FetchError) -> String {
    match error {
        // It names ONNX Runtime itself.
        FetchError::Offline { .. } => error.to_string(),
        FetchError::Io { .. } => format!("ONNX Runtime cannot be installed in infa's cache: {error}"),
        _ => format!("ONNX Runtime is not installed: {error}"),
    }
}

fn gpu_not_installed(what: &str, error: &FetchError) -> String {
    match error {
        FetchError::Offline { .. } => error.to_string(),
        _ => format!("{what} cannot be installed: {error}"),
    }
}

impl RuntimeError {
    /// True if a GPU's memory does not suffice.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Load { source, .. } | Self::Run(source) => is_out_of_memory(source.message()),
            _ => false,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Load { .. } | Self::Run(_) if self.is_out_of_memory() => Some(
                "the GPU's memory does not suffice: lower --batch-tokens, raise --gpu-memory, use --dtype float16, or stop \
                 other programs on the GPU (nvidia-smi lists them)"
                    .into(),
            ),
            Self::GpuLibrary { package: Some(package), .. } => Some(format!(
                "`pip install {package}` into the active Python environment, or name the folder that has it with \
                 --cuda-libraries; infa doctor lists all libraries"
            )),
            Self::GpuLibrary { package: None, .. } => {
                Some(
                    "it comes with NVIDIA's driver; in a container, run it with --gpus all and \
                     NVIDIA_DRIVER_CAPABILITIES=compute,utility"
                        .into(),
                )
            }
            Self::CpuBuild { .. } => Some(
                "--ort-library takes the libonnxruntime of onnxruntime-gpu; without it (and without ORT_DYLIB_PATH), infa finds \
                 or installs one; or use --device cpu"
                    .into(),
            ),
            Self::Load { source, .. } | Self::Run(source) if cuda_failure(source.message()).is_some() => {
                Some("infa doctor shows the driver and the GPUs; --device cpu computes without them".into())
            }
            Self::NoKernel { .. } => Some("use --dtype float32, or --device cpu; please report the model".into()),
            Self::Library { reason, .. } if reason.contains("allocate memory") || reason.contains("map segment") => {
                Some("the library needs more memory than there is; raise the limit (ulimit -v)".into())
            }
            Self::Library { reason, .. } if reason.contains("Too many open files") => {
                Some("raise the limit of open files (ulimit -n)".into())
            }
            Self::Library { path, .. }
                if is_ours(path) =>
            {
                Some("remove its directory, and infa installs it again; --ort-library names another library".into())
            }
            Self::Library { .. } => Some(format!(
                "--ort-library takes the libonnxruntime of version 1.{OLDEST_MINOR} or newer; without it infa finds or \
                 installs {VERSION}"
            )),
            Self::GpuNotInstalled { error: FetchError::Offline { .. }, .. } => Some(
                "run once without --offline, or name what is here with --ort-library and --cuda-libraries; or use --device cpu"
                    .into(),
            ),
            Self::GpuNotInstalled { error: e @ FetchError::Io { .. }, .. } => e.hint(),
            Self::GpuNotInstalled { .. } => Some(format!(
                "install it with `pip install onnxruntime-gpu=={VERSION} nvidia-cuda-runtime nvidia-cublas nvidia-curand`, \
                 or use --device cpu"
            )),
            Self::NoPackage(system) if system.starts_with("GPUs") => Some(
                "use --device cpu; or give --ort-library a libonnxruntime that is built for GPUs on this system".into(),
            ),
            Self::NotInstalled(FetchError::Offline { .. }) => {
                Some("run once without --offline, or give a library with --ort-library".into())
            }
            // Nothing is wrong with ONNX Runtime or pip.
            Self::NotInstalled(e @ FetchError::Io { .. }) => e.hint(),
            Self::NotInstalled(_) | Self::NoPackage(_) => Some(format!(
                "install it with `pip install onnxruntime=={VERSION}`, or unpack an official release of ONNX Runtime \
                 and give its libonnxruntime to --ort-library"
            )),
            Self::Load { source, .. } if source.message().contains("Failed to load library") => Some(
                "a file beside libonnxruntime, or a library that it needs, is missing or damaged: remove the directory of \
                 ONNX Runtime for GPUs, and infa installs it again (infa doctor names it); or use --device cpu"
                    .into(),
            ),
            Self::Load { .. } | Self::Interface { .. } => {
                Some("infa runs encoders with input_ids and an output of token or sentence embeddings".into())
            }
            Self::Run(_) => None,
        }
    }
}

/// ONNX Runtime's message; of an error of CUDA only that, without the names of source files around it.
fn shown(error: &ort::Error) -> String {
    cuda_failure(error.message()).map_or_else(|| error.to_string(), str::to_owned)
}

/// The error of CUDA in a message, such as `CUDA failure 2: out of memory`.
fn cuda_failure(message: &str) -> Option<&str> {
    let at = ["CUDA failure ", "CUBLAS failure ", "CUDNN failure "].iter().find_map(|name| message.find(name))?;
    message[at..].split(" ; ").next().map(str::trim)
}

/// By the words of ONNX Runtime's arena, of CUDA, cuBLAS and TensorRT.
fn is_out_of_memory(message: &str) -> bool {
    const WORDS: &[&str] = &[
        "Failed to allocate memory for requested buffer",
        "is smaller than requested bytes",
        "CUDA failure 2:",
        "cudaErrorMemoryAllocation",
        "CUBLAS_STATUS_ALLOC_FAILED",
        "CUBLAS failure 3:",
        "out of memory",
        "OutOfMemory",
    ];
    WORDS.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_cuda_are_cut_out() {
        let message = "provider_options_utils.h:187 Parse Failed to parse provider option \"device_id\": CUDA failure 35: \
                       CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; file=a.cc";
        let cut = "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version";
        assert_eq!(cuda_failure(message), Some(cut));
        assert_eq!(cuda_failure("Non-zero status code returned while running MatMul node"), None);
    }

    #[test]
    fn memory_that_does_not_suffice_is_recognised() {
        for (message, expected) in [
            (
                "/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:407 void* onnxruntime::BFCArena::\
                 AllocateRawInternal(size_t) Failed to allocate memory for requested buffer of size 2147483648",
                true,
            ),
            ("BFC arena: Available memory of 1024 is smaller than requested bytes of 4096", true),
            ("CUDA failure 2: out of memory ; GPU=0 ; hostname=a ; expr=cudaMalloc((void**)&p, size);", true),
            ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", true),
            ("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version", false),
            ("CUDA failure 700: an illegal memory access was encountered", false),
            ("CUDA failure 209: no kernel image is available for execution on the device", false),
            ("Non-zero status code returned while running MatMul node", false),
        ] {
            assert_eq!(is_out_of_memory(message), expected, "{message}");
        }
    }
}
