//! Ranks of values.

/// The rank of each value, from 1 for the smallest; equal ones share the mean of their ranks, as
/// `scipy.stats.rankdata` has it by default. `None` with NaN.
pub fn average_ranks(values: &[f64]) -> Option<Vec<f64>> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Both zeros are the same.
    order.sort_unstable_by(|&x, &y| (values[x] + 0.0).total_cmp(&(values[y] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for run in order.chunk_by(|&x, &y| values[x] == values[y]) {
        // The mean of before + 1 ..= before + length.
        let rank = before as f64 + (run.len() as f64 + 1.0) / 2.0;
        run.iter().for_each(|&at| ranks[at] = rank);
        before += run.len();
    }
    Some(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.rankdata([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])` of scipy 1.17.1.
    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        let ranks = average_ranks(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0]).unwrap();
        assert_eq!(ranks, [4.5, 1.5, 6.0, 1.5, 8.0, 11.0, 3.0, 10.0, 8.0, 4.5, 8.0]);
    }

    #[test]
    fn odd_values() {
        assert_eq!(average_ranks(&[]), Some(vec![]));
        assert_eq!(average_ranks(&[1.0, f64::NAN]), None);
        assert_eq!(average_ranks(&[0.0, -0.0, f64::NEG_INFINITY, f64::INFINITY]), Some(vec![2.5, 2.5, 1.0, 4.0]));
    }
}
