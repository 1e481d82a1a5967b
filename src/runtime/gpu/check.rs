//! Checks that a GPU can run a build of ONNX Runtime, before a library is loaded: the errors of CUDA come later and
//! name neither driver nor chip.

use super::{Found, Gpu};
use crate::runtime::device::{Device, GpuIds};

/// The needs of a build of ONNX Runtime for GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// Major version of CUDA.
    pub cuda: u32,
    /// Oldest major version of the driver.
    pub driver: u32,
    /// Capabilities that there is machine code for; empty if unknown.
    pub capabilities: &'static [(u32, u32)],
}

impl Build {
    /// The wheel that infa installs: machine code for these chips and no PTX, which newer ones could compile.
    pub(crate) const INSTALLED: Self =
        Self { cuda: 13, driver: 580, capabilities: &[(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (12, 0)] };
    /// A library of the user's own for CUDA 12. <https://docs.nvidia.com/deploy/cuda-compatibility/>
    pub(crate) const CUDA_12: Self = Self { cuda: 12, driver: 525, capabilities: &[] };
    /// The last version of ONNX Runtime whose wheel on PyPI is for CUDA 12.
    pub(crate) const LAST_CUDA_12: &'static str = "onnxruntime-gpu 1.26";

    /// True if code for one of the capabilities runs: it does on chips of the same major version, if their minor version
    /// is not below.
    fn runs_on(self, (major, minor): (u32, u32)) -> bool {
        self.capabilities.is_empty() || self.capabilities.iter().any(|&(built, from)| built == major && from <= minor)
    }
}

/// The reason that GPUs cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GpuError {
    #[error("this machine has no working NVIDIA driver: {0}")]
    NoDriver(String),
    #[error("the driver reports no GPU")]
    NoGpu,
    #[error("CUDA_VISIBLE_DEVICES hides all GPUs ({0})")]
    Hidden(usize),
    #[error("there is no GPU {id}: {}", present(*.count))]
    NoSuchGpu { id: u32, count: usize },
    #[error("the NVIDIA driver {found} is too old for CUDA {cuda}, which needs {needed} or newer")]
    OldDriver { found: String, needed: u32, cuda: u32 },
    #[error("GPU {id} ({name}) has compute capability {}, and ONNX Runtime has no code for it", dotted(*.found))]
    Capability { id: u32, name: String, found: (u32, u32), known: &'static [(u32, u32)] },
}

fn present(count: usize) -> String {
    match count {
        1 => "the only one is GPU 0".into(),
        _ => format!("there are GPU 0 to GPU {}", count - 1),
    }
}

fn dotted((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

impl GpuError {
    /// The next step.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoDriver(_) => {
                let needed = Build::INSTALLED.driver;
                format!(
                    "install NVIDIA's driver {needed} or newer (in a container: run it with --gpus all), or use --device cpu"
                )
            }
            Self::NoGpu => "nvidia-smi lists GPUs; in a container, run it with --gpus all; or use --device cpu".into(),
            Self::Hidden(_) => "unset CUDA_VISIBLE_DEVICES, or name a GPU in it".into(),
            Self::NoSuchGpu { .. } => "infa doctor lists the GPUs; --device cuda is the first, cuda:all is all".into(),
            Self::OldDriver { cuda: 13, .. } => format!(
                "update the driver; or keep it and give --ort-library the libonnxruntime of {} (CUDA 12)",
                Build::LAST_CUDA_12
            ),
            Self::OldDriver { .. } => "update the driver, or use --device cpu".into(),
            Self::Capability { found, known, .. } => {
                let list: Vec<String> = known.iter().map(|&known| dotted(known)).collect();
                let other = match found {
                    (..=7, _) => format!(", or give --ort-library a build for it, such as {}", Build::LAST_CUDA_12),
                    _ => ", or give --ort-library a build of ONNX Runtime for it".into(),
                };
                format!("there is code for {}; use --device cpu{other}", list.join(", "))
            }
        }
    }
}

/// Checks one GPU.
///
/// # Errors
/// Its driver is too old for the build, or the build has no code for it.
pub(crate) fn check(gpu: &Gpu, build: Build) -> Result<(), GpuError> {
    let major = gpu.driver.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < build.driver) {
        let (found, needed) = (gpu.driver.clone(), build.driver);
        return Err(GpuError::OldDriver { found, needed, cuda: build.cuda });
    }
    match gpu.capability {
        Some(found) if !build.runs_on(found) => {
            Err(GpuError::Capability { id: gpu.id, name: gpu.name.clone(), found, known: build.capabilities })
        }
        _ => Ok(()),
    }
}

