//! The best items, in bounded memory if there is a limit.

use std::cmp::Ordering;

use super::Score;

/// Keeps the best, and puts them in order.
pub(crate) struct Best<T> {
    /// The number of items to keep; `None`: all.
    most: Option<usize>,
    kept: Vec<(Score, T)>,
}

/// Surplus items that are kept before the worst are discarded.
const SLACK: usize = 1024;

impl<T> Best<T> {
    /// Keeps the `most` best, or all.
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { most, kept: Vec::new() }
    }

    pub(crate) fn push(&mut self, score: Score, item: T) {
        self.kept.push((score, item));
        if self.most.is_some_and(|most| self.kept.len() >= most.saturating_add(SLACK.max(most))) {
            self.prune();
        }
    }

    /// Best first; those that score alike come in the order in which they were pushed.
    pub(crate) fn into_sorted(mut self) -> Vec<(Score, T)> {
        self.prune();
        self.kept
    }

    fn prune(&mut self) {
        // Stable: earlier items stay first. Scores are finite.
        self.kept.sort_by(|(a, _), (b, _)| b.order.partial_cmp(&a.order).unwrap_or(Ordering::Equal));
        if let Some(most) = self.most {
            self.kept.truncate(most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(most: Option<usize>, orders: &[f64]) -> Vec<usize> {
        let mut best = Best::new(most);
        for (i, &order) in orders.iter().enumerate() {
            best.push(Score { score: 0.5, order, tokens: None, truncated: None }, i);
        }
        best.into_sorted().into_iter().map(|(_, i)| i).collect()
    }

    #[test]
    fn best_first_and_ties_in_order() {
        assert_eq!(sorted(None, &[1.0, 3.0, 0.0, 1.0, -0.0, 3.0]), [1, 5, 0, 3, 2, 4]);
        assert_eq!(sorted(Some(3), &[1.0, 3.0, 0.0, 1.0, -0.0, 3.0]), [1, 5, 0]);
        assert_eq!(sorted(Some(9), &[1.0]), [0]);
    }

    #[test]
    fn many_with_few_wanted() {
        let orders: Vec<f64> = (0..50_000_u32).map(|i| f64::from(i.wrapping_mul(7919) % 1000)).collect();
        let all = sorted(None, &orders);
        assert_eq!(sorted(Some(70), &orders), all[..70]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut best = Best::new(Some(10));
        for i in 0..100_000 {
            best.push(Score { score: 0.0, order: f64::from(i), tokens: None, truncated: None }, i);
            assert!(best.kept.len() <= 10 + SLACK);
        }
        assert_eq!(best.into_sorted()[0].1, 99_999);
    }
}
