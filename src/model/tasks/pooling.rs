//! Pooling: token embeddings → one vector a text, and what follows (cut, normalise).
//!
//! Formulas: `sentence_transformers`, `modules/pooling.py`. Texts come without padding, so every token counts, except
//! those of the prompt where the model's configuration excludes them.

use clap::ValueEnum;

/// The pooling of token embeddings into one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pooling {
    /// The first token
    Cls,
    /// The mean of all tokens
    Mean,
    /// The largest value of each dimension
    Max,
    /// The sum of all tokens over the square root of their number
    MeanSqrtLen,
    /// The mean, weighted by position (1, 2, 3 …)
    WeightedMean,
    /// The last token
    LastToken,
}

impl Pooling {
    /// The name sentence-transformers gives the mode in `1_Pooling/config.json` (`pooling_mode`).
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "cls" => Self::Cls,
            "mean" => Self::Mean,
            "max" => Self::Max,
            "mean_sqrt_len_tokens" => Self::MeanSqrtLen,
            "weightedmean" => Self::WeightedMean,
            "lasttoken" => Self::LastToken,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::MeanSqrtLen => "mean_sqrt_len_tokens",
            Self::WeightedMean => "weightedmean",
            Self::LastToken => "lasttoken",
        }
    }

    /// Pools `tokens`, `[sequence, hidden]` row by row, onto the end of `out`. The first `skip` tokens (a prompt) are
    /// left out; their positions still count in the weighted mean.
    pub fn pool(self, tokens: &[f32], hidden: usize, skip: usize, out: &mut Vec<f32>) {
        let sequence = tokens.len() / hidden;
        let kept = &tokens[skip.min(sequence) * hidden..];
        let count = kept.len() / hidden;
        match self {
            // With every token left out, the reference falls back to token 0 and to a zero vector, respectively.
            Self::Cls => out.extend_from_slice(if count > 0 { &kept[..hidden] } else { &tokens[..hidden] }),
            Self::LastToken if count > 0 => out.extend_from_slice(&kept[kept.len() - hidden..]),
            Self::LastToken => out.resize(out.len() + hidden, 0.0),
            Self::Max => {
                let start = out.len();
                out.resize(start + hidden, f32::NEG_INFINITY);
                for row in kept.chunks_exact(hidden) {
                    for (o, &x) in out[start..].iter_mut().zip(row) {
                        *o = if x > *o || x.is_nan() { x } else { *o };
                    }
                }
            }
            Self::Mean => weighted_sum(kept, hidden, |_| 1.0, (count as f32).max(1e-9), out),
            Self::MeanSqrtLen => weighted_sum(kept, hidden, |_| 1.0, (count as f32).max(1e-9).sqrt(), out),
            Self::WeightedMean => {
                let weight = |i: usize| (sequence - count + i + 1) as f32;
                let total: f32 = (0..count).map(weight).sum();
                weighted_sum(kept, hidden, weight, total.max(1e-9), out);
            }
        }
    }
}

fn weighted_sum(rows: &[f32], hidden: usize, weight: impl Fn(usize) -> f32, divisor: f32, out: &mut Vec<f32>) {
    let start = out.len();
    out.resize(start + hidden, 0.0);
    for (i, row) in rows.chunks_exact(hidden).enumerate() {
        let w = weight(i);
        for (o, &x) in out[start..].iter_mut().zip(row) {
            *o += w * x;
        }
    }
    for o in &mut out[start..] {
        *o /= divisor;
    }
}

/// Scales `vector` to length 1, as `torch.nn.functional.normalize` does (a length under 1e-12 counts as 1e-12).
pub fn normalize(vector: &mut [f32]) {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
    for x in vector {
        *x /= norm;
    }
}

/// Maximum error of a length of 1 that arithmetic in float32 leaves.
pub(crate) const ROUNDING: f64 = 1e-5;
/// The same of vectors in replies of servers, which may round numbers to few digits.
pub(crate) const ROUNDING_OF_REPLIES: f64 = 1e-3;

/// Scales `vector` to length 1. Not a bit changes if its length is within `tolerance` of 1, or 0.
pub(crate) fn to_unit(vector: &mut [f32], tolerance: f64) {
    let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if length > 0.0 && (length - 1.0).abs() > tolerance {
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

pub fn defect(vector: &[f32]) -> Option<&'static str> {
    let zero = || vector.iter().all(|&x| x == 0.0).then_some("the model's output is the zero vector");
    not_finite(vector).or_else(zero)
}

/// The defect of numbers that are not all finite.
pub(crate) fn not_finite(numbers: &[f32]) -> Option<&'static str> {
    if numbers.iter().any(|x| x.is_nan()) {
        Some("the model's output contains NaN")
    } else if numbers.iter().any(|x| x.is_infinite()) {
        Some("the model's output is infinite")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(mode: Pooling, skip: usize) -> Vec<f32> {
        let mut out = vec![9.0];
        mode.pool(&[1.0, -2.0, 3.0, 4.0, 5.0, -9.0], 2, skip, &mut out);
        out
    }

    #[test]
    fn formulas() {
        assert_eq!(pool(Pooling::Cls, 0), [9.0, 1.0, -2.0]);
        assert_eq!(pool(Pooling::LastToken, 0), [9.0, 5.0, -9.0]);
        assert_eq!(pool(Pooling::Max, 0), [9.0, 5.0, 4.0]);
        assert_eq!(pool(Pooling::Mean, 0), [9.0, 3.0, -7.0 / 3.0]);
        assert_eq!(pool(Pooling::MeanSqrtLen, 0), [9.0, 9.0 / 3f32.sqrt(), -7.0 / 3f32.sqrt()]);
        assert_eq!(pool(Pooling::WeightedMean, 0), [9.0, 22.0 / 6.0, -21.0 / 6.0]);
    }

    #[test]
    fn a_prompt_left_out() {
        assert_eq!(pool(Pooling::Cls, 1), [9.0, 3.0, 4.0]);
        assert_eq!(pool(Pooling::Mean, 1), [9.0, 4.0, -2.5]);
        assert_eq!(pool(Pooling::WeightedMean, 1), [9.0, 21.0 / 5.0, -19.0 / 5.0]);
        assert_eq!(pool(Pooling::Cls, 3), [9.0, 1.0, -2.0]);
        assert_eq!(pool(Pooling::Mean, 4), [9.0, 0.0, 0.0]);
        assert_eq!(pool(Pooling::LastToken, 3), [9.0, 0.0, 0.0]);
    }

    #[test]
    fn to_unit_leaves_vectors_of_length_one_and_zero() {
        for (vector, scaled) in [
            ([0.6, 0.8], [0.6, 0.8]),
            ([0.6, 0.800_01], [0.6, 0.800_01]),
            ([0.0, 0.0], [0.0, 0.0]),
            ([3.0, 4.0], [0.6, 0.8]),
            ([f32::MAX, 0.0], [1.0, 0.0]),
        ] {
            let mut found = vector;
            to_unit(&mut found, ROUNDING);
            assert_eq!(found, scaled, "{vector:?}");
        }
    }

    #[test]
    fn defect_finds_zeros_and_what_is_not_finite() {
        assert_eq!(defect(&[0.0, 1.0]), None);
        assert!(defect(&[0.0, f32::NAN]).is_some());
        assert!(defect(&[f32::NEG_INFINITY]).is_some());
        assert!(defect(&[0.0, -0.0]).is_some());
        let mut v = [3.0, 4.0];
        normalize(&mut v);
        assert_eq!(v, [0.6, 0.8]);
    }
}
