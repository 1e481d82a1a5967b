//! NVIDIA's GPUs, by their management library (NVML). Without the library there are none.

use std::collections::HashMap;

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use crate::bench::report::Gpu;

pub(super) struct Gpus(Nvml);

impl Gpus {
    /// `None` without the library, a driver or a GPU.
    pub(crate) fn find() -> Option<Self> {
        match Nvml::init() {
            Ok(nvml) => (nvml.device_count().ok()? > 0).then_some(Self(nvml)),
            Err(e) => {
                tracing::debug!("no GPUs: {e}");
                None
            }
        }
    }

    fn devices(&self) -> impl Iterator<Item = Device<'_>> {
        let count = self.0.device_count().unwrap_or(0);
        (0..count).filter_map(|index| self.0.device_by_index(index).ok())
    }

    pub(crate) fn facts(&self) -> Vec<Gpu> {
        let driver = self.0.sys_driver_version().unwrap_or_default();
        let cuda = self.0.sys_cuda_driver_version().ok();
        let cuda = cuda.map(|v| format!("{}.{}", cuda_driver_version_major(v), cuda_driver_version_minor(v)));
        let facts = self.devices().filter_map(|device| {
            let memory_bytes = device.memory_info().ok()?.total;
            Some(Gpu { name: device.name().ok()?, memory_bytes, driver: driver.clone(), cuda: cuda.clone() })
        });
        facts.collect()
    }

    /// The number of GPUs with a readable energy counter.
    pub(crate) fn with_energy(&self) -> usize {
        self.devices().filter(|device| device.total_energy_consumption().is_ok()).count()
    }

    /// Joules since the driver was loaded; `None` unless `count` counters could be read.
    pub(crate) fn joules(&self, count: usize) -> Option<f64> {
        let millijoules: Vec<u64> = self.devices().filter_map(|d| d.total_energy_consumption().ok()).collect();
        (millijoules.len() == count).then(|| millijoules.iter().map(|&mj| mj as f64 * 1e-3).sum())
    }

    /// Bytes on all GPUs together by process id. In a container the library reports the ids of the host.
    pub(crate) fn memory(&self) -> HashMap<u32, u64> {
        let mut memory = HashMap::new();
        for process in self.devices().filter_map(|device| device.running_compute_processes().ok()).flatten() {
            if let UsedGpuMemory::Used(bytes) = process.used_gpu_memory {
                *memory.entry(process.pid).or_insert(0) += bytes;
            }
        }
        memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With and without GPUs here: no query is an error, and the answers fit together.
    #[test]
    fn gpus_are_facts_or_none() {
        let Some(gpus) = Gpus::find() else { return };
        let facts = gpus.facts();
        assert!(!facts.is_empty());
        assert!(facts.iter().all(|gpu| !gpu.name.is_empty() && gpu.memory_bytes > 0), "{facts:?}");
        let counted = gpus.with_energy();
        assert!(counted <= facts.len());
        assert!(gpus.joules(counted).is_some_and(|joules| joules >= 0.0));
        assert_eq!(gpus.joules(counted + 1), None);
    }
}
