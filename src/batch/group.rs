//! Groups of equal token length: nothing is ever padded, so a vector does not depend on its neighbours.

use std::ops::Range;

/// Splits texts into groups of exactly equal length, longest first.
///
/// Returns `order`, the texts' indices sorted by falling length (ties by index), and groups as ranges of it. A group
/// has at most `budget` tokens, but always at least one text. Texts with `None` take no part.
pub fn groups(lengths: &[Option<usize>], budget: usize) -> (Vec<usize>, Vec<Range<usize>>) {
    let length = |i: usize| lengths[i].unwrap_or(0);
    let mut order: Vec<usize> = (0..lengths.len()).filter(|&i| lengths[i].is_some()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(length(i)));

    let mut groups = Vec::new();
    let mut start = 0;
    for run in order.chunk_by(|&a, &b| length(a) == length(b)) {
        // Pieces of nearly the same size: a full group and a remnant of one text would waste the remnant.
        let most = (budget / length(run[0]).max(1)).max(1);
        let pieces = run.len().div_ceil(most);
        for piece in 0..pieces {
            let range = run.len() * piece / pieces..run.len() * (piece + 1) / pieces;
            groups.push(start + range.start..start + range.end);
        }
        start += run.len();
    }
    (order, groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lengths_within_the_budget_longest_first() {
        let lengths = [3, 8, 3, 3, 100, 3, 3].map(Some);
        let (order, groups) = groups(&lengths, 9);
        assert_eq!(order, [4, 1, 0, 2, 3, 5, 6]);
        assert_eq!(groups, [0..1, 1..2, 2..4, 4..7]);
    }

    #[test]
    fn every_text_once_and_failed_ones_never() {
        let lengths: Vec<Option<usize>> = (0..97).map(|i| (i % 7 != 0).then_some(i % 5 + 1)).collect();
        let (order, groups) = groups(&lengths, 12);
        let mut seen: Vec<usize> = groups.iter().flat_map(|g| order[g.clone()].iter().copied()).collect();
        for group in &groups {
            let tokens: Vec<usize> = order[group.clone()].iter().map(|&i| lengths[i].unwrap_or(0)).collect();
            assert!(tokens.iter().all(|&t| t == tokens[0]) && tokens.iter().sum::<usize>() <= 12);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..97).filter(|i| i % 7 != 0).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(groups(&[], 10), (vec![], vec![]));
        assert_eq!(groups(&[None], 10), (vec![], vec![]));
    }
}
