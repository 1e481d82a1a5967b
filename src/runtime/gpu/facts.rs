//! NVIDIA's GPUs, by the driver's management library (NVML).

use std::ffi::OsStr;
use std::sync::OnceLock;

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, cuda_driver_version_major, cuda_driver_version_minor};

use super::nvml;

/// The value of NVML for a GPU that is divided into slices (`NVML_DEVICE_MIG_ENABLE`).
const NVML_DEVICE_MIG_ENABLE: u32 = 1;

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
    /// Total bytes of memory, of a slice its own; `None` if the driver does not report it.
    pub memory: Option<u64>,
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
    let nvml = nvml::open().ok()?;
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
    let filter = filter.map(|filter| filter.to_string_lossy().into_owned());
    let reading = nvml::within(nvml::PATIENCE, move || reading(filter.as_deref()));
    let seconds = nvml::PATIENCE.as_secs();
    let reading = reading.unwrap_or_else(|| Err(format!("the driver does not answer within {seconds} seconds")));
    reading.unwrap_or_else(Found::NoDriver)
}

fn reading(filter: Option<&str>) -> Result<Found, String> {
    let nvml = nvml::open()?;
    let driver = nvml.sys_driver_version().map_err(|error| nvml::reason(&error))?;
    let cuda = nvml.sys_cuda_driver_version().ok();
    let cuda = cuda.map(|v| format!("{}.{}", cuda_driver_version_major(v), cuda_driver_version_minor(v)));
    let mut gpus = Vec::new();
    for index in 0..nvml.device_count().map_err(|error| nvml::reason(&error))? {
        match nvml.device_by_index(index) {
            Ok(device) => gpus.push(gpu(&device, &driver, cuda.clone())),
            // CUDA does not count it either.
            Err(error) => tracing::info!("GPU {index} is passed over: {error}"),
        }
    }
    let total = gpus.len();
    let slice = |uuid: &str| {
        let device = nvml.device_by_uuid(uuid).ok();
        let known = device.map(|device| slice(&device, &driver, cuda.clone()));
        // The driver of a container may not describe it, and CUDA sees it all the same.
        let unknown =
            || Gpu { name: "MIG slice".into(), memory: None, capability: None, ..nameless(&driver, cuda.clone()) };
        Gpu { uuid: uuid.to_owned(), ..known.unwrap_or_else(unknown) }
    };
    let visible = match filter {
        Some(filter) => only(filter, gpus, slice),
        None => numbered(gpus),
    };
    Ok(Found::Gpus { driver, total, visible })
}

fn nameless(driver: &str, cuda: Option<String>) -> Gpu {
    Gpu {
        id: 0,
        name: "NVIDIA GPU".into(),
        capability: None,
        memory: None,
        driver: driver.to_owned(),
        cuda,
        uuid: String::new(),
    }
}

/// The driver's report of a GPU. Some facts need permissions that CUDA does not need.
fn gpu(device: &Device<'_>, driver: &str, cuda: Option<String>) -> Gpu {
    let number = |part: i32| u32::try_from(part).ok();
    let capability = device.cuda_compute_capability().ok();
    let other = nameless(driver, cuda);
    // Of a GPU that is divided, CUDA takes the first slice.
    let slice = match device.mig_mode() {
        Ok(mode) if mode.current == NVML_DEVICE_MIG_ENABLE => Some(device.mig_device_by_index(0).ok()),
        _ => None,
    };
    let memory = match &slice {
        None => device.memory_info().ok(),
        Some(slice) => slice.as_ref().and_then(|slice| slice.memory_info().ok()),
    };
    Gpu {
        name: device.name().unwrap_or(other.name),
        capability: capability.and_then(|found| Some((number(found.major)?, number(found.minor)?))),
        memory: memory.map(|memory| memory.total).filter(|&bytes| bytes > 0),
        uuid: device.uuid().unwrap_or_default(),
        ..other
    }
}

