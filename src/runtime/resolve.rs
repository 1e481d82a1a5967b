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
    /// The instruction set that computes a model's layers in this format; `None`: ONNX Runtime does.
    ///
    /// # Errors
    /// [`SettingError`] for a set that this processor lacks.
    pub fn resolve(self, dtype: Dtype) -> Result<Option<Set>, SettingError> {
        match self {
            // Measured to be faster there; AVX2 is not measured yet.
            Self::Auto => Ok(Set::named(Self::Avx512.name()).filter(|_| dtype == Dtype::Int8)),
            Self::Builtin => Ok(None),
            Self::Avx512 | Self::Avx2 | Self::Scalar => match Set::named(self.name()) {
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
    /// [`SettingError`] for a format that is not implemented yet.
    pub fn resolve(self) -> Result<Self, SettingError> {
        match self {
            Self::Auto | Self::Float32 => Ok(Self::Float32),
            Self::Int8 => Ok(Self::Int8),
            Self::Float16 | Self::Bfloat16 => Err(self.not_implemented()),
        }
    }

    pub fn not_implemented(self) -> SettingError {
        SettingError::new(Setting::Dtype, "it is not implemented yet")
            .value(self.name())
            .hint("use --dtype float32, int8 or auto")
    }
}
