//! ONNX Runtime for the CPU.
//!
//! The library comes from the `onnxruntime` wheel for one fixed Python version, fetched by the machine's own `pip` of
//! any version: so there is exactly one file for each platform, and its SHA-256 is pinned here.

use std::path::{Path, PathBuf};

use super::names::{is_library, library_in, python};
use crate::fetch::{self, Context, FetchError, lock, pip};
use crate::runtime::{RuntimeError, VERSION, integrity};

/// One wheel of [`VERSION`].
struct Wheel {
    os: &'static str,
    arch: &'static str,
    platform: &'static str,
    sha256: &'static str,
    bytes: u64,
}

const WHEELS: &[Wheel] = &[
    Wheel {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536",
        bytes: 23_760_988,
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc",
        bytes: 21_420_803,
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        platform: "macosx_14_0_arm64",
        sha256: "96dd2564b10ea7153ad9c207e7cd8e5917cb3ba521e0e0a62ac03486fdc8d56c",
        bytes: 20_882_125,
    },
];

pub(super) fn directory(cache: &Path) -> PathBuf {
    cache.join("onnxruntime").join(VERSION)
}

/// The library that infa installed earlier, if it did.
pub(crate) fn installed(cache: &Path) -> Option<PathBuf> {
    library_in(&directory(cache))
}

pub(super) fn lock_file(cache: &Path) -> PathBuf {
    cache.join("onnxruntime").join("install.lock")
}

/// Installs the library and returns its path. Several processes at once install it once.
///
/// # Errors
/// [`RuntimeError::NoPackage`] where no package exists for this system, [`RuntimeError::NotInstalled`] otherwise.
pub(crate) fn install(cache: &Path, context: &Context) -> Result<PathBuf, RuntimeError> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let wheel = WHEELS
        .iter()
        .find(|wheel| wheel.os == os && wheel.arch == arch && !cfg!(target_env = "musl"))
        .ok_or_else(|| RuntimeError::NoPackage(format!("{os} on {arch}")))?;
    if context.offline {
        let what = format!("ONNX Runtime {VERSION}");
        return Err(RuntimeError::NotInstalled(FetchError::Offline { what }));
    }
    let target = directory(cache);
    lock::with_lock(&lock_file(cache), context, || match library_in(&target) {
        Some(path) => Ok(path),
        None => {
            fetch::sweep_staging(&target);
            unpack(wheel, &target, context)
        }
    })
    .map_err(RuntimeError::NotInstalled)
}

fn unpack(wheel: &Wheel, target: &Path, context: &Context) -> Result<PathBuf, FetchError> {
    let staging = fetch::staging_directory(target)?;
    let requirement = format!("onnxruntime=={VERSION}");
    let tags = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--platform", wheel.platform];
    let file = pip::download_wheel(
        pip::Wheel { requirement: &requirement, tags: &tags, sha256: wheel.sha256, bytes: wheel.bytes },
        python().as_ref(),
        staging.path(),
        context,
    )?;
    pip::extract(&file, staging.path(), |member| {
        let name = Path::new(member).file_name()?.to_str()?;
        let wanted = is_library(name)
            || name.contains("onnxruntime_providers_shared")
            || ["LICENSE", "ThirdPartyNotices.txt"].contains(&name);
        wanted.then(|| PathBuf::from(name))
    })?;
    fetch::remove_file(&file)?;
    let Some(library) = library_in(staging.path()) else {
        return Err(FetchError::Malformed { url: requirement, reason: "the wheel holds no library".into() });
    };
    integrity::write_record(&library)?;
    fetch::publish(staging, target)?;
    context.progress.note(&format!("Installed ONNX Runtime {VERSION} in {}", target.display()));
    library_in(target).ok_or_else(|| FetchError::Io {
        path: target.to_owned(),
        source: std::io::Error::from(std::io::ErrorKind::NotFound),
    })
}
