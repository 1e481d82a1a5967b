//! The instruction sets of processors, and the kinds of elements that each computes with.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512, avx2, avx512};
#[cfg(target_arch = "aarch64")]
use super::simd::{Neon, neon};
use super::simd::{Scalar, Simd};
use crate::operands::columns::Transposed;
#[cfg(target_arch = "x86_64")]
use crate::operands::kind::{Bf16, BoundedBytes, Bytes};
#[cfg(target_arch = "aarch64")]
use crate::operands::kind::{BytePairs, SignedBytes};
use crate::operands::kind::{F32, Words};
use crate::operands::matrix::Pack;
use crate::operands::rows::Encode;

/// The number format of a layer's products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 8-bit integers.
    Int8,
    /// bfloat16, summed in float32.
    Bfloat16,
    Float32,
}

/// An instruction set that this processor has.
#[derive(Debug, Clone, Copy)]
pub enum Set {
    /// AVX-512 with VNNI and BF16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512<avx512::Bf16>),
    /// AVX-512 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512<avx512::Vnni>),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512<avx512::Basic>),
    /// AVX2 with FMA and AVX-VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx2Vnni(Avx2<avx2::Vnni>),
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2<avx2::Basic>),
    /// NEON with products of matrices of integers.
    #[cfg(target_arch = "aarch64")]
    NeonI8mm(Neon<neon::I8mm>),
    /// NEON with dot products of integers.
    #[cfg(target_arch = "aarch64")]
    NeonDotProd(Neon<neon::DotProd>),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon<neon::Basic>),
    /// Plain Rust: slow, and for tests.
    Scalar,
}

/// The names of all sets, the fastest first.
pub const NAMES: [&str; 9] =
    ["avx512-bf16", "avx512-vnni", "avx512", "avx2-vnni", "avx2", "neon-i8mm", "neon-dotprod", "neon", "scalar"];

impl Set {
    /// The set of that name, if this processor has it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            #[cfg(target_arch = "x86_64")]
            "avx512-bf16" => Avx512::new().map(Self::Avx512Bf16),
            #[cfg(target_arch = "x86_64")]
            "avx512-vnni" => Avx512::new().map(Self::Avx512Vnni),
            #[cfg(target_arch = "x86_64")]
            "avx512" => Avx512::new().map(Self::Avx512),
            #[cfg(target_arch = "x86_64")]
            "avx2-vnni" => Avx2::new().map(Self::Avx2Vnni),
            #[cfg(target_arch = "x86_64")]
            "avx2" => Avx2::new().map(Self::Avx2),
            #[cfg(target_arch = "aarch64")]
            "neon-i8mm" => Neon::new().map(Self::NeonI8mm),
            #[cfg(target_arch = "aarch64")]
            "neon-dotprod" => Neon::new().map(Self::NeonDotProd),
            #[cfg(target_arch = "aarch64")]
            "neon" => Neon::new().map(Self::Neon),
            "scalar" => Some(Self::Scalar),
            _ => None,
        }
    }

    /// The fastest set, unless that is [`Set::Scalar`].
    pub fn best() -> Option<Self> {
        NAMES.iter().find_map(|name| Self::named(name)).filter(|set| !matches!(set, Self::Scalar))
    }

    /// True if products of integers are faster where neighbouring weights are small together: `vpmaddubsw` adds two products
    /// in 16 bits.
    pub fn prefers_bounded(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) | Self::Avx2(_) => true,
            _ => false,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => "avx512-bf16",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(_) => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Vnni(_) => "avx2-vnni",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::NeonI8mm(_) => "neon-i8mm",
            #[cfg(target_arch = "aarch64")]
            Self::NeonDotProd(_) => "neon-dotprod",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            Self::Scalar => "scalar",
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something to do with the kinds and the tile of a set.
pub(crate) trait Visit {
    /// The result.
    type Output;

    /// Does it: `K` are the kinds of linear layers, `QK` of queries and keys, `PV` of probabilities and values; tiles
    /// have `R` rows and `V` × 16 columns.
    fn visit<S: Simd, K: Pack, QK: Encode, PV: Transposed, const R: usize, const V: usize>(
        self,
        simd: S,
    ) -> Self::Output;