/// The GPUs that `device` names, checked.
///
/// # Errors
/// The driver reports no GPU, or a named GPU is missing or cannot be used. Of `all`, those that cannot be used are left out
/// with a warning, unless no GPU is left.
pub(crate) fn choose(device: Device, found: &Found, build: Build) -> Result<Vec<Gpu>, GpuError> {
    let visible = match found {
        Found::NoDriver(reason) => return Err(GpuError::NoDriver(reason.clone())),
        Found::Gpus { total: 0, .. } => return Err(GpuError::NoGpu),
        Found::Gpus { total, visible, .. } if visible.is_empty() => return Err(GpuError::Hidden(*total)),
        Found::Gpus { visible, .. } => visible,
    };
    let count = u32::try_from(visible.len()).unwrap_or(u32::MAX);
    let mut chosen = Vec::new();
    let mut unusable = Vec::new();
    for id in device.ids.numbers(count) {
        let Some(gpu) = visible.iter().find(|gpu| gpu.id == id) else {
            return Err(GpuError::NoSuchGpu { id, count: visible.len() });
        };
        match check(gpu, build) {
            Ok(()) => chosen.push(gpu.clone()),
            Err(error) if device.ids == GpuIds::All => unusable.push(error),
            Err(error) => return Err(error),
        }
    }
    if chosen.is_empty() && !unusable.is_empty() {
        return Err(unusable.swap_remove(0));
    }
    unusable.iter().for_each(|error| tracing::warn!("{error}; it is left out"));
    Ok(chosen)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::runtime::gpu::sample::gpu;

    fn found(visible: Vec<Gpu>) -> Found {
        Found::Gpus { driver: "580.95.05".into(), total: visible.len(), visible }
    }

    fn chosen(device: &str, found: &Found) -> Result<Vec<u32>, String> {
        let gpus = choose(device.parse().unwrap(), found, Build::INSTALLED);
        gpus.map(|gpus| gpus.iter().map(|gpu| gpu.id).collect()).map_err(|e| format!("{e}; hint: {}", e.hint()))
    }

    #[test]
    fn chips_with_code_run() {
        for capability in [(7, 5), (8, 0), (8, 6), (8, 7), (8, 9), (9, 0), (12, 0), (12, 1)] {
            assert_eq!(check(&gpu(0, capability), Build::INSTALLED), Ok(()), "{capability:?}");
        }
        for capability in [(5, 2), (6, 1), (7, 0), (7, 2), (10, 0), (10, 3), (11, 0)] {
            let error = check(&gpu(0, capability), Build::INSTALLED).unwrap_err();
            assert!(matches!(error, GpuError::Capability { .. }), "{capability:?}");
            assert!(error.hint().contains("7.5, 8.0, 8.6, 8.9, 9.0, 12.0"), "{}", error.hint());
        }
        // Unknown builds and chips show what they can do when they run.
        assert_eq!(check(&gpu(0, (7, 0)), Build::CUDA_12), Ok(()));
        assert_eq!(check(&Gpu { capability: None, ..gpu(0, (7, 0)) }, Build::INSTALLED), Ok(()));
    }

    #[test]
    fn old_drivers_are_refused_with_the_two_ways_out() {
        let old = |driver: &str| Gpu { driver: driver.into(), ..gpu(0, (8, 9)) };
        for driver in ["535.183.01", "579.99", "470"] {
            let error = check(&old(driver), Build::INSTALLED).unwrap_err();
            assert!(error.to_string().contains(driver) && error.to_string().contains("580"), "{error}");
            assert!(error.hint().contains("1.26") && error.hint().contains("--ort-library"), "{}", error.hint());
        }
        assert_eq!(check(&old("535.183.01"), Build::CUDA_12), Ok(()));
        assert!(check(&old("470.57.02"), Build::CUDA_12).is_err());
        for driver in ["580.65.06", "590.1", "unknown"] {
            assert_eq!(check(&old(driver), Build::INSTALLED), Ok(()), "{driver}");
        }
    }

    #[test]
    fn gpus_are_chosen_or_the_reason_is_named() {
        let two = found(vec![gpu(0, (8, 9)), gpu(1, (8, 9))]);
        assert_eq!(chosen("cuda", &two), Ok(vec![0]));
        assert_eq!(chosen("cuda:1", &two), Ok(vec![1]));
        assert_eq!(chosen("tensorrt:0,1", &two), Ok(vec![0, 1]));
        assert_eq!(chosen("cuda:all", &two), Ok(vec![0, 1]));
        for (device, found, words) in [
            ("cuda:2", two, ["there is no GPU 2: there are GPU 0 to GPU 1", "infa doctor"]),
            ("cuda:0,1", found(vec![gpu(0, (8, 9))]), ["there is no GPU 1: the only one is GPU 0", "cuda:all"]),
            ("cuda", found(vec![gpu(0, (7, 0))]), ["capability 7.0", "--device cpu"]),
            ("cuda:all", found(vec![gpu(0, (10, 0))]), ["capability 10.0", "--ort-library"]),
            ("cuda", found(Vec::new()), ["reports no GPU", "nvidia-smi"]),
            ("cuda", Found::NoDriver("libnvidia-ml.so.1: no such file".into()), ["libnvidia-ml.so.1", "580"]),
            (
                "cuda",
                Found::Gpus { driver: "580.1".into(), total: 2, visible: Vec::new() },
                ["CUDA_VISIBLE_DEVICES hides all GPUs (2)", "unset"],
            ),
        ] {
            let error = chosen(device, &found).unwrap_err();
            assert!(words.iter().all(|word| error.contains(word)), "{device}: {error}");
        }
        // One of several that cannot be used does not matter, unless it is named.
        let mixed = found(vec![gpu(0, (7, 0)), gpu(1, (9, 0))]);
        assert_eq!(chosen("cuda:all", &mixed), Ok(vec![1]));
        assert!(chosen("cuda", &mixed).is_err());
    }
}
