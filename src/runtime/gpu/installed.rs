//! The files that infa installs for GPUs, and damage to them.

use std::path::{Path, PathBuf};

use super::loader;

/// ONNX Runtime's provider for CUDA, beside its library.
pub(super) const CUDA_PROVIDER: &str = "libonnxruntime_providers_cuda.so";
/// ONNX Runtime's provider for TensorRT.
pub(super) const TENSORRT_PROVIDER: &str = "libonnxruntime_providers_tensorrt.so";
/// The code that ONNX Runtime and its providers share.
const SHARED_PROVIDER: &str = "libonnxruntime_providers_shared.so";

/// The needs of the provider that infa installs, used until it is installed.
pub(super) const CUDA_NEEDS: &[&str] = &["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10"];

/// The first of the providers' files beside `library` that is damaged, and how. Those that are not there are not.
pub(crate) fn damaged_provider(library: &Path) -> Option<(PathBuf, String)> {
    [SHARED_PROVIDER, CUDA_PROVIDER, TENSORRT_PROVIDER].iter().find_map(|name| {
        let path = library.with_file_name(name);
        path.symlink_metadata().ok()?;
        let flaw = loader::flaw(&path, name)?;
        Some((path, flaw))
    })
}

/// The first of the providers that are not beside `library`, of those that CUDA needs.
pub(crate) fn missing_provider(library: &Path) -> Option<&'static str> {
    [SHARED_PROVIDER, CUDA_PROVIDER].into_iter().find(|name| !library.with_file_name(name).is_file())
}

/// The first of CUDA's libraries that is damaged or missing in infa's folder of them, and how.
pub(crate) fn flawed(folder: &Path) -> Option<String> {
    CUDA_NEEDS.iter().find_map(|name| {
        let path = folder.join(name);
        Some(format!("{}: {}", path.display(), loader::flaw(&path, name)?))
    })
}
