//! Epilogues that write to rows of memory.

use super::linear::Epilogue;
use crate::simd::{LANES, Simd};

/// Writes rows of `width` vectors.
pub(crate) struct Store<'a> {
    pub rows: &'a mut [[f32; LANES]],
    /// Vectors of a row.
    pub width: usize,
}

impl Epilogue for Store<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, vector: usize, values: S::F) {
        simd.store(values, &mut self.rows[row * self.width + vector]);
    }
}

/// Adds to rows of `width` vectors.
pub(crate) struct AddTo<'a> {
    pub rows: &'a mut [[f32; LANES]],
    /// Vectors of a row.
    pub width: usize,
}

impl Epilogue for AddTo<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, vector: usize, values: S::F) {
        let at = &mut self.rows[row * self.width + vector];
        simd.store(simd.add(simd.load(at), values), at);
    }
}

/// Writes its sums with rows of `width` vectors.
pub(crate) struct Sum<'a> {
    pub rows: &'a [[f32; LANES]],
    pub to: &'a mut [[f32; LANES]],
    /// Vectors of a row.
    pub width: usize,
}

impl Epilogue for Sum<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, vector: usize, values: S::F) {
        let at = row * self.width + vector;
        simd.store(simd.add(simd.load(&self.rows[at]), values), &mut self.to[at]);
    }
}
