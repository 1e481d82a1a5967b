//! ONNX Runtime for GPUs, and CUDA's libraries.
//!
//! The libraries are those of CUDA 13.0, the oldest that this ONNX Runtime runs with: they work with every driver that it
//! works with. Nothing is installed but what it links to, so no cuDNN.

use std::path::{Path, PathBuf};

use super::names::{is_library, library_in};
use super::wheels::{Wheel, file_name, unpack};
use crate::fetch::{self, Context, FetchError, lock};
use crate::runtime::{RuntimeError, VERSION, gpu, integrity};

/// Bytes to download for ONNX Runtime and CUDA's libraries.
pub(crate) const BYTES: u64 = RUNTIME[0].bytes + CUDA[0].bytes + CUDA[1].bytes + CUDA[2].bytes;

/// The wheel of [`VERSION`], for Linux on x86-64 alone.
const RUNTIME: [Wheel; 1] = [Wheel {
    requirement: "onnxruntime-gpu==1.31.1",
    tags: &[
        "--python-version",
        "3.12",
        "--implementation",
        "cp",
        "--abi",
        "cp312",
        "--platform",
        "manylinux_2_28_x86_64",
    ],
    sha256: "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    bytes: 255_569_273,
    place: |member| {
        let name = file_name(member)?;
        let wanted = is_library(name)
            || name.starts_with("libonnxruntime_providers_")
            || ["LICENSE", "ThirdPartyNotices.txt"].contains(&name);
        wanted.then(|| name.to_owned())
    },
}];

const CUDA: [Wheel; 3] = [
    Wheel {
        requirement: "nvidia-cuda-runtime==13.0.96",
        tags: &["--python-version", "3.12", "--platform", "manylinux2014_x86_64"],
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        bytes: 2_243_632,
        place: library_of_cuda,
    },
    Wheel {
        requirement: "nvidia-cublas==13.1.0.3",
        tags: &["--python-version", "3.12", "--platform", "manylinux_2_27_x86_64"],
        sha256: "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
        bytes: 423_133_236,
        place: library_of_cuda,
    },
    Wheel {
        requirement: "nvidia-curand==10.4.0.35",
        tags: &["--python-version", "3.12", "--platform", "manylinux_2_27_x86_64"],
        sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
        bytes: 59_544_258,
        place: library_of_cuda,
    },
];

fn library_of_cuda(member: &str) -> Option<String> {
    let name = file_name(member)?;
    match name {
        "License.txt" => Some(format!("{}.License.txt", member.split('-').next().unwrap_or_default())),
        // It replaces BLAS in other programs.
        _ if name.starts_with("libnvblas") => None,
        _ => (member.starts_with("nvidia/") && name.contains(".so.")).then(|| name.to_owned()),
    }
}

/// True if there are wheels for this system.
pub(crate) fn has_gpu_packages() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))
}

fn runtime_folder(cache: &Path) -> PathBuf {
    cache.join("onnxruntime-gpu").join(VERSION)
}

/// The folder of CUDA's libraries.
pub(crate) fn cuda_folder(cache: &Path) -> PathBuf {
    cache.join("cuda").join("13.0")
}

/// ONNX Runtime for GPUs, if infa installed it earlier.
pub(crate) fn installed_runtime(cache: &Path) -> Option<PathBuf> {
    library_in(&runtime_folder(cache))
}

/// Installs ONNX Runtime for GPUs and returns its path. Several processes at once install it once.
///
/// # Errors
/// [`RuntimeError::NoPackage`] where no package exists for this system, [`RuntimeError::GpuNotInstalled`] otherwise.
pub(crate) fn install_runtime(cache: &Path, context: &Context) -> Result<PathBuf, RuntimeError> {
    let target = runtime_folder(cache);
    let what = format!("ONNX Runtime {VERSION} for GPUs");
    let whole = |folder: &Path| library_in(folder).is_some_and(|library| damage_of_gpu_runtime(&library).is_none());
    once((&RUNTIME, &target, &what), context, whole, |folder| match library_in(folder) {
        Some(library) => integrity::write_record(&library),
        None => {
            let reason = "the wheel holds no library".into();
            Err(FetchError::Malformed { url: RUNTIME[0].requirement.into(), reason })
        }
    })?;
    library_in(&target).ok_or_else(|| {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        RuntimeError::GpuNotInstalled { what, error: FetchError::Io { path: target, source } }
    })
}