    /// True if integers of linear layers are [`bounded`](crate::operands::bounded::bounded).
    fn bounded(&self) -> bool;
}

/// Calls a visitor with what computes `format` on `set`; `None` if the set has no such arithmetic.
pub(crate) fn visit<T: Visit>(set: Set, format: Format, visitor: T) -> Option<T::Output> {
    Some(match (set, format) {
        #[cfg(target_arch = "x86_64")]
        (Set::Avx512Bf16(simd), Format::Int8) => visitor.visit::<_, Bytes, Bytes, Bf16, 12, 2>(simd),
        #[cfg(target_arch = "x86_64")]
        (Set::Avx512Bf16(simd), Format::Bfloat16) => visitor.visit::<_, Bf16, Bytes, Bf16, 12, 2>(simd),
        #[cfg(target_arch = "x86_64")]
        (Set::Avx512Vnni(simd), Format::Int8) => visitor.visit::<_, Bytes, Bytes, F32, 12, 2>(simd),
        #[cfg(target_arch = "x86_64")]
        (Set::Avx512(simd), Format::Int8) if visitor.bounded() => {
            visitor.visit::<_, BoundedBytes, Words, F32, 12, 2>(simd)
        }
        #[cfg(target_arch = "x86_64")]
        (Set::Avx512(simd), Format::Int8) => visitor.visit::<_, Words, Words, F32, 12, 2>(simd),
        #[cfg(target_arch = "x86_64")]
        (Set::Avx512Bf16(_) | Set::Avx512Vnni(_) | Set::Avx512(_), Format::Float32) => {
            visitor.visit::<_, F32, F32, F32, 12, 2>(Avx512::<avx512::Basic>::new()?)
        }
        // A vector takes two of sixteen registers.
        #[cfg(target_arch = "x86_64")]
        (Set::Avx2Vnni(simd), Format::Int8) => visitor.visit::<_, Bytes, Bytes, F32, 6, 1>(simd),
        #[cfg(target_arch = "x86_64")]
        (Set::Avx2(simd), Format::Int8) if visitor.bounded() => {
            visitor.visit::<_, BoundedBytes, Words, F32, 6, 1>(simd)
        }
        #[cfg(target_arch = "x86_64")]
        (Set::Avx2(simd), Format::Int8) => visitor.visit::<_, Words, Words, F32, 6, 1>(simd),
        #[cfg(target_arch = "x86_64")]
        (Set::Avx2Vnni(_) | Set::Avx2(_), Format::Float32) => {
            visitor.visit::<_, F32, F32, F32, 6, 1>(Avx2::<avx2::Basic>::new()?)
        }
        // A vector takes four of 32 registers; five rows, four where a product takes more, leave room for theirs.
        #[cfg(target_arch = "aarch64")]
        (Set::NeonI8mm(simd), Format::Int8) => visitor.visit::<_, BytePairs, BytePairs, F32, 4, 1>(simd),
        #[cfg(target_arch = "aarch64")]
        (Set::NeonDotProd(simd), Format::Int8) => visitor.visit::<_, SignedBytes, SignedBytes, F32, 5, 1>(simd),
        #[cfg(target_arch = "aarch64")]
        (Set::Neon(simd), Format::Int8) => visitor.visit::<_, SignedBytes, SignedBytes, F32, 4, 1>(simd),
        #[cfg(target_arch = "aarch64")]
        (Set::NeonI8mm(_) | Set::NeonDotProd(_) | Set::Neon(_), Format::Float32) => {
            visitor.visit::<_, F32, F32, F32, 5, 1>(Neon::<neon::Basic>::new()?)
        }
        (Set::Scalar, Format::Int8) => visitor.visit::<_, Words, Words, F32, 4, 1>(Scalar),
        (Set::Scalar, Format::Float32) => visitor.visit::<_, F32, F32, F32, 4, 1>(Scalar),
        (_, Format::Bfloat16) => return None,
    })
}
