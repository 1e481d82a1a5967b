use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine that measured; unknown facts are missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Operating system with its version.
    pub system: String,
    /// Instruction set: `x86_64`, `aarch64`.
    pub architecture: String,
    /// Name of the processor.
    pub cpu: Option<String>,
    /// Instructions that matter here: `avx2`, `avx512f`, `avx512_vnni`, `amx_int8` …
    pub cpu_flags: Vec<String>,
    /// Cores that this process may use, by affinity and cgroup.
    pub cores_allowed: usize,
    /// Cores (hardware threads) that the machine has.
    pub cores: usize,
    /// Memory that this process may use, in bytes: the machine's, or less by its cgroup.
    pub memory_bytes: u64,
    /// True in a virtual machine, if known.
    pub virtual_machine: Option<bool>,
    /// Load averages of 1, 5 and 15 minutes when the run began.
    pub load_average: Option<[f64; 3]>,
    /// Measured speed of float32 matrix products in GFLOP/s, all allowed cores together.
    pub gemm_gflops: Option<f64>,
    /// Version of ONNX Runtime in this process.
    pub onnxruntime: Option<String>,
    pub gpus: Vec<Gpu>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gpu {
    pub name: String,
    /// In bytes.
    pub memory_bytes: u64,
    /// Version of its driver.
    pub driver: String,
    /// Newest CUDA that the driver speaks, such as `13.0`.
    pub cuda: Option<String>,
}
