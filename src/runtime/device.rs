//! The device of a model and its number format.

use std::fmt;

use clap::ValueEnum;

/// A device, as the user names it.
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

/// The number format of weights and arithmetic, as the user names it.
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

/// The arithmetic of a model's layers on the CPU, as the user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Kernels {
    /// infa's own where they are faster
    #[default]
    Auto,
    /// ONNX Runtime's
    Builtin,
    /// infa's own, with AVX-512, VNNI and BF16
    Avx512Bf16,
    /// infa's own, with AVX-512 and VNNI
    Avx512Vnni,
    /// infa's own, with AVX-512
    Avx512,
    /// infa's own, with AVX2 and AVX-VNNI
    Avx2Vnni,
    /// infa's own, with AVX2
    Avx2,
    /// infa's own, with NEON and products of 8-bit matrices (I8MM)
    NeonI8mm,
    /// infa's own, with NEON and dot products
    NeonDotprod,
    /// infa's own, with NEON
    Neon,
    /// infa's own, without vector instructions: slow
    Scalar,
}

impl Kernels {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Builtin => "builtin",
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Avx512 => "avx512",
            Self::Avx2Vnni => "avx2-vnni",
            Self::Avx2 => "avx2",
            Self::NeonI8mm => "neon-i8mm",
            Self::NeonDotprod => "neon-dotprod",
            Self::Neon => "neon",
            Self::Scalar => "scalar",
        }
    }
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
