//! Devices and number formats that are implemented.

use super::device::{Device, Dtype, Kernels};
use crate::kernels::Set;
use crate::model::{Setting, SettingError};

impl Device {
    /// The device that will really be used.
    ///
    /// # Errors
    /// [`SettingError`] for a device that is not implemented yet.
    pub fn resolve(self) -> Result<Self, SettingError> {
        match self {
            Self::Auto | Self::Cpu => Ok(Self::Cpu),
            Self::Cuda | Self::Tensorrt => Err(SettingError::new(Setting::Device, "GPUs are not implemented yet")
                .value(self.to_string())
                .hint("use --device cpu (or auto)")),
        }
    }
}

impl Kernels {
    /// The sets whose int8 layers are measured to be faster than ONNX Runtime's, the fastest first. Others are not measured
    /// yet, or not faster.
    pub const FASTER: [Self; 2] = [Self::Avx512Bf16, Self::Avx512Vnni];

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
            (Self::Auto, Dtype::Int8) => Ok(Self::FASTER.into_iter().find_map(|set| Set::named(set.name()))),
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
    /// The format that will really be used.
    ///
    /// # Errors
    /// [`SettingError`] for a format that is not implemented yet, or that the processor lacks.
    pub fn resolve(self) -> Result<Self, SettingError> {
        match self {
            Self::Auto | Self::Float32 => Ok(Self::Float32),
            Self::Int8 => Ok(Self::Int8),
            Self::Bfloat16 => Kernels::Auto.resolve(self).map(|_| self),
            Self::Float16 => Err(self.not_implemented()),
        }
    }

    pub fn not_implemented(self) -> SettingError {
        self.refused("it is not implemented yet")
    }

    fn refused(self, reason: impl Into<String>) -> SettingError {
        SettingError::new(Setting::Dtype, reason).value(self.name()).hint("use --dtype float32, int8 or auto")
    }
}
