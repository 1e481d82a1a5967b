//! Devices and number formats that are implemented.

use super::RuntimeError;
use super::device::{Device, Dtype};

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
