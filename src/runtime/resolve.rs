//! The device and the number format that are used, from those that the user names.

use std::sync::Once;

use super::device::{Device, DeviceKind, Dtype, Kernels};
use super::gpu::{self, Gpu, GpuUse};
use super::library::Search;
use crate::kernels::Set;
use crate::model::{Setting, SettingError};

/// The device that a model computes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ResolvedDevice {
    #[default]
    Cpu,
    /// GPUs through CUDA, at least one, each checked.
    Cuda(Vec<Gpu>),
    /// The same through TensorRT.
    Tensorrt(Vec<Gpu>),
}

impl ResolvedDevice {
    /// The GPUs; none for the CPU.
    pub fn gpus(&self) -> &[Gpu] {
        match self {
            Self::Cpu => &[],
            Self::Cuda(gpus) | Self::Tensorrt(gpus) => gpus,
        }
    }

    pub fn is_gpu(&self) -> bool {
        *self != Self::Cpu
    }

    /// True if one of the GPUs is older than their arithmetic in bfloat16.
    fn lacks_bfloat16(&self) -> bool {
        self.gpus().iter().any(|gpu| gpu.capability.is_some_and(|capability| capability < (8, 0)))
    }

    pub fn gpu_use(&self) -> GpuUse {
        match self {
            Self::Cpu => GpuUse::None,
            Self::Cuda(_) => GpuUse::Cuda,
            Self::Tensorrt(_) => GpuUse::Tensorrt,
        }
    }

    /// Its name in messages: `cpu`, `cuda:0,1`.
    pub fn name(&self) -> String {
        let ids: Vec<String> = self.gpus().iter().map(|gpu| gpu.id.to_string()).collect();
        match self {
            Self::Cpu => "cpu".into(),
            Self::Cuda(_) => format!("cuda:{}", ids.join(",")),
            Self::Tensorrt(_) => format!("tensorrt:{}", ids.join(",")),
        }
    }
}

/// Says once a process that the CPU computes although there is a GPU.
fn not_used(reason: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| tracing::warn!("the CPU is used, not the GPU: {reason} (infa doctor; --device cpu hides this)"));
}

impl Device {
    /// The device that is used: `auto` is a GPU if one can be used and its libraries are here.
    ///
    /// # Errors
    /// [`SettingError`] for a GPU that is not there or cannot be used. It never becomes the CPU instead.
    pub fn resolve(self, search: &Search) -> Result<ResolvedDevice, SettingError> {
        let gpus = || {
            gpu::choose(self, gpu::found(), search.build()).map_err(|error| {
                SettingError::new(Setting::Device, error.to_string()).value(self.to_string()).hint(error.hint())
            })
        };
        match self.kind {
            DeviceKind::Cpu => Ok(ResolvedDevice::Cpu),
            DeviceKind::Auto => Ok(match search.ready_gpu() {
                Ok(gpu) => ResolvedDevice::Cuda(vec![gpu]),
                Err(reason) => {
                    reason.iter().for_each(|reason| not_used(reason));
                    ResolvedDevice::Cpu
                }
            }),
            DeviceKind::Cuda => Ok(ResolvedDevice::Cuda(gpus()?)),
            DeviceKind::Tensorrt => Ok(ResolvedDevice::Tensorrt(gpus()?)),
        }
    }
}

impl Kernels {
    /// The sets whose int8 layers are measured to be faster than ONNX Runtime's, the fastest first. Others are not measured
    /// yet.
    pub const FASTER: [Self; 4] = [Self::Avx512Bf16, Self::Avx512Vnni, Self::Avx512, Self::Avx2];

