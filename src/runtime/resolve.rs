//! Devices and number formats that are implemented.

use super::RuntimeError;
use super::device::{Device, Dtype, Kernels};
use crate::kernels::Set;

impl Device {
    /// The device that will really be used.
    ///
    /// # Errors
    /// [`RuntimeError::Device`] for a device that is not implemented yet.
    pub fn resolve(self) -> Result<Self, RuntimeError> {
        match self {
            Self::Auto | Self::Cpu => Ok(Self::Cpu),
            Self::Cuda | Self::Tensorrt => {
                Err(RuntimeError::Device { device: self, reason: "GPUs are not implemented yet".into() })
            }
        }
    }
}

impl Kernels {
    /// The instruction set that computes a model's layers in this format; `None`: ONNX Runtime does.
    ///
    /// # Errors
    /// [`RuntimeError::Kernels`] for a set that this processor lacks.
    pub fn resolve(self, dtype: Dtype) -> Result<Option<Set>, RuntimeError> {
        match self {
            // Measured to be faster there; AVX2 is not measured yet.
            Self::Auto => Ok(Set::named(Self::Avx512.name()).filter(|_| dtype == Dtype::Int8)),
            Self::Builtin => Ok(None),
            Self::Avx512 | Self::Avx2 | Self::Scalar => match Set::named(self.name()) {
                Some(set) => Ok(Some(set)),
                None => Err(RuntimeError::Kernels(self)),
            },
        }
    }
}

impl Dtype {
    /// The format that will really be used.
    ///
    /// # Errors
    /// [`RuntimeError::Dtype`] for a format that is not implemented yet.
    pub fn resolve(self) -> Result<Self, RuntimeError> {
        match self {
            Self::Auto | Self::Float32 => Ok(Self::Float32),
            Self::Int8 => Ok(Self::Int8),
            Self::Float16 | Self::Bfloat16 => Err(RuntimeError::Dtype(self)),
        }
    }
}
