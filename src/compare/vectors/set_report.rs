//! One set of vectors by itself.

use schemars::JsonSchema;
use serde::Serialize;

use super::units::norm;
use super::{InputName, VectorSet};
use crate::report::numbers::count;
use crate::stats::fidelity::{VectorDefect, defect};
use crate::stats::quantiles::median;

/// Inputs that are named.
pub(super) const EXAMPLES: usize = 5;
/// A norm this near to 1 is that of a normalised vector, also of one that was kept in float16.
const UNIT: f64 = 2e-3;

/// One set by itself.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct VectorSetReport {
    pub name: String,
    /// Its inputs.
    pub rows: usize,
    /// Numbers of most of its vectors; `None` if it has none.
    pub dimensions: Option<usize>,
    /// True if all sound vectors have a norm of 1.
    pub normalised: bool,
    /// The norm in the middle of those of sound vectors.
    pub norm_median: Option<f64>,
    pub flaws: Flaws,
}

impl VectorSetReport {
    /// Looks at a set by itself.
    pub(crate) fn of(set: &VectorSet) -> Self {
        let dimensions = set.dimensions();
        let vectors = (0..set.rows.len()).filter_map(|row| set.vector(row));
        let sound = vectors.filter(|vector| Some(vector.len()) == dimensions && defect(vector).is_none());
        let norms: Vec<f64> = sound.map(norm).collect();
        Self {
            name: set.name.to_string(),
            rows: set.rows.len(),
            dimensions,
            normalised: !norms.is_empty() && norms.iter().all(|norm| (norm - 1.0).abs() <= UNIT),
            norm_median: median(&norms),
            flaws: Flaws::of(set, dimensions),
        }
    }
}

/// Counts of unusable vectors of one set: missing, NaN, infinite, all zero, wrong length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Flaws {
    /// Inputs that have an error in the place of their vector.
    pub missing: usize,
    /// Vectors with NaN in them.
    pub nan: usize,
    /// Vectors with an infinite number in them, and no NaN.
    pub infinite: usize,
    /// Vectors that are zero everywhere.
    pub zero: usize,
    /// Sound vectors of another length than most.
    pub other_lengths: usize,
    pub examples: Vec<InputName>,
}

impl Flaws {
    /// The figures of a set. `dimensions`: the length of most of its vectors.
    pub(super) fn of(set: &VectorSet, dimensions: Option<usize>) -> Self {
        let mut flaws = Self::default();
        for row in 0..set.rows.len() {
            let counted = match set.vector(row).map(|vector| (defect(vector), vector.len())) {
                None => &mut flaws.missing,
                Some((Some(VectorDefect::Nan), _)) => &mut flaws.nan,
                Some((Some(VectorDefect::Infinite), _)) => &mut flaws.infinite,
                Some((Some(VectorDefect::Zero), _)) => &mut flaws.zero,
                Some((None, length)) if Some(length) != dimensions => &mut flaws.other_lengths,
                Some((None, _)) => continue,
            };
            *counted += 1;
            if flaws.examples.len() < EXAMPLES {
                flaws.examples.push(set.input(row));
            }
        }
        flaws
    }

    pub(crate) fn total(&self) -> usize {
        let Self { missing, nan, infinite, zero, other_lengths, examples: _ } = self;
        missing + nan + infinite + zero + other_lengths
    }

    /// `1 with NaN, 2 missing`; empty if all are usable.
    pub(super) fn sentence(&self) -> String {
        let parts = [
            (self.nan, "with NaN"),
            (self.infinite, "with an infinite number"),
            (self.zero, "zero everywhere"),
            (self.missing, "missing (an error in their place)"),
            (self.other_lengths, "of another length than most"),
        ];
        let parts = parts.iter().filter(|(many, _)| *many > 0);
        parts.map(|(many, what)| format!("{} {what}", count(*many as u64))).collect::<Vec<_>>().join(", ")
    }
}