/// Installs CUDA's libraries and returns their folder.
///
/// # Errors
/// As [`install_runtime`].
pub(crate) fn install_cuda(cache: &Path, context: &Context) -> Result<PathBuf, RuntimeError> {
    let target = cuda_folder(cache);
    let whole = |folder: &Path| gpu::flawed(folder).is_none();
    once((&CUDA, &target, "CUDA's libraries"), context, whole, |_| Ok(()))?;
    Ok(target)
}

/// The damage to ONNX Runtime for GPUs, which infa installed, if there is any: of the library or of what belongs beside it.
pub(crate) fn damage_of_gpu_runtime(library: &Path) -> Option<String> {
    integrity::damage(library)
        .or_else(|| gpu::missing_provider(library).map(|name| format!("{name} is not beside it")))
        .or_else(|| gpu::damaged_provider(library).map(|(path, reason)| format!("{}: {reason}", path.display())))
}

/// Unpacks the wheels into the folder, unless it is `whole`: what is incomplete or damaged is replaced.
fn once(
    (wheels, target, what): (&[Wheel], &Path, &str),
    context: &Context,
    whole: impl Fn(&Path) -> bool,
    finish: impl FnOnce(&Path) -> Result<(), FetchError>,
) -> Result<(), RuntimeError> {
    if !has_gpu_packages() {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        return Err(RuntimeError::NoPackage(format!("GPUs on {os} on {arch}")));
    }
    let failed = |error| RuntimeError::GpuNotInstalled { what: what.to_owned(), error };
    if context.offline {
        return Err(failed(FetchError::Offline { what: what.to_owned() }));
    }
    let bytes: u64 = wheels.iter().map(|wheel| wheel.bytes).sum();
    let lock_file = target.with_file_name("install.lock");
    lock::with_lock(&lock_file, context, || {
        if whole(target) {
            return Ok(());
        }
        fetch::sweep_staging(target);
        context.progress.note(&format!("Downloading {what}: {} MB, once", bytes / 1_000_000));
        unpack(wheels, target, context, finish)?;
        context.progress.note(&format!("Installed {what} in {}", target.display()));
        Ok(())
    })
    .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_wheel_is_that_of_the_tested_version() {
        assert_eq!(RUNTIME[0].requirement, format!("onnxruntime-gpu=={VERSION}"));
        assert_eq!(BYTES / 1_000_000, 740);
        for wheel in RUNTIME.iter().chain(&CUDA) {
            assert_eq!(wheel.sha256.len(), 64, "{}", wheel.requirement);
        }
    }

    #[test]
    fn only_what_is_linked_to_is_unpacked() {
        for (member, expected) in [
            ("nvidia/cu13/lib/libcublasLt.so.13", Some("libcublasLt.so.13")),
            ("nvidia/cu13/lib/libnvblas.so.13", None),
            ("nvidia/cu13/include/cublas.h", None),
            ("nvidia_cublas-13.1.0.3.dist-info/licenses/License.txt", Some("nvidia_cublas.License.txt")),
        ] {
            assert_eq!(library_of_cuda(member).as_deref(), expected, "{member}");
        }
        for (member, expected) in [
            ("onnxruntime/capi/libonnxruntime.so.1.31.1", true),
            ("onnxruntime/capi/libonnxruntime_providers_cuda.so", true),
            ("onnxruntime/capi/libonnxruntime_providers_shared.so", true),
            ("onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so", false),
            ("onnxruntime/LICENSE", true),
        ] {
            assert_eq!((RUNTIME[0].place)(member).is_some(), expected, "{member}");
        }
    }

    #[test]
    fn nothing_is_downloaded_offline() {
        let dir = tempfile::tempdir().ok();
        let Some(dir) = dir else { return };
        let context = Context { offline: true, ..Context::silent() };
        for error in [install_runtime(dir.path(), &context).err(), install_cuda(dir.path(), &context).err()] {
            assert!(
                matches!(
                    error,
                    Some(
                        RuntimeError::GpuNotInstalled { error: FetchError::Offline { .. }, .. }
                            | RuntimeError::NoPackage(_)
                    )
                ),
                "{error:?}"
            );
        }
        assert!(!dir.path().join("cuda").exists());
    }
}
