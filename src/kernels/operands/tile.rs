//! The product of a few rows with a few columns, all sums in registers.

use super::kind::Kind;
use crate::simd::{LANES, Simd};

/// A word of each of `V` times sixteen columns.
pub(crate) type ColumnWords<const V: usize> = [[i32; LANES]; V];

/// The products of a tile in memory.
pub(crate) type Products<const R: usize, const V: usize> = [[[f32; LANES]; V]; R];

/// Runs a block for every number below a constant of at most 12, each a copy of its own.
///
/// Sums stay in registers only if every index of them is a constant; a loop whose body is long is not unrolled by the
/// compiler, and keeps all of them in memory from the first product on.
macro_rules! unrolled {
    ($index:ident < $count:expr, $body:block) => {
        unrolled!(@ $index, $count, $body, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@ $index:ident, $count:expr, $body:block, $($number:literal)*) => {
        const { assert!($count <= 12) };
        $(if $number < $count {
            let $index: usize = $number;
            $body
        })*
    };
}
pub(crate) use unrolled;

/// `R` rows times `V` × 16 columns.
///
/// `R · V` accumulators, `V` vectors of weights and a broadcast word must fit into the registers (32 of AVX-512, 16 of
/// AVX2, where a vector takes two): otherwise sums go through memory at every step, and half the speed is gone. For the
/// same reason who takes the sums indexes them by constants; see [`unrolled`].
#[inline(always)]
pub(crate) fn tile<S: Simd, K: Kind, const R: usize, const V: usize>(
    simd: S,
    rows: &[i32],
    columns: &[ColumnWords<V>],
    corrections: &[i32; R],
) -> [[K::Sum<S>; V]; R] {
    let mut sums = [[K::start(simd, 0); V]; R];
    for r in 0..R {
        sums[r] = [K::start(simd, corrections[r]); V];
    }
    let width = LANES / K::GROUP;
    for (words, columns) in rows.chunks_exact(R * width).zip(columns.chunks_exact(width)) {
        for k in 0..width {
            let mut column = [simd.splat_i(0); V];
            for v in 0..V {
                column[v] = simd.load_i(&columns[k][v]);
            }
            for r in 0..R {
                let word = simd.splat_i(words[r * width + k]);
                for v in 0..V {
                    sums[r][v] = K::dot(simd, sums[r][v], column[v], word);
                }
            }
        }
    }
    sums
}

/// The sums as numbers in memory.
#[inline(always)]
pub(crate) fn to_memory<S: Simd, K: Kind, const R: usize, const V: usize>(
    simd: S,
    sums: [[K::Sum<S>; V]; R],
    products: &mut Products<R, V>,
) {
    unrolled!(r < R, {
        unrolled!(v < V, {
            simd.store(K::finish(simd, sums[r][v]), &mut products[r][v]);
        });
    });
}
