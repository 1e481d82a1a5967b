//! Errors of ONNX Runtime: its library, its devices, and the models it runs.

use std::path::PathBuf;

use super::device::{Device, Dtype};
use super::{OLDEST_MINOR, VERSION};
use crate::fetch::FetchError;

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
        device: Device,
        /// Why not.
        reason: String,
    },
    /// A number format that is not implemented.
    #[error("--dtype {0} is not implemented yet")]
    Dtype(Dtype),
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
