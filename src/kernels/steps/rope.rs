//! Rotary position embeddings: pairs of numbers of a head are turned by angles that grow with the position.
//!
//! Su et al. 2021, <https://arxiv.org/abs/2104.09864>. Heads are laid out so that the two numbers of a pair stand in the same
//! lane of two vectors: queries and keys in the same order have the same products.

use std::sync::{Arc, PoisonError, RwLock};

use crate::simd::{LANES, Simd};

/// The angles of a model, which its layers share.
#[derive(Debug)]
pub struct Rope {
    /// Angle a position, of each pair.
    frequencies: Vec<f32>,
    /// Factor of cosine and sine.
    factor: f32,
    /// True if pairs are neighbours (0 with 1, …), not halves apart (0 with n / 2, …).
    interleaved: bool,
    /// Cosines and sines of the positions so far.
    table: RwLock<Arc<Vec<Turn>>>,
}

/// Cosines and sines of sixteen pairs.
type Turn = [[f32; LANES]; 2];

impl Rope {
    /// Frequencies of the pairs of the first `2 · frequencies.len()` numbers of a head.
    pub fn new(frequencies: Vec<f32>, factor: f32, interleaved: bool) -> Self {
        Self { frequencies, factor, interleaved, table: RwLock::default() }
    }

    /// Vectors of the first numbers of all pairs, and of the second ones.
    pub(crate) fn vectors(&self) -> usize {
        self.frequencies.len().div_ceil(LANES)
    }

    /// The order of a head's numbers: the first ones of all pairs, the second ones, and those that do not turn, each in
    /// whole vectors. `None` is a number that is not there.
    pub(crate) fn order(&self, head_dim: usize) -> Vec<Option<usize>> {
        let pairs = self.frequencies.len();
        let first = |pair: usize| if self.interleaved { 2 * pair } else { pair };
        let second = |pair: usize| if self.interleaved { 2 * pair + 1 } else { pairs + pair };
        let mut order: Vec<_> = (0..pairs).map(|pair| Some(first(pair))).collect();
        order.resize(order.len().next_multiple_of(LANES), None);
        order.extend((0..pairs).map(|pair| Some(second(pair))));
        order.resize(order.len().next_multiple_of(LANES), None);
        order.extend((2 * pairs..head_dim).map(Some));
        order.resize(order.len().next_multiple_of(LANES), None);
        order
    }

    /// Cosines and sines of the positions up to `length`, [`vectors`](Self::vectors) each.
    pub(crate) fn table(&self, length: usize) -> Arc<Vec<Turn>> {
        let known = Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner));
        if known.len() >= length * self.vectors() {
            return known;
        }
        // Doubled at least, so that texts of growing lengths do not make it anew each time.
        let positions = length.next_power_of_two();
        let mut table = Vec::with_capacity(positions * self.vectors());
        for position in 0..positions {
            for frequencies in self.frequencies.chunks(LANES) {
                let mut turn = [[0.0; LANES]; 2];
                for (lane, frequency) in frequencies.iter().enumerate() {
                    // In f32, as the reference has it: position · frequency, rounded.
                    let angle = f64::from(position as f32 * frequency);
                    turn[0][lane] = (angle.cos() * f64::from(self.factor)) as f32;
                    turn[1][lane] = (angle.sin() * f64::from(self.factor)) as f32;
                }
                table.push(turn);
            }
        }
        let table = Arc::new(table);
        let mut known = self.table.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have made a longer one meanwhile.
        if known.len() < table.len() {
            *known = Arc::clone(&table);
        }
        table
    }
}

/// Turns heads that stand side by side in a row, `width` vectors each, by a position of the table.
#[inline(always)]
pub(crate) fn rotate<S: Simd>(simd: S, row: &mut [[f32; LANES]], width: usize, turns: &[Turn]) {
    let pairs = turns.len();
    for head in row.chunks_exact_mut(width) {
        for (at, turn) in turns.iter().enumerate() {
            let (cos, sin) = (simd.load(&turn[0]), simd.load(&turn[1]));
            let (a, b) = (simd.load(&head[at]), simd.load(&head[pairs + at]));
            // a · cos − b · sin, b · cos + a · sin
            let zero = simd.splat(0.0);
            simd.store(simd.fma(a, cos, simd.sub(zero, simd.mul(b, sin))), &mut head[at]);
            simd.store(simd.fma(b, cos, simd.mul(a, sin)), &mut head[pairs + at]);
        }
    }
}
