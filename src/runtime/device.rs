//! Where a model runs and in which number format.

use std::fmt;

use clap::ValueEnum;

use super::RuntimeError;

/// A device, as the user asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Device {
    /// The best one there is (today: the CPU)
    #[default]
    Auto,
    /// The CPU
    Cpu,
    /// An NVIDIA GPU through CUDA
    Cuda,
    /// An NVIDIA GPU through TensorRT
    Tensorrt,
}

/// The number format of weights and arithmetic, as the user asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Dtype {
    /// The most faithful one the device runs well (on CPU: float32)
    #[default]
    Auto,
    /// 32-bit floats
    Float32,
    /// 16-bit floats (IEEE half)
    Float16,
    /// 16-bit brain floats
    Bfloat16,
    /// 8-bit integers
    Int8,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
        })
    }
}

impl Dtype {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Bfloat16 => "bfloat16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
