//! The mapped files of weights that a loaded model reads while it computes.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use crate::engine::TextError;
use crate::graph::Initializer;
use crate::model::weights::{Access, MappedFile};

/// Those files; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct WeightFiles(Arc<[Arc<MappedFile>]>);

impl WeightFiles {
    /// The files in which these weights of a graph lie.
    pub(crate) fn of(initializers: &[Initializer]) -> Self {
        let mut files: Vec<Arc<MappedFile>> = Vec::new();
        for file in initializers.iter().filter_map(|weight| weight.data.file()) {
            if !files.iter().any(|known| Arc::ptr_eq(known, file)) {
                files.push(Arc::clone(file));
            }
        }
        Self(files.into())
    }

    /// The files beside a ready `.onnx` file in which it keeps its weights, if it does: `model.onnx_data`,
    /// `model.onnx.data`. ONNX Runtime maps them. The `.onnx` file itself is read once.
    ///
    /// # Errors
    /// The system's, where such a file cannot be opened.
    pub(crate) fn beside(onnx: &Path) -> std::io::Result<Self> {
        let (Some(dir), Some(name)) = (onnx.parent(), onnx.file_name().and_then(OsStr::to_str)) else {
            return Ok(Self::default());
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })?.flatten() {
            let is_data = entry.file_name().to_str().is_some_and(|other| other != name && other.starts_with(name));
            if is_data && entry.path().is_file() {
                files.push(Arc::new(MappedFile::open(&entry.path(), Access::Map)?));
            }
        }
        Ok(Self(files.into()))
    }

    /// True if no file is read while the model computes.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The change of the weights since they were loaded, if any. Costs a system call a file.
    pub(crate) fn changed(&self) -> Option<&str> {
        self.0.iter().find_map(|file| file.changed())
    }

    /// The same as an error of a text.
    pub(crate) fn check(&self) -> Result<(), TextError> {
        self.changed().map_or(Ok(()), |reason| Err(TextError::unavailable(reason.to_owned())))
    }
}
