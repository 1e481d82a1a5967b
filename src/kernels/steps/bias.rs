//! Additions to the scores of attention: masks, slopes, tables.

use std::ops::Range;

use crate::simd::{LANES, Simd};

/// Added to the scores of keys that a query does not see: 2^x of it is 0.
pub(super) const UNSEEN: f32 = -1.0e30;

/// An addition to scores, in powers of two.
pub(crate) trait Bias {
    /// False if nothing is added.
    const ADDS: bool;
    /// The keys, out of `keys`, that one of these queries sees.
    fn keys(&self, queries: Range<usize>, keys: usize) -> Range<usize>;
    /// True if all these queries see all these keys, and nothing is added.
    fn is_plain(&self, queries: Range<usize>, keys: Range<usize>) -> bool;
    /// Adds to the scores of the query at position `query` and the sixteen keys from `key` on.
    fn add<S: Simd>(&self, simd: S, head: usize, query: usize, key: usize, scores: S::F) -> S::F;
}

/// Every query sees every key, and nothing is added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Full;

impl Bias for Full {
    const ADDS: bool = false;

    #[inline(always)]
    fn keys(&self, _: Range<usize>, keys: usize) -> Range<usize> {
        0..keys
    }
    #[inline(always)]
    fn is_plain(&self, _: Range<usize>, _: Range<usize>) -> bool {
        true
    }
    #[inline(always)]
    fn add<S: Simd>(&self, _: S, _: usize, _: usize, _: usize, scores: S::F) -> S::F {
        scores
    }
}

/// All that architectures add to scores.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Masked<'a> {
    /// True if a query sees only keys at its own position and before.
    pub causal: bool,
    /// The largest distance of a key.
    pub reach: Option<usize>,
    /// For each head, what a key loses by each step of distance, in powers of two (ALiBi).
    pub slopes: Option<&'a [f32]>,
    /// For each head and distance a number.
    pub table: Option<Table<'a>>,
}

/// Numbers by head and distance of key and query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    /// For each head those of the distances −(`positions` − 1) to `positions` − 1, for keys before a query and after it.
    pub values: &'a [f32],
    /// Positions of the longest sequence.
    pub positions: usize,
}

impl Table<'_> {
    /// The numbers of a query and the keys from `key` on, in powers of two. Those of keys that are not in the table are
    /// any numbers of it, or 0.
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, head: usize, query: usize, key: usize) -> S::F {
        let first = head * (2 * self.positions - 1) + self.positions - 1 + key - query;
        let numbers = &self.values[first..];
        let numbers = match numbers.first_chunk::<LANES>() {
            Some(numbers) => simd.load(numbers),
            None => {
                let mut last = [0.0; LANES];
                last[..numbers.len()].copy_from_slice(numbers);
                simd.load(&last)
            }
        };
        // −∞ for all keys of a query would be NaN. This order of operands keeps a NaN.
        simd.mul(simd.max(simd.splat(f32::MIN / 4.0), numbers), simd.splat(std::f32::consts::LOG2_E))
    }
}

impl Masked<'_> {
    #[inline(always)]
    fn visible(&self, query: usize, keys: usize) -> Range<usize> {
        let first = self.reach.map_or(0, |reach| query.saturating_sub(reach));
        let last = self.reach.map_or(keys, |reach| query.saturating_add(reach).saturating_add(1).min(keys));
        first..if self.causal { last.min(query + 1) } else { last }
    }
}

impl Bias for Masked<'_> {
    const ADDS: bool = true;

    #[inline(always)]
    fn keys(&self, queries: Range<usize>, keys: usize) -> Range<usize> {
        self.visible(queries.start, keys).start..self.visible(queries.end - 1, keys).end
    }

    #[inline(always)]
    fn is_plain(&self, queries: Range<usize>, keys: Range<usize>) -> bool {
        let (of_first, of_last) = (self.visible(queries.start, usize::MAX), self.visible(queries.end - 1, usize::MAX));
        self.table.is_none() && self.slopes.is_none() && of_last.start <= keys.start && keys.end <= of_first.end
    }

    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, head: usize, query: usize, key: usize, scores: S::F) -> S::F {
        let mut scores = scores;
        if let Some(table) = self.table {
            scores = simd.add(scores, table.of(simd, head, query, key));
        }
        if let Some(slopes) = self.slopes {
            let mut distances = [0.0; LANES];
            for (lane, distance) in distances.iter_mut().enumerate() {
                *distance = query.abs_diff(key + lane) as f32;
            }
            scores = simd.fma(simd.load(&distances), simd.splat(-slopes[head]), scores);
        }
        let visible = self.visible(query, usize::MAX);
        if visible.start > key || visible.end < key + LANES {
            let mut unseen = [0.0; LANES];
            for (lane, unseen) in unseen.iter_mut().enumerate() {
                if !visible.contains(&(key + lane)) {
                    *unseen = UNSEEN;
                }
            }
            scores = simd.add(scores, simd.load(&unseen));
        }
        scores
    }
}
