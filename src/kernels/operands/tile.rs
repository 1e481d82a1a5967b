//! The product of a few rows with a few columns, all sums in registers.

use super::kind::{ColumnWords, Kind};
use super::unrolled::unrolled;
use crate::simd::{LANES, Simd};

/// The products of a tile in memory.
pub(crate) type Products<const R: usize, const V: usize> = [[[f32; LANES]; V]; R];

/// `R` rows times `V` × 16 columns; `corrections` are the rows', `of_columns` the columns' ones, if they have any.
///
/// `R · V` accumulators, `V` vectors of weights and a broadcast word must fit into the registers (32 of AVX-512, 16 of
/// AVX2, where a vector takes two, 32 of NEON, where it takes four): otherwise sums go through memory at every step, and
/// half the speed is gone. For the same reason who takes the sums indexes them by constants; see
/// [`unrolled`](super::unrolled).
#[inline(always)]
pub(crate) fn tile<S: Simd, K: Kind, const R: usize, const V: usize>(
    simd: S,
    rows: &[i32],
    columns: &[ColumnWords<V>],
    corrections: &[i32; R],
    of_columns: &[[i32; LANES]],
) -> [[K::Sum<S>; V]; R] {
    let mut sums = K::start_tile(simd, corrections, of_columns);
    let width = LANES / K::GROUP;
    let rows = rows.as_chunks().0.chunks_exact(R * width / 4);
    for (rows, columns) in rows.zip(columns.chunks_exact(width)) {
        sums = K::step(simd, sums, rows, columns);
    }
    K::settle(simd, sums)
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
