//! Execution providers of ONNX Runtime: where a session's nodes are computed.

use std::path::PathBuf;

use ort::ep::cuda::AttentionBackend;
use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider, ArenaExtendStrategy, ExecutionProviderDispatch};

use super::gpu::Gpu;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Provider {
    #[default]
    Cpu,
    Cuda(CudaOptions),
    Tensorrt(TensorrtOptions),
}

/// Settings of GPUs that the user chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GpuSettings {
    /// Most bytes of a GPU's memory for activations.
    pub memory_limit: Option<u64>,
    /// See [`CudaOptions::tf32`].
    pub tf32: bool,
}

/// The options of CUDA on one GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaOptions {
    /// CUDA's number of the GPU.
    pub gpu: u32,
    /// Most bytes of the arena; weights lie outside of it.
    pub memory_limit: Option<u64>,
    /// Products of float32 matrices by TensorFloat-32, which has 10 bits of mantissa.
    pub tf32: bool,
    pub attention: Attention,
}

/// The kernels that attention may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// As ONNX Runtime chooses.
    Default,
    /// Flash attention, memory-efficient attention, or plain products; without TensorRT's fused kernels, which ONNX Runtime
    /// prefers for short texts: on capability 9.0 there are none, and a slower kernel takes their place.
    Flash,
}

/// The options of TensorRT on one GPU. What TensorRT cannot compute goes to CUDA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorrtOptions {
    pub cuda: CudaOptions,
    /// Number format of its engines; otherwise float32.
    pub half: Option<Half>,
    /// Folder of built engines and of timings.
    pub cache: PathBuf,
    /// Shapes of inputs that engines are built for.
    pub profile: Profile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Float16,
    Bfloat16,
}

/// Least, usual and most shapes of inputs: `input_ids:1x1,attention_mask:1x1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub min: String,
    pub opt: String,
    pub max: String,
}

impl Provider {
    pub fn is_gpu(&self) -> bool {
        *self != Self::Cpu
    }

    /// The providers in the order of preference. `version` is the library's, `built_here` true for graphs that infa builds,
    /// which need no cuDNN. Without `error_on_failure` the session would compute on the CPU if a provider cannot be loaded.
    pub(super) fn dispatch(&self, version: &str, built_here: bool) -> Vec<ExecutionProviderDispatch> {
        match self {
            Self::Cpu => Vec::new(),
            Self::Cuda(options) => vec![options.provider(version, built_here).build().error_on_failure()],
            Self::Tensorrt(options) => vec![
                options.provider().build().error_on_failure(),
                options.cuda.provider(version, built_here).build().error_on_failure(),
            ],
        }
    }
}

impl CudaOptions {
    /// The usual options on this GPU, with the user's settings.
    pub fn new(gpu: &Gpu, GpuSettings { memory_limit, tf32 }: GpuSettings) -> Self {
        // Before Ampere there is no flash attention, and TensorRT's fused kernels are the fast ones.
        let flash = gpu.capability.is_none_or(|capability| capability >= (8, 0));
        let attention = if flash { Attention::Flash } else { Attention::Default };
        Self { gpu: gpu.id, memory_limit, tf32, attention }
    }

    fn provider(&self, version: &str, built_here: bool) -> ep::CUDA {
        let mut provider = ep::CUDA::default()
            .with_device_id(i32::try_from(self.gpu).unwrap_or(i32::MAX))
            // Set in any case: ONNX Runtime's own default is true.
            .with_tf32(self.tf32)
            // Doubling at each extension would take up to twice the memory that is needed.
            .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested);
        if let Some(limit) = self.memory_limit {
            provider = provider.with_memory_limit(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        let backend = match self.attention {
            Attention::Default => None,
            Attention::Flash => {
                Some(AttentionBackend::FLASH_ATTENTION | AttentionBackend::EFFICIENT_ATTENTION | AttentionBackend::MATH)
            }
        };
        if let Some(backend) = backend {
            provider = provider.with_attention_backend(backend);
        }
        if built_here && has_cudnn_switch(version) {
            provider = provider.with_arbitrary_config("enable_cudnn", "0");
        }
        provider
    }
}

impl TensorrtOptions {
    fn provider(&self) -> ep::TensorRT {
        let cache = self.cache.display();
        let provider = ep::TensorRT::default()
            .with_device_id(i32::try_from(self.cuda.gpu).unwrap_or(i32::MAX))
            .with_engine_cache(true)
            .with_engine_cache_path(cache.to_string())
            .with_timing_cache(true)
            .with_timing_cache_path(cache.to_string())
            .with_layer_norm_fp32_fallback(true)
            .with_builder_optimization_level(3)
            .with_profile_min_shapes(&self.profile.min)
            .with_profile_opt_shapes(&self.profile.opt)
            .with_profile_max_shapes(&self.profile.max);
        match self.half {
            None => provider,
            Some(Half::Float16) => provider.with_fp16(true),
            Some(Half::Bfloat16) => provider.with_bf16(true),
        }
    }
}

/// True if the library of this version knows the option `enable_cudnn`: an unknown one is an error.
fn has_cudnn_switch(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(1)), Some(Ok(28..))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::gpu::sample::gpu;

    fn options(provider: &mut impl ArbitrarilyConfigurableExecutionProvider) -> String {
        format!("{:?}", provider.options_mut())
    }

    #[test]
    fn tf32_is_always_set_and_cudnn_off_where_it_can_be() {
        let cuda = CudaOptions::new(&gpu(3, (8, 9)), GpuSettings::default());
        let shown = |version, built_here| options(&mut cuda.provider(version, built_here));
        let here = shown("1.31.1", true);
        for word in ["device_id", "\"3\"", "use_tf32", "\"0\"", "kSameAsRequested", "sdpa_kernel", "\"19\""] {
            assert!(here.contains(word), "{word}: {here}");
        }
        assert!(here.contains("enable_cudnn"));
        assert!(!shown("1.27.0", true).contains("enable_cudnn") && !shown("1.31.1", false).contains("enable_cudnn"));
        let turing = CudaOptions::new(&gpu(0, (7, 5)), GpuSettings::default());
        assert!(!options(&mut turing.provider("1.31.1", true)).contains("sdpa_kernel"));
        let limited = CudaOptions { memory_limit: Some(1 << 30), tf32: true, ..turing };
        assert!(options(&mut limited.provider("1.31.1", true)).contains("1073741824"));
    }
}
