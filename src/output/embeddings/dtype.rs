//! Types of numbers in vectors.

use std::fmt;

/// The type of numbers in vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Dtype {
    /// As the model computes them
    #[default]
    Float32,
    /// Half the bytes, 3 digits
    Float16,
    /// Whole numbers, -128 to 127
    Int8,
    /// Whole numbers, 0 to 255
    Uint8,
    /// A bit a dimension, in whole numbers from -128 to 127
    Binary,
    /// A bit a dimension, in whole numbers from 0 to 255
    Ubinary,
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Int8 => "int8",
            Self::Uint8 => "uint8",
            Self::Binary => "binary",
            Self::Ubinary => "ubinary",
        })
    }
}
