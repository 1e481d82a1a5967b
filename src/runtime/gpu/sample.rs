//! Invented GPUs for tests.

use super::Gpu;

/// GPU number `id` (below 10) of this capability, on a driver that is new enough.
pub(crate) fn gpu(id: u32, capability: (u32, u32)) -> Gpu {
    Gpu {
        id,
        name: format!("NVIDIA Test {id}"),
        capability: Some(capability),
        memory: Some(24 << 30),
        driver: "580.95.05".into(),
        cuda: Some("13.0".into()),
        uuid: format!("GPU-{}", id.to_string().repeat(4)),
    }
}
