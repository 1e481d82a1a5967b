//! The lengths of the texts of a dataset.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lengths of texts in tokens, specials included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LengthHistogram {
    /// Number of texts.
    pub texts: usize,
    /// Tokens of all texts.
    pub total: u64,
    /// The shortest text.
    pub min: usize,
    /// The median: the smallest length that at least half of the texts do not exceed.
    pub median: usize,
    /// `total` / `texts`.
    pub mean: f64,
    /// The smallest length that at least 90 of 100 texts do not exceed.
    pub p90: usize,
    /// The smallest length that at least 99 of 100 texts do not exceed.
    pub p99: usize,
    /// The longest text.
    pub max: usize,
    /// Ranges of lengths that follow one another without gaps, from that of the shortest text to that of the longest.
    pub bins: Vec<Bin>,
    /// Texts that are longer than the model reads, if its limit is known.
    pub excess: Option<Excess>,
}

/// A range of lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bin {
    /// The shortest in it, in tokens.
    pub from: usize,
    /// The longest in it, in tokens.
    pub to: usize,
    /// Texts in it.
    pub texts: usize,
}

/// Texts that are longer than a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excess {
    /// The most tokens that the model reads, specials included.
    pub max_length: usize,
    /// The number of longer texts.
    pub texts: usize,
    /// The number of tokens beyond the limit, of all texts.
    pub tokens: u64,
}

/// The most bins; rounding to wider ones makes fewer.
const BINS: usize = 16;
/// If the longest text is this many times as long as the median, each bin is twice as wide as the one before.
const SKEWED: usize = 10;

impl LengthHistogram {
    /// The histogram of these lengths in tokens; `None` without texts.
    pub fn of(lengths: &[usize], max_length: Option<usize>) -> Option<Self> {
        let mut sorted = lengths.to_vec();
        sorted.sort_unstable();
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        // The nearest rank: the ceil(n · percent / 100)th smallest.
        let quantile = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        let median = quantile(50);
        let total: u64 = sorted.iter().map(|&length| length as u64).fold(0, u64::saturating_add);
        let excess = max_length.map(|max_length| {
            let longer = &sorted[sorted.partition_point(|&length| length <= max_length)..];
            let tokens = longer.iter().map(|&length| (length - max_length) as u64).fold(0, u64::saturating_add);
            Excess { max_length, texts: longer.len(), tokens }
        });
        let starts = if max / SKEWED >= median.max(1) { doubling(min, max) } else { even(min, max) };
        let counted = |length: usize| sorted.partition_point(|&other| other < length);
        let ends = starts.iter().skip(1).map(|start| start - 1).chain([max]);
        let bin = |(&from, to): (&usize, usize)| {
            let beyond = if to == max { sorted.len() } else { counted(to + 1) };
            Bin { from, to, texts: beyond - counted(from) }
        };
        Some(Self {
            texts: sorted.len(),
            total,
            min,
            median,
            mean: total as f64 / sorted.len() as f64,
            p90: quantile(90),
            p99: quantile(99),
            max,
            bins: starts.iter().zip(ends).map(bin).collect(),
            excess,
        })
    }
}

/// Starts of equally wide bins: 1, 2 or 5 times a power of ten.
fn even(min: usize, max: usize) -> Vec<usize> {
    let bins = |width: usize| (max / width - min / width).saturating_add(1);
    let widths = std::iter::successors(Some(1usize), |width| width.checked_mul(10))
        .flat_map(|power| [1, 2, 5].map(|times| power.saturating_mul(times)));
    let width = widths.into_iter().find(|&width| bins(width) <= BINS).unwrap_or(usize::MAX);
    let first = min / width * width;
    (0..bins(width)).map(|bin| (first + bin * width).max(min)).collect()
}

/// Starts of bins at powers of two.
fn doubling(min: usize, max: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(1usize), |power| power.checked_mul(2));
    std::iter::once(min).chain(powers.filter(|&power| power > min && power <= max)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(lengths: impl IntoIterator<Item = usize>) -> LengthHistogram {
        LengthHistogram::of(&lengths.into_iter().collect::<Vec<_>>(), Some(100)).unwrap()
    }

    fn bins(histogram: &LengthHistogram) -> Vec<(usize, usize, usize)> {
        histogram.bins.iter().map(|bin| (bin.from, bin.to, bin.texts)).collect()
    }

    #[test]
    fn figures() {
        let histogram = of((1..=200).rev());
        assert_eq!((histogram.texts, histogram.total, histogram.min, histogram.max), (200, 20_100, 1, 200));
        assert_eq!((histogram.median, histogram.p90, histogram.p99, histogram.mean), (100, 180, 198, 100.5));
        assert_eq!(histogram.excess, Some(Excess { max_length: 100, texts: 100, tokens: 5050 }));
        let one = of([7]);
        assert_eq!((one.median, one.p99, bins(&one)), (7, 7, vec![(7, 7, 1)]));
        assert_eq!(one.excess.unwrap().texts, 0);
        assert_eq!(LengthHistogram::of(&[], None), None);
        assert_eq!(LengthHistogram::of(&[3], None).unwrap().excess, None);
    }

    #[test]
    fn bins_hold_every_text_once() {
        let cases: [Vec<usize>; 7] = [
            vec![0],
            vec![5, 5, 5],
            (1..=512).collect(),
            vec![3, 500, 501, 777],
            vec![1, 2, 3, 4, 5, 100_000],
            vec![0, 0, 1, 4, 131_072],
            vec![usize::MAX, 0, usize::MAX - 1],
        ];
        for lengths in cases {
            let histogram = of(lengths.clone());
            let bins = &histogram.bins;
            assert_eq!(bins.iter().map(|bin| bin.texts).sum::<usize>(), lengths.len(), "{bins:?}");
            assert!(bins.windows(2).all(|pair| pair[0].to + 1 == pair[1].from), "{bins:?}");
            assert_eq!((bins[0].from, bins[bins.len() - 1].to), (histogram.min, histogram.max));
            for bin in bins {
                let within = lengths.iter().filter(|length| (bin.from..=bin.to).contains(length)).count();
                assert_eq!(within, bin.texts, "{bin:?}");
            }
        }
    }

    #[test]
    fn bins_suit_the_lengths() {
        assert_eq!(
            bins(&of([412, 430, 431, 455])),
            [
                (412, 414, 1),
                (415, 419, 0),
                (420, 424, 0),
                (425, 429, 0),
                (430, 434, 2),
                (435, 439, 0),
                (440, 444, 0),
                (445, 449, 0),
                (450, 454, 0),
                (455, 455, 1)
            ]
        );
        assert_eq!(
            bins(&of([3, 3, 5, 9, 40])),
            [
                (3, 4, 2),
                (5, 9, 2),
                (10, 14, 0),
                (15, 19, 0),
                (20, 24, 0),
                (25, 29, 0),
                (30, 34, 0),
                (35, 39, 0),
                (40, 40, 1)
            ]
        );
        let skewed = of([3, 3, 5, 9, 70]);
        assert_eq!(bins(&skewed), [(3, 3, 2), (4, 7, 1), (8, 15, 1), (16, 31, 0), (32, 63, 0), (64, 70, 1)]);
    }
}
