//! The distribution of cosines. Most crowd just below 1, so bins are of the distance 1 − cosine, each about twice as
//! wide as the one before it.

use schemars::JsonSchema;
use serde::Serialize;

/// Between the bins. Vectors rounded to float16 are some 2e-8 apart and so in the first bin, to bfloat16 some 1.4e-6; 2 is
/// the distance of opposite ones.
const EDGES: [f64; 23] = [
    1e-7, 2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1,
    0.2, 0.5, 1.0, 2.0,
];

/// The number of cosines at each distance from 1.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct CosineHistogram {
    /// From near to far. There are the same ones in every report of this version: below 1e-7, then up to 2e-7, 5e-7, 1e-6
    /// and so on, up to 2.
    pub bins: Vec<DistanceBin>,
}

/// A range of distances 1 − cosine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct DistanceBin {
    /// Distances in it are above this one; in the first bin there are those of 0 and less as well.
    pub from: f64,
    /// The largest distance in it.
    pub to: f64,
    /// Inputs whose vectors are so far apart.
    pub inputs: usize,
}

impl CosineHistogram {
    /// The histogram of these cosines; `None` without cosines. What rounding has put beyond 1 or -1 is in the outermost
    /// bins, and what is no number is in none.
    pub(crate) fn of(cosines: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut counts = [0; EDGES.len()];
        for cosine in cosines.into_iter().filter(|cosine| !cosine.is_nan()) {
            // Of the cosine, so that 0.999 is on the same side of 0.001 as for the verdict.
            let bin = EDGES.partition_point(|&edge| cosine < 1.0 - edge);
            counts[bin.min(EDGES.len() - 1)] += 1;
        }
        let from = [0.0].into_iter().chain(EDGES);
        let bins = from.zip(EDGES).zip(counts).map(|((from, to), inputs)| DistanceBin { from, to, inputs });
        counts.iter().any(|&count| count > 0).then(|| Self { bins: bins.collect() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Distance from where on, and how many, of bins that are not empty.
    fn filled(cosines: &[f64]) -> Vec<(f64, usize)> {
        let found = CosineHistogram::of(cosines.iter().copied()).unwrap();
        assert_eq!(found.bins.len(), 23);
        found.bins.iter().filter(|bin| bin.inputs > 0).map(|bin| (bin.from, bin.inputs)).collect()
    }

    #[test]
    fn bins_are_by_the_distance_from_1() {
        assert_eq!(filled(&[1.0, 1.0 - 1e-8, 1.0 - 1.5e-7]), [(0.0, 2), (1e-7, 1)]);
        assert_eq!(
            filled(&[0.99985, 0.9992, 0.9988, 0.985, 0.96]),
            [(1e-4, 1), (5e-4, 1), (1e-3, 1), (0.01, 1), (0.02, 1)]
        );
        assert_eq!(filled(&[0.75, 0.25, -0.25]), [(0.2, 1), (0.5, 1), (1.0, 1)]);
        // An edge belongs to the nearer bin.
        assert_eq!(filled(&[0.999, 0.99, 0.5, 0.0]), [(5e-4, 1), (5e-3, 1), (0.2, 1), (0.5, 1)]);
    }

    #[test]
    fn bins_are_side_by_side_and_hold_all() {
        let cosines: Vec<f64> = (0..=2000).map(|at| 1.0 - f64::from(at) / 1000.0).collect();
        let bins = CosineHistogram::of(cosines).unwrap().bins;
        assert_eq!(bins.iter().map(|bin| bin.inputs).sum::<usize>(), 2001);
        assert!(bins.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].from < pair[0].to));
        assert_eq!((bins[0].from, bins[22].to), (0.0, 2.0));
    }

    #[test]
    fn cosines_beyond_the_ends_count() {
        assert_eq!(filled(&[1.0 + 1e-15, -1.0, -1.0 - 1e-15]), [(0.0, 1), (1.0, 2)]);
        assert_eq!(CosineHistogram::of([]), None);
        assert_eq!(CosineHistogram::of([f64::NAN]), None);
        assert_eq!(filled(&[f64::NAN, 1.0]), [(0.0, 1)]);
    }
}