/// A slice of a GPU; it has the capability of the whole.
fn slice(device: &Device<'_>, driver: &str, cuda: Option<String>) -> Gpu {
    let slice = gpu(device, driver, cuda.clone());
    let whole = device.mig_parent_device().ok().map(|whole| gpu(&whole, driver, cuda));
    Gpu { capability: slice.capability.or(whole.and_then(|whole| whole.capability)), ..slice }
}

/// With the numbers that CUDA gives: places in the list.
fn numbered(gpus: Vec<Gpu>) -> Vec<Gpu> {
    gpus.into_iter().zip(0..).map(|(gpu, id)| Gpu { id, ..gpu }).collect()
}

/// The GPUs that `CUDA_VISIBLE_DEVICES` names, numbered anew as CUDA does: numbers, the beginnings of UUIDs, or a slice
/// of a GPU, which `slice` describes; the list ends at the first that does not exist. A process sees one slice, and nothing
/// beside it.
///
/// <https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#cuda-environment-variables>
/// <https://docs.nvidia.com/datacenter/tesla/mig-user-guide/>
fn only(filter: &str, gpus: Vec<Gpu>, slice: impl Fn(&str) -> Gpu) -> Vec<Gpu> {
    let mut visible: Vec<Gpu> = Vec::new();
    for word in filter.split(',').map(str::trim) {
        if word.len() > "MIG-".len() && word.starts_with("MIG-") {
            if visible.is_empty() {
                // Drivers before 470 name the GPU in it: "MIG-GPU-…/1/0". Its memory is that of all slices.
                let whole = word.trim_start_matches("MIG-").split('/').next().unwrap_or_default();
                let whole = gpus.iter().find(|gpu| whole.starts_with("GPU-") && gpu.uuid.starts_with(whole));
                visible.push(whole.map_or_else(|| slice(word), |gpu| Gpu { memory: None, ..gpu.clone() }));
            }
            break;
        }
        let gpu = match word.parse::<usize>() {
            Ok(index) => gpus.get(index),
            Err(_) if word.len() > 4 => gpus.iter().find(|gpu| gpu.uuid.starts_with(word)),
            Err(_) => None,
        };
        let Some(gpu) = gpu else { break };
        visible.push(gpu.clone());
    }
    numbered(visible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::gpu::sample::gpu;

    #[test]
    fn variables_hide_gpus_and_number_them_anew() {
        let gpus = || vec![gpu(0, (8, 9)), gpu(1, (9, 0)), gpu(2, (7, 0))];
        let seen = |filter: &str| {
            let slice = |uuid: &str| Gpu { uuid: uuid.into(), memory: Some(10 << 30), ..gpu(9, (8, 0)) };
            let visible = only(filter, gpus(), slice);
            assert!(visible.iter().enumerate().all(|(at, gpu)| gpu.id as usize == at), "{filter}");
            visible.into_iter().map(|gpu| gpu.uuid.clone()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(seen("2,0"), "GPU-2222 GPU-0000");
        assert_eq!(seen(" 1 "), "GPU-1111");
        assert_eq!(seen("GPU-11,0"), "GPU-1111 GPU-0000");
        assert_eq!(seen("MIG-GPU-2222/1/0"), "GPU-2222");
        // A process has one slice, and nothing beside it.
        assert_eq!(seen("MIG-4a7b6a5c-9f8e,MIG-1,0"), "MIG-4a7b6a5c-9f8e");
        assert_eq!(seen("1,MIG-4a7b6a5c-9f8e,0"), "GPU-1111");
        // The first unknown one ends the list.
        assert_eq!(seen("0,7,1"), "GPU-0000");
        for none in ["", "-1", "none", "7", "GPU-9", "MIG-"] {
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
                assert!(visible.iter().all(|gpu| !gpu.name.is_empty() && gpu.memory != Some(0)), "{visible:?}");
            }
        }
        assert_eq!(memory(u32::MAX), None);
    }
}
