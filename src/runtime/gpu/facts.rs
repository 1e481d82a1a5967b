//! NVIDIA's GPUs, by the driver's management library (NVML).

use std::ffi::OsStr;
use std::sync::OnceLock;

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};

/// The variable that hides GPUs from CUDA, and numbers the others anew.
pub(super) const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// A GPU that CUDA sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// CUDA's number of it: its place among the visible ones.
    pub id: u32,
    pub name: String,
    /// Major and minor number, such as `(8, 9)`; `None` if the driver does not report it.
    pub capability: Option<(u32, u32)>,
    /// Total bytes of memory.
    pub memory: u64,
    /// Version of the driver, such as "580.95.05".
    pub driver: String,
    /// The newest CUDA that the driver supports, such as "13.0".
    pub cuda: Option<String>,
    pub(super) uuid: String,
}

/// Memory of a GPU in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GpuMemory {
    pub total: u64,
    pub free: u64,
    /// Bytes of this process. In a container the driver reports other process ids: `None`.
    pub used_here: Option<u64>,
}

/// The driver, and the GPUs that it reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Without a driver; the reason.
    NoDriver(String),
    /// The driver's version and the GPUs, of which CUDA may see only some.
    Gpus { driver: String, total: usize, visible: Vec<Gpu> },
}

/// The GPUs of this machine. They are read once a process.
pub(crate) fn found() -> &'static Found {
    static FOUND: OnceLock<Found> = OnceLock::new();
    FOUND.get_or_init(|| {
        let found = read(std::env::var_os(VISIBLE).as_deref());
        tracing::debug!(?found, "GPUs");
        found
    })
}

/// Makes CUDA number GPUs as the driver does, by their place on the bus, unless the user chose an order: by default the
/// fastest is the first, and the driver's facts would be those of another GPU.
///
/// A program should call this while it has one thread.
pub(crate) fn number_by_bus() {
    const VARIABLE: &str = "CUDA_DEVICE_ORDER";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: called from `main` before it starts a thread.
        unsafe { std::env::set_var(VARIABLE, "PCI_BUS_ID") };
    }
}

/// The GPUs that CUDA sees; none without a driver.
pub(crate) fn visible() -> &'static [Gpu] {
    match found() {
        Found::NoDriver(_) => &[],
        Found::Gpus { visible, .. } => visible,
    }
}

/// The memory of GPU number `id` at this moment; `None` if the driver does not report it.
pub(crate) fn memory(id: u32) -> Option<GpuMemory> {
    let gpu = visible().iter().find(|gpu| gpu.id == id)?;
    let nvml = Nvml::init().ok()?;
    let device = nvml.device_by_uuid(gpu.uuid.as_str()).ok()?;
    let memory = device.memory_info().ok()?;
    let own = std::process::id();
    let processes = device.running_compute_processes().unwrap_or_default();
    let used_here = processes.into_iter().find(|process| process.pid == own).and_then(|p| match p.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    });
    Some(GpuMemory { total: memory.total, free: memory.free, used_here })
}

fn read(filter: Option<&OsStr>) -> Found {
    match gpus() {
        Ok((driver, gpus)) => {
            let total = gpus.len();
            let visible = match filter.map(OsStr::to_string_lossy) {
                Some(filter) => only(&filter, gpus),
                None => gpus,
            };
            Found::Gpus { driver, total, visible }
        }
        Err(error) => Found::NoDriver(reason(&error)),
    }
}

fn gpus() -> Result<(String, Vec<Gpu>), NvmlError> {
    let nvml = Nvml::init()?;
    let driver = nvml.sys_driver_version()?;
    let cuda = nvml.sys_cuda_driver_version().ok();
    let cuda = cuda.map(|v| format!("{}.{}", cuda_driver_version_major(v), cuda_driver_version_minor(v)));
    let mut gpus = Vec::new();
    for index in 0..nvml.device_count()? {
        match nvml.device_by_index(index).and_then(|device| gpu(index, &device, &driver, cuda.clone())) {
            Ok(gpu) => gpus.push(gpu),
            Err(error) => tracing::warn!("GPU {index}: {error}"),
        }
    }
    Ok((driver, gpus))
}

