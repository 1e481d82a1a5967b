//! The agreement of score values: can a cut-off tuned on one engine be kept for the other?

use schemars::JsonSchema;
use serde::Serialize;

use super::sides::Query;

/// The cut-off that is taken of probabilities.
const HALF: f64 = 0.5;

/// Scores of the same documents, against one another. All figures are of the documents whose scores are finite in both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Calibration {
    /// Documents, of all queries that were compared.
    pub documents: usize,
    /// Slope of the line through the candidate's scores over the reference's (least squares): the rise for 1 of the
    /// reference; `None` where the reference scores all the same.
    pub slope: Option<f64>,
    /// And where the reference has 0.
    pub intercept: Option<f64>,
    /// The part of the variance of the candidate's scores that the line explains, from 0 to 1; `None` where one scores
    /// all the same.
    pub r_squared: Option<f64>,
    /// Mean of score less score of the reference.
    pub bias: f64,
    /// Mean |score − score of the reference|.
    pub mean_difference: f64,
    pub max_difference: f64,
    /// Root of the mean square of them.
    pub rms_difference: f64,
    /// The spread of the reference's scores: their standard deviation from the mean of their query; if no query has two
    /// documents, from the mean of all; 0 for a single document.
    pub spread: f64,
    /// The effect of the candidate on a cut-off of the reference.
    pub cut_off: CutOff,
    /// The cut-off at which most documents change sides; `None` where all scores are the same.
    pub worst_cut_off: Option<WorstCutOff>,
}

/// A cut-off, and how many documents lie on either side. What scores as much as it is above.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct CutOff {
    pub at: f64,
    pub basis: CutOffBasis,
    /// Part of the documents the reference scores above it, from 0 to 1.
    pub reference_above: f64,
    /// Part of those the candidate does.
    pub candidate_above: f64,
    /// Part of the documents that are above it in one alone.
    pub other_side: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CutOffBasis {
    /// 0.5, as both engines give probabilities.
    Half,
    /// Half of the reference's scores are above it. Between two scores where there is room.
    Median,
}

/// The cut-off at which most documents change sides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct WorstCutOff {
    pub at: f64,
    /// Part of the documents that are above it in one alone, from 0 to 1.
    pub other_side: f64,
}

