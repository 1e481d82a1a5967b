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
    #[error("there is no ONNX Runtime package for {0}")]
    NoPackage(String),
    #[error("ONNX Runtime cannot load {model}: {source}")]
    Load { model: String, source: ort::Error },
    #[error("ONNX Runtime failed: {0}")]
    Run(#[from] ort::Error),
    #[error("{model}: {reason}")]
    Interface { model: String, reason: String },
    /// Operators and their numbers of nodes.
    #[error("ONNX Runtime has no CUDA kernels for {}", operators_of(.operators))]
    NoKernel { operators: Vec<(String, usize)> },
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
            Self::NoKernel { .. } => Some("use --dtype float32, or --device cpu; please report the model".into()),
            Self::Library { reason, .. } if reason.contains("allocate memory") || reason.contains("map segment") => {
                Some("the library needs more memory than there is; raise the limit (ulimit -v)".into())
            }
            Self::Library { reason, .. } if reason.contains("Too many open files") => {
                Some("raise the limit of open files (ulimit -n)".into())
            }
            Self::Library { path, .. }
                if path.parent().is_some_and(|dir| dir.ends_with(Path::new("onnxruntime").join(VERSION))) =>
            {
                Some("remove its directory, and infa installs it again; --ort-library names another library".into())
            }
            Self::Library { .. } => Some(format!(
                "--ort-library takes the libonnxruntime of version 1.{OLDEST_MINOR} or newer; without it infa finds or \
                 installs {VERSION}"
            )),
            Self::NotInstalled(FetchError::Offline { .. }) => {
                Some("run once without --offline, or give a library with --ort-library".into())
            }
            // Nothing is wrong with ONNX Runtime or pip.
            Self::NotInstalled(e @ FetchError::Io { .. }) => e.hint(),
            Self::NotInstalled(_) | Self::NoPackage(_) => Some(format!(
                "install it with `pip install onnxruntime=={VERSION}`, or unpack an official release of ONNX Runtime \
                 and give its libonnxruntime to --ort-library"
            )),
            Self::Load { .. } | Self::Interface { .. } => {
                Some("infa runs encoders with input_ids and an output of token or sentence embeddings".into())
            }
            Self::Run(_) => None,
        }
    }
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
