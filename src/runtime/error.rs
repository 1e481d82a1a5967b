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
    /// True if a device had not enough memory: CUDA's error 2, or ONNX Runtime's arena at its limit.
    pub fn is_out_of_memory(&self) -> bool {
        let (Self::Load { source, .. } | Self::Run(source)) = self else { return false };
        says_out_of_memory(&source.to_string())
    }

    pub fn hint(&self) -> Option<String> {
        match self {
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

fn says_out_of_memory(message: &str) -> bool {
    ["out of memory", "Failed to allocate memory", "smaller than requested bytes"]
        .iter()
        .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_memory_are_found_by_their_text() {
        for message in [
            "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; expr=cudaMalloc((void**)&p, size);",
            "bfc_arena.cc:359 AllocateRawInternal Available memory of 4096 is smaller than requested bytes of 8192",
            "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 16777216",
        ] {
            assert!(says_out_of_memory(message), "{message}");
        }
        assert!(!says_out_of_memory("CUDA failure 700: an illegal memory access was encountered"));
    }
}
