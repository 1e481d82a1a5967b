//! NVIDIA's GPUs, by their management library (NVML). Without the library there are none.

use std::collections::HashMap;

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml};

use crate::bench::report::Gpu;
use crate::runtime::gpu;

pub(super) struct Gpus(Nvml);

impl Gpus {
    /// `None` without the library, a driver or a GPU.
    pub(crate) fn find() -> Option<Self> {
        // Of a driver that does not answer, it is known already.
        if matches!(gpu::found(), gpu::Found::NoDriver(_)) {
            return None;
        }
        match gpu::open_nvml() {
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

/// The GPUs that CUDA sees.
pub(super) fn facts() -> Vec<Gpu> {
    let fact = |gpu: &gpu::Gpu| Gpu {
        name: gpu.name.clone(),
        memory_bytes: gpu.memory.unwrap_or_default(),
        driver: gpu.driver.clone(),
        cuda: gpu.cuda.clone(),
    };
    gpu::visible().iter().map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With and without GPUs here: no query is an error, and the answers fit together.
    #[test]
    fn gpus_are_facts_or_none() {
        let Some(gpus) = Gpus::find() else { return };
        assert!(facts().iter().all(|gpu| !gpu.name.is_empty()), "{:?}", facts());
        let counted = gpus.with_energy();
        assert!(counted <= gpus.devices().count());
        assert!(gpus.joules(counted).is_some_and(|joules| joules >= 0.0));
        assert_eq!(gpus.joules(counted + 1), None);
    }
}
