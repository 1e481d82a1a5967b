//! The best items, no more than are wanted.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Keeps the best by score; of those that score alike, the ones with the smallest index.
pub(super) struct Top<T> {
    most: usize,
    least: Option<f64>,
    /// The worst on top.
    heap: BinaryHeap<Item<T>>,
}

/// An item that was kept.
pub(super) struct Item<T> {
    pub score: f64,
    pub index: u64,
    pub item: T,
}

impl<T> Top<T> {
    /// Keeps the `most` best, at least one, that score at least `least`.
    pub(crate) fn new(most: usize, least: Option<f64>) -> Self {
        Self { most, least, heap: BinaryHeap::new() }
    }

    /// Adds what `item` returns, if it is among the best so far.
    pub(crate) fn offer(&mut self, score: f64, index: u64, item: impl FnOnce() -> T) {
        if self.least.is_some_and(|least| score < least) || score.is_nan() {
            return;
        }
        if self.heap.len() >= self.most {
            if self.heap.peek().is_none_or(|worst| order((score, index), (worst.score, worst.index)).is_ge()) {
                return;
            }
            self.heap.pop();
        }
        self.heap.push(Item { score, index, item: item() });
    }

    /// Best first.
    pub(crate) fn into_sorted(self) -> Vec<Item<T>> {
        self.heap.into_sorted_vec()
    }
}

/// Better is less.
fn order((a, a_index): (f64, u64), (b, b_index): (f64, u64)) -> Ordering {
    // Zeros are equal with any sign.
    b.partial_cmp(&a).unwrap_or(Ordering::Equal).then(a_index.cmp(&b_index))
}

impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        order((self.score, self.index), (other.score, other.index))
    }
}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Item<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_in_order_whatever_order_they_come_in() {
        let mut rng = fastrand::Rng::with_seed(7);
        let scores: Vec<f64> = (0..500).map(|_| f64::from(rng.u8(0..40)) - 20.0).collect();
        let mut expected: Vec<usize> = (0..scores.len()).collect();
        expected.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        for most in [1, 7, 500, usize::MAX] {
            for least in [None, Some(0.0)] {
                let mut places: Vec<usize> = (0..scores.len()).collect();
                rng.shuffle(&mut places);
                let mut top = Top::new(most, least);
                places.iter().for_each(|&at| top.offer(scores[at], at as u64, || at));
                top.offer(f64::NAN, 0, || unreachable!());
                let found: Vec<usize> = top.into_sorted().into_iter().map(|item| item.item).collect();
                let expected = expected.iter().copied().filter(|&at| least.is_none_or(|least| scores[at] >= least));
                assert_eq!(found, expected.take(most).collect::<Vec<_>>(), "{most} {least:?}");
            }
        }
    }
}
