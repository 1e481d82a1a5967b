//! The device of a model and its number format.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// The kind of a device, as the user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DeviceKind {
    /// A GPU if one can be used and its libraries are here, otherwise the CPU
    #[default]
    Auto,
    /// The CPU
    Cpu,
    /// NVIDIA GPUs through CUDA
    Cuda,
    /// NVIDIA GPUs through TensorRT
    Tensorrt,
}

/// The numbers of GPUs, as the user names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GpuIds {
    /// None is named: the first.
    #[default]
    First,
    All,
    /// Bit `n` is GPU number `n`.
    Listed(u64),
}

/// A device, as the user names it: `auto`, `cpu`, `cuda`, `cuda:1`, `cuda:0,1`, `cuda:all`, `tensorrt:0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Device {
    pub kind: DeviceKind,
    pub ids: GpuIds,
}

/// The error of a text that names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DeviceError {
    reason: String,
}

impl DeviceKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
        }
    }

    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Cuda | Self::Tensorrt)
    }
}

impl GpuIds {
    /// Numbers above cannot be named.
    const MAX: u32 = 63;

    /// Parses `0`, `0,1` or `all`.
    pub fn parse(text: &str) -> Result<Self, DeviceError> {
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        let mut bits = 0;
        for word in text.split(',').map(str::trim) {
            let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
            match word.parse::<u32>() {
                Ok(id) if digits && id <= Self::MAX => bits |= 1 << id,
                Ok(id) if digits => return Err(DeviceError::new(format!("there is no GPU {id}; the first is GPU 0"))),
                _ => {
                    let reason = format!("{word:?} is not the number of a GPU; write cuda:0, cuda:0,1 or cuda:all");
                    return Err(DeviceError::new(reason));
                }
            }
        }
        Ok(Self::Listed(bits))
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Listed(a), Self::Listed(b)) => Self::Listed(a | b),
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::First, ids) | (ids, Self::First) => ids,
        }
    }

    /// The numbers, ascending, on a machine with `count` GPUs. Not all of them need to exist.
    pub fn numbers(self, count: u32) -> Vec<u32> {
        match self {
            Self::First => vec![0],
            Self::All => (0..count).collect(),
            Self::Listed(bits) => (0..=Self::MAX).filter(|id| bits >> id & 1 == 1).collect(),
        }
    }

    fn written(self, separator: &str) -> String {
        match self {
            Self::First => String::new(),
            Self::All => ":all".to_owned(),
            Self::Listed(_) => {
                let numbers: Vec<String> = self.numbers(0).iter().map(u32::to_string).collect();
                format!(":{}", numbers.join(separator))
            }
        }
    }
}

impl DeviceError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl Device {
    pub const AUTO: Self = Self { kind: DeviceKind::Auto, ids: GpuIds::First };
    pub const CPU: Self = Self { kind: DeviceKind::Cpu, ids: GpuIds::First };
    pub const CUDA: Self = Self { kind: DeviceKind::Cuda, ids: GpuIds::First };

    /// As an engine's spec has it, in which commas separate engines: `cuda:0:1`.
    pub fn in_spec(self) -> String {
        format!("{}{}", self.kind.name(), self.ids.written(":"))
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let (name, ids) = match text.trim().split_once(':') {
            Some((name, ids)) => (name.trim(), Some(ids.trim())),
            None => (text.trim(), None),
        };
        let kind = DeviceKind::from_str(name, true).map_err(|_| {
            let hint = match name.to_ascii_lowercase().as_str() {
                "gpu" | "nvidia" => "; cuda is an NVIDIA GPU",
                "trt" => "; it is called tensorrt",
                "mps" | "rocm" | "xpu" | "directml" | "hip" => "; the GPUs that infa computes on are NVIDIA's",
                _ => "",
            };
            DeviceError::new(format!(
                "there is no device {name:?}{hint}; devices: auto, cpu, cuda, cuda:0, cuda:0,1, cuda:all, tensorrt"
            ))
        })?;
        match ids {
            None => Ok(Self { kind, ids: GpuIds::First }),
            Some(ids) if kind.is_gpu() => Ok(Self { kind, ids: GpuIds::parse(ids)? }),
            Some(_) => Err(DeviceError::new(format!("{name} has no numbers; GPUs do, as in cuda:0"))),
        }
    }
}

/// The number format of weights and arithmetic, as the user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Dtype {
    /// The most faithful one the device runs well (CPU: float32; GPUs: float16)
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
        write!(f, "{}{}", self.kind.name(), self.ids.written(","))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Device, String> {
        text.parse().map_err(|e: DeviceError| e.to_string())
    }

    #[test]
    fn devices_are_read_and_written() {
        for text in ["auto", "cpu", "cuda", "cuda:0", "cuda:0,1", "cuda:all", "tensorrt", "tensorrt:3", "cuda:63"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        let device = read(" CUDA: 2, 0 ,2").unwrap();
        assert_eq!((device.to_string().as_str(), device.in_spec().as_str()), ("cuda:0,2", "cuda:0:2"));
        assert_eq!(device.ids.numbers(1), [0, 2]);
        assert_eq!(read("cuda:all").unwrap().ids.numbers(3), [0, 1, 2]);
        assert_eq!(read("cuda").unwrap().ids.numbers(8), [0]);
    }

    #[test]
    fn wrong_devices_are_named() {
        for (text, reason) in [
            ("", "there is no device \"\""),
            ("gpu", "cuda is an NVIDIA GPU"),
            ("gpu:1", "cuda is an NVIDIA GPU"),
            ("mps", "NVIDIA's"),
            ("tpu", "cuda:0,1, cuda:all, tensorrt"),
            ("cpu:0", "cpu has no numbers"),
            ("auto:1", "auto has no numbers"),
            ("cuda:", "\"\" is not the number of a GPU"),
            ("cuda:one", "\"one\" is not the number"),
            ("cuda:-1", "\"-1\" is not the number"),
            ("cuda:+1", "\"+1\" is not the number"),
            ("cuda:0,,1", "\"\" is not the number"),
            ("cuda:0:1", "\"0:1\" is not the number"),
            ("cuda:64", "there is no GPU 64"),
            ("cuda:99999999999", "is not the number"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