    /// The instruction set that computes a model's layers in this format; `None`: ONNX Runtime does.
    ///
    /// # Errors
    /// [`SettingError`] for a set that this processor lacks, and for one without that format.
    pub fn resolve(self, dtype: Dtype) -> Result<Option<Set>, SettingError> {
        match (self, dtype) {
            (Self::Auto | Self::Avx512Bf16, Dtype::Bfloat16) => match Set::named(Self::Avx512Bf16.name()) {
                Some(set) => Ok(Some(set)),
                None => Err(dtype.refused("this processor has no instructions for it")),
            },
            (_, Dtype::Bfloat16) => {
                let reason = format!("only --kernels avx512-bf16 has it, not {}", self.name());
                Err(dtype.refused(reason).hint("leave --kernels out"))
            }
            // Only the best set: ONNX Runtime uses the processor's best instructions, too.
            (Self::Auto, Dtype::Int8) => {
                Ok(Set::best().filter(|set| Self::FASTER.iter().any(|faster| faster.name() == set.name())))
            }
            (Self::Auto | Self::Builtin, _) => Ok(None),
            _ => match Set::named(self.name()) {
                Some(set) => Ok(Some(set)),
                None => Err(SettingError::new(Setting::Kernels, "this processor has no such instructions")
                    .value(self.name())
                    .hint("use --kernels auto or builtin")),
            },
        }
    }
}

impl Dtype {
    /// The format that is used. On a GPU, `auto` stays what it is until the model is known ([`Dtype::of_model`]).
    ///
    /// # Errors
    /// [`SettingError`] for a format that the device lacks.
    pub fn resolve(self, device: &ResolvedDevice) -> Result<Self, SettingError> {
        match (self, device.is_gpu()) {
            (Self::Int8, true) => {
                Err(SettingError::new(Setting::Dtype, "8-bit layers run on the CPU alone, not on GPUs")
                    .value(self.name())
                    .hint("use --dtype float16 on a GPU, or --device cpu"))
            }
            (Self::Bfloat16, true) if device.lacks_bfloat16() => {
                let reason = "GPUs before compute capability 8.0 compute nothing in it";
                Err(self.refused(reason).hint("use --dtype float16 or float32"))
            }
            (_, true) => Ok(self),
            (Self::Auto | Self::Float32, false) => Ok(Self::Float32),
            (Self::Int8, false) => Ok(Self::Int8),
            (Self::Bfloat16, false) => Kernels::Auto.resolve(self).map(|_| self),
            (Self::Float16, false) => Err(self.refused("the CPU computes no layers in it; GPUs do")),
        }
    }

    /// The format of a model of this `model_type` on `device`, after [`Dtype::resolve`].
    pub fn of_model(self, device: &ResolvedDevice, model_type: Option<&str>) -> Self {
        match self {
            Self::Auto if !device.is_gpu() => Self::Float32,
            // Its activations exceed what float16 can hold, as its model card says.
            Self::Auto if model_type.is_some_and(|name| name.starts_with("gemma")) => {
                if device.lacks_bfloat16() {
                    Self::Float32
                } else {
                    Self::Bfloat16
                }
            }
            Self::Auto => Self::Float16,
            dtype => dtype,
        }
    }

    fn refused(self, reason: impl Into<String>) -> SettingError {
        SettingError::new(Setting::Dtype, reason).value(self.name()).hint("use --dtype float32, int8 or auto")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::gpu::sample::gpu;

    #[test]
    fn gpus_before_8_0_have_no_bfloat16() {
        for (capabilities, has) in [(&[(7, 5)][..], false), (&[(8, 0)], true), (&[(8, 9), (7, 5)], false)] {
            let gpus = capabilities.iter().map(|&capability| gpu(0, capability)).collect();
            let device = ResolvedDevice::Cuda(gpus);
            assert_eq!(Dtype::Bfloat16.resolve(&device).is_ok(), has, "{capabilities:?}");
            let gemma = if has { Dtype::Bfloat16 } else { Dtype::Float32 };
            assert_eq!(Dtype::Auto.of_model(&device, Some("gemma3_text")), gemma);
            assert_eq!(Dtype::Auto.of_model(&device, Some("bert")), Dtype::Float16);
        }
    }
}