/// Compares scores. `probabilities`: both engines give such. `None` without a document.
pub(super) fn calibration(queries: &[Query<'_>], probabilities: bool) -> Option<Calibration> {
    let pairs: Vec<(f64, f64)> = queries.iter().flat_map(|query| query.finite().map(|(_, r, c)| (r, c))).collect();
    if pairs.is_empty() {
        return None;
    }
    let count = pairs.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let line = Line::through(&pairs);
    let (at, basis) = if probabilities {
        (HALF, CutOffBasis::Half)
    } else {
        (middle(pairs.iter().map(|pair| pair.0).collect()), CutOffBasis::Median)
    };
    let part = |is: &dyn Fn(&(f64, f64)) -> bool| pairs.iter().filter(|pair| is(pair)).count() as f64 / count;
    Some(Calibration {
        documents: pairs.len(),
        slope: line.map(|line| line.slope),
        intercept: line.map(|line| line.intercept),
        r_squared: line.and_then(|line| line.r_squared),
        bias: mean(&|(r, c)| c - r),
        mean_difference: mean(&|(r, c)| (c - r).abs()),
        max_difference: pairs.iter().map(|(r, c)| (c - r).abs()).fold(0.0, f64::max),
        rms_difference: mean(&|(r, c)| (c - r).powi(2)).sqrt(),
        spread: spread(queries, |reference, _| reference),
        cut_off: CutOff {
            at,
            basis,
            reference_above: part(&|(r, _)| *r >= at),
            candidate_above: part(&|(_, c)| *c >= at),
            other_side: part(&|(r, c)| (*r >= at) != (*c >= at)),
        },
        worst_cut_off: worst_cut_off(&pairs),
    })
}

/// The standard deviation of scores from the mean of their query, of queries with two documents and more. Order rests on
/// it, and it is never above that from the mean of all, which is taken where no query has two documents.
pub(super) fn spread(queries: &[Query<'_>], of: impl Fn(f64, f64) -> f64) -> f64 {
    let lists: Vec<Vec<f64>> = queries.iter().map(|query| query.finite().map(|(_, r, c)| of(r, c)).collect()).collect();
    let deviation = |lists: &mut dyn Iterator<Item = &Vec<f64>>| {
        let (mut squares, mut count) = (0.0, 0);
        for list in lists {
            let mean = list.iter().sum::<f64>() / list.len() as f64;
            squares += list.iter().map(|score| (score - mean).powi(2)).sum::<f64>();
            count += list.len();
        }
        (count > 0).then(|| (squares / count as f64).sqrt())
    };
    let within = deviation(&mut lists.iter().filter(|list| list.len() > 1));
    within.or_else(|| deviation(&mut [lists.concat()].iter().filter(|list| !list.is_empty()))).unwrap_or_default()
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub slope: f64,
    pub intercept: f64,
    pub r_squared: Option<f64>,
}

impl Line {
    /// Least squares of the second over the first, in two passes: the means first. `None` where all of the first are
    /// the same.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let (mean_x, mean_y) =
            (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in points {
            let (x, y) = (x - mean_x, y - mean_y);
            (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
        }
        let varied = |of: fn(&(f64, f64)) -> f64| points.iter().any(|point| of(point) != of(&points[0]));
        if points.is_empty() || !varied(|point| point.0) || xx == 0.0 {
            return None;
        }
        let slope = xy / xx;
        let r_squared = (varied(|point| point.1) && yy > 0.0).then(|| (xy / xx * xy / yy).clamp(0.0, 1.0));
        Some(Self { slope, intercept: mean_y - slope * mean_x, r_squared })
    }
}

/// Half of the values are above it, and it lies half way to those below, so that rounding moves none to the other side;
/// where that is not possible (ties), as near as it can be.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let above = values[values.len() / 2];
    match values.iter().rev().find(|&&value| value < above) {
        Some(below) => below + (above - below) / 2.0,
        // The half below are tied with it; those above are not, or all are the same.
        None => match values.iter().find(|&&value| value > above) {
            Some(next) => above + (next - above) / 2.0,
            None => above,
        },
    }
}

/// A document changes sides of the cut-offs above its lower score, up to its higher one: of these intervals, the place
/// where most overlap.
fn worst_cut_off(pairs: &[(f64, f64)]) -> Option<WorstCutOff> {
    let differing = || pairs.iter().filter(|(r, c)| r != c);
    let mut starts: Vec<f64> = differing().map(|(r, c)| r.min(*c)).collect();
    let mut ends: Vec<f64> = differing().map(|(r, c)| r.max(*c)).collect();
    starts.sort_unstable_by(f64::total_cmp);
    ends.sort_unstable_by(f64::total_cmp);
    let (mut ended, mut most, mut best) = (0, 0, None);
    for (at, &start) in starts.iter().enumerate() {
        while ends.get(ended).is_some_and(|end| *end <= start) {
            ended += 1;
        }
        // Begun and not ended just above this start; of several at one place the last counts all.
        let open = at + 1 - ended;
        if open > most {
            most = open;
            let next = starts.get(at + 1).copied().into_iter().chain(ends.get(ended).copied()).fold(f64::MAX, f64::min);
            best = Some(start + (next - start) / 2.0);
        }
    }
    best.map(|at| WorstCutOff { at, other_side: most as f64 / pairs.len() as f64 })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::compare::scores::ScoredQuery;

    fn of(reference: &[f32], candidate: &[f32], documents: usize, probabilities: bool) -> Calibration {
        let query = ScoredQuery { index: 0, id: None, scores: None };
        let lists = reference.chunks(documents).zip(candidate.chunks(documents));
        let queries: Vec<Query<'_>> =
            lists.map(|(reference, candidate)| Query { query: &query, reference, candidate }).collect();
        calibration(&queries, probabilities).unwrap()
    }

    /// numpy 2.4.6 and scipy 1.17.1, in float64 of these float32:
    ///
    /// ```python
    /// r = np.float32([(i*7919 + i*i*31) % 101 / 8 - 6 for i in range(60)])
    /// c = np.float32([1.5*x + 0.25 + (i*i*17 + i*3) % 61 / 64 for i, x in enumerate(r)])
    /// r, c = r.astype(float), c.astype(float)
    /// fit = scipy.stats.linregress(r, c); np.polyfit(r, c, 1), fit.rvalue**2
    /// d = c - r; d.mean(), abs(d).mean(), abs(d).max(), (d*d).mean()**.5
    /// g = r.reshape(6, 10); (g - g.mean(1, keepdims=True)).std()
    /// ```
    #[test]
    fn figures_are_those_of_numpy_and_scipy() {
        let reference: Vec<f32> = (0..60u32).map(|i| ((i * 7919 + i * i * 31) % 101) as f32 / 8.0 - 6.0).collect();
        let noise = |i: usize| ((i * i * 17 + i * 3) % 61) as f32 / 64.0;
        let candidate: Vec<f32> = reference.iter().enumerate().map(|(i, x)| 1.5 * x + 0.25 + noise(i)).collect();
        let found = of(&reference, &candidate, 10, false);
        for (found, expected) in [
            (found.slope.unwrap(), 1.4946511981316188),
            (found.intercept.unwrap(), 0.7088364706305788),
            (found.r_squared.unwrap(), 0.9978769758321568),
            (found.bias, 0.87578125),
            (found.mean_difference, 1.8434895833333333),
            (found.max_difference, 4.0625),
            (found.rms_difference, 2.102762591050858),
            (found.spread, 3.725391478310255),
        ] {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn a_cut_off_at_a_half() {
        let found = of(&[0.9, 0.6, 0.5, 0.2], &[0.9, 0.4, 0.6, 0.4], 4, true);
        let expected =
            CutOff { at: 0.5, basis: CutOffBasis::Half, reference_above: 0.75, candidate_above: 0.5, other_side: 0.25 };
        assert_eq!(found.cut_off, expected);
        // (0.4, 0.6], (0.5, 0.6] and (0.2, 0.4]: two of them above 0.5.
        let worst = found.worst_cut_off.unwrap();
        assert_eq!(worst.other_side, 0.5);
        assert!((worst.at - 0.55).abs() < 1e-6, "{worst:?}");
    }

    #[test]
    fn a_cut_off_in_the_middle() {
        let found = of(&[-4.0, 3.0, 1.0, 2.0, -1.0], &[-4.0, 3.0, -1.0, 2.0, -1.0], 5, false);
        assert_eq!((found.cut_off.at, found.cut_off.basis), (0.0, CutOffBasis::Median));
        assert_eq!((found.cut_off.reference_above, found.cut_off.other_side), (0.6, 0.2));
        for (values, expected) in [
            (vec![1.0], 1.0),
            (vec![1.0, 2.0], 1.5),
            (vec![1.0, 1.0, 1.0, 4.0], 2.5),
            (vec![0.0, 1.0, 1.0, 1.0], 0.5),
            (vec![7.0; 3], 7.0),
        ] {
            assert_eq!(middle(values.clone()), expected, "{values:?}");
        }
    }

    /// The definition, at every place between two scores.
    #[test]
    fn the_worst_cut_off_is_that_of_the_definition() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..200 {
            let score = |rng: &mut fastrand::Rng| f64::from(rng.u8(..12));
            let pairs: Vec<(f64, f64)> = (0..rng.usize(1..15)).map(|_| (score(&mut rng), score(&mut rng))).collect();
            let changed = |at: f64| pairs.iter().filter(|(r, c)| (*r >= at) != (*c >= at)).count();
            let most = (0..12).map(|at| changed(f64::from(at) + 0.5)).max().unwrap();
            match worst_cut_off(&pairs) {
                Some(found) => {
                    assert_eq!(changed(found.at), most, "{pairs:?}");
                    assert!((found.other_side * pairs.len() as f64 - most as f64).abs() < 1e-9);
                }
                None => assert_eq!(most, 0),
            }
        }
    }

    #[test]
    fn calibration_leaves_out_undefined_figures() {
        let found = of(&[2.0, 2.0], &[1.0, 4.0], 2, false);
        assert_eq!((found.slope, found.intercept, found.r_squared, found.spread), (None, None, None, 0.0));
        let found = of(&[1.0, 4.0], &[2.0, 2.0], 1, false);
        assert_eq!((found.slope, found.intercept, found.r_squared), (Some(0.0), Some(2.0), None));
        assert_eq!(found.spread, 1.5);
        let found = of(&[1.0, f32::INFINITY], &[f32::MAX, 2.0], 2, false);
        assert_eq!((found.documents, found.slope), (1, None));
        assert_eq!(calibration(&[], true), None);
        // The ends of float32.
        let found = of(&[f32::MAX, -f32::MAX, 0.0], &[-f32::MAX, f32::MAX, 1e-45], 3, false);
        assert!((found.slope.unwrap() + 1.0).abs() < 1e-12 && found.rms_difference.is_finite());
    }
}
