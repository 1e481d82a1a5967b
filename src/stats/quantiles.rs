//! Medians, percentiles and means.

/// The value in the middle; of an even number of values, the mean of the two there. `None` without values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[sorted.len() / 2 - 1] + upper) / 2.0 })
}

/// The `percent`th percentile of rising values by linear interpolation between the closest ranks, which is method 7 of
/// Hyndman and Fan (1996) and the default of `numpy.percentile`. `None` without values.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = (sorted.len().checked_sub(1)?) as f64 * percent / 100.0;
    let (below, above) = (sorted.get(rank.floor() as usize)?, sorted.get(rank.ceil() as usize)?);
    Some(below + (above - below) * rank.fract())
}

/// The mean; `None` without values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.percentile([1, 2, 4, 8, 16], p)` of numpy 2.4.6.
    #[test]
    fn percentiles_are_numpys() {
        let values = [1.0, 2.0, 4.0, 8.0, 16.0];
        for (percent, expected) in [(0.0, 1.0), (1.0, 1.04), (33.0, 2.64), (50.0, 4.0), (99.0, 15.68), (100.0, 16.0)] {
            assert!((percentile(&values, percent).unwrap_or(f64::NAN) - expected).abs() < 1e-12, "{percent}");
        }
        assert_eq!((percentile(&[], 1.0), percentile(&[3.0], 1.0)), (None, Some(3.0)));
        assert_eq!((mean(&[]), mean(&[1.0, 4.0])), (None, Some(2.5)));
    }
}