fn gpu(id: u32, device: &Device<'_>, driver: &str, cuda: Option<String>) -> Result<Gpu, NvmlError> {
    let number = |part: i32| u32::try_from(part).ok();
    let capability = device.cuda_compute_capability().ok();
    Ok(Gpu {
        id,
        name: device.name()?,
        capability: capability.and_then(|found| Some((number(found.major)?, number(found.minor)?))),
        memory: device.memory_info()?.total,
        driver: driver.to_owned(),
        cuda,
        uuid: device.uuid()?,
    })
}

fn reason(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(error) => match std::error::Error::source(error) {
            Some(source) => source.to_string(),
            None => error.to_string(),
        },
        NvmlError::DriverNotLoaded => "the driver is installed, but its kernel module is not loaded".into(),
        NvmlError::NoPermission => "this user may not access the GPUs".into(),
        NvmlError::LibRmVersionMismatch => {
            "the driver's library and its kernel module are of different versions; restart the machine".into()
        }
        error => error.to_string(),
    }
}

/// The GPUs that `CUDA_VISIBLE_DEVICES` names, numbered anew as CUDA does: numbers or the beginnings of UUIDs; the list
/// ends at the first that does not exist.
///
/// <https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#cuda-environment-variables>
fn only(filter: &str, gpus: Vec<Gpu>) -> Vec<Gpu> {
    let mut visible: Vec<Gpu> = Vec::new();
    for word in filter.split(',').map(str::trim) {
        let gpu = match word.parse::<usize>() {
            Ok(index) => gpus.get(index),
            // A part of a GPU is seen as the GPU that its name begins with ("MIG-GPU-…/1/0"), or cannot be described.
            Err(_) if word.len() > 4 => {
                let whole = word.strip_prefix("MIG-").and_then(|rest| rest.split('/').next()).unwrap_or(word);
                gpus.iter().find(|gpu| gpu.uuid.starts_with(whole))
            }
            Err(_) => None,
        };
        let Some(gpu) = gpu else { break };
        let id = u32::try_from(visible.len()).unwrap_or(u32::MAX);
        visible.push(Gpu { id, ..gpu.clone() });
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::gpu::sample::gpu;

    #[test]
    fn variables_hide_gpus_and_number_them_anew() {
        let gpus = || vec![gpu(0, (8, 9)), gpu(1, (9, 0)), gpu(2, (7, 0))];
        let seen = |filter: &str| {
            let visible = only(filter, gpus());
            assert!(visible.iter().enumerate().all(|(at, gpu)| gpu.id as usize == at), "{filter}");
            visible.into_iter().map(|gpu| gpu.uuid.clone()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(seen("2,0"), "GPU-2222 GPU-0000");
        assert_eq!(seen(" 1 "), "GPU-1111");
        assert_eq!(seen("GPU-11,0"), "GPU-1111 GPU-0000");
        assert_eq!(seen("MIG-GPU-2222/1/0"), "GPU-2222");
        // The first unknown one ends the list.
        assert_eq!(seen("0,7,1"), "GPU-0000");
        for none in ["", "-1", "none", "7", "GPU-9"] {
            assert_eq!(seen(none), "", "{none}");
        }
    }

    /// With and without GPUs here: no query is an error, and the answers fit together.
    #[test]
    fn gpus_are_facts_or_none() {
        match read(None) {
            Found::NoDriver(reason) => assert!(!reason.is_empty()),
            Found::Gpus { driver, total, visible } => {
                assert!(!driver.is_empty() && total == visible.len());
                assert!(visible.iter().all(|gpu| !gpu.name.is_empty() && gpu.memory > 0), "{visible:?}");
            }
        }
        assert_eq!(memory(u32::MAX), None);
    }
}
