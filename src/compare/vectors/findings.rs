//! The causes of differences between vectors, by name.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::displaced::Displaced;
use super::set::{InputName, Side};
use super::set_report::{EXAMPLES, Flaws};
use super::verdict::{Facts, INTERCHANGEABLE_COSINE, MIN_INPUTS, NORM_TOLERANCE, OUTLIER_COSINE, SAME_SPACE_COSINE};
use crate::report::numbers::{count, number};
use crate::stats::quantiles::median;

/// Ratios of norms that lie this near to one another are one factor.
const ONE_FACTOR: f64 = 2e-3;
/// An input stands out when its cosine is this many times as far from 1 as those of nine of ten.
const FAR_OFF: f64 = 10.0;
/// Below both, two sets are as good as unrelated: the rank correlation of their distances, and the part of neighbours
/// they share.
const UNRELATED: f64 = 0.3;

/// Something that is the matter with the vectors of one set, seen from those of the other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// Vectors of one set have another length than those of the other.
    OtherDimensions {
        /// Numbers of a vector of the reference.
        reference: usize,
        /// Numbers of a vector of the candidate.
        candidate: usize,
    },
    /// Some vectors are unusable.
    Unsound { side: Side, flaws: Flaws },
    /// Two inputs have each other's vector.
    Swapped { first: InputName, second: InputName },
    /// Inputs have the vectors of others: rows are in another order.
    Permuted {
        /// Their number among the examined ones.
        inputs: usize,
        /// Inputs that were looked at: those whose vectors are not their own, of more than 1,000 a sample.
        looked_at: usize,
        /// Number of rows by which all have moved, where that is one number.
        shift: Option<i64>,
        /// Some of them, and whose vectors they have.
        examples: Vec<(InputName, InputName)>,
    },
    /// All vectors are those of the reference, times one factor.
    Scaled { factor: f64 },
    /// One set is normalised to a length of 1, and the other is not.
    Normalisation {
        /// The one that is.
        normalised: Side,
    },
    /// A few inputs have other vectors, and all others the same.
    FewInputs {
        /// Their number.
        inputs: usize,
        of: usize,
        examples: Vec<InputName>,
    },
    /// All vectors are a little different: another precision, or quantised.
    SmallDifferences {
        /// The cosine in the middle.
        cosine_median: f64,
    },
    /// The numbers are others and the neighbours the same: turned, mirrored, or mapped into another space.
    Turned,
    /// Related, but not the same: another pooling, prompt, limit of length, or a kindred model.
    Related,
    /// Nothing in common: another model, or other inputs.
    Unrelated,
}

impl Finding {
    pub(crate) fn sentence(&self, reference: &str, candidate: &str) -> String {
        let name = |side: Side| if side == Side::Reference { reference } else { candidate };
        match self {
            Self::OtherDimensions { reference: r, candidate: c } => {
                format!("another dimension: {r} numbers a vector in {reference}, {c} in {candidate}")
            }
            Self::Unsound { side, flaws } => {
                format!("unsound vectors in {}: {} ({})", name(*side), flaws.sentence(), listed(&flaws.examples))
            }
            Self::Swapped { first, second } => {
                format!("two rows swapped: {first} and {second} have each other's vector")
            }
            Self::Permuted { inputs, looked_at, shift, examples } => {
                let (moved, inputs, looked_at) = (inputs, count(*inputs as u64), count(*looked_at as u64));
                if let (1, [(input, other)]) = (*moved, examples.as_slice()) {
                    return format!("one input has the vector of another ({input} that of {other})");
                }
                let mut text =
                    format!("rows permuted: {inputs} of {looked_at} looked at have the vector of another input");
                if let Some(shift) = shift {
                    // Writing to a string does not fail.
                    let _ = write!(
                        text,
                        ", all of the one {} further {}",
                        shift.abs(),
                        if *shift > 0 { "down" } else { "up" }
                    );
                } else if let Some((input, other)) = examples.first() {
                    let _ = write!(text, " ({input} that of {other})");
                }
                text
            }
            Self::Scaled { factor } => format!("all vectors scaled by {}", number(*factor)),
            Self::Normalisation { normalised } => {
                format!("{} is normalised to length 1, the other is not", name(*normalised))
            }
            Self::FewInputs { inputs, of, examples } => {
                let (many, of) = (count(*inputs as u64), count(*of as u64));
                format!(
                    "{many} of {of} inputs with another vector than the reference's, unlike the others ({})",
                    listed(examples)
                )
            }
            Self::SmallDifferences { .. } => {
                "small differences everywhere: another precision, quantised, or another limit of length".to_owned()
            }
            Self::Turned => {
                "other numbers, the same neighbours: turned, mirrored or mapped into another space".to_owned()
            }
            Self::Related => {
                "related, but not the same: another pooling, prompt, limit of length or a kindred model".to_owned()
            }
            Self::Unrelated => "unrelated: another model, or other inputs".to_owned(),
        }
    }
}

fn listed(inputs: &[InputName]) -> String {
    inputs.iter().map(InputName::to_string).collect::<Vec<_>>().join(", ")
}

/// The cosine below which an input stands out from all of these, which rise: it has another vector altogether, or, where
/// enough inputs show what the others are like, is many times as far off as nine of ten.
fn stands_out(cosines: &[(usize, f64)]) -> f64 {
    let usual = cosines.get(cosines.len() / 10).filter(|_| cosines.len() >= MIN_INPUTS).map(|(_, cosine)| 1.0 - cosine);
    let limit = usual.map_or(OUTLIER_COSINE, |usual| 1.0 - FAR_OFF * usual.max(0.0));
    limit.clamp(OUTLIER_COSINE, INTERCHANGEABLE_COSINE)
}

impl Facts<'_> {
    /// All that can be named, the worst first.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let sides = [(Side::Reference, self.reference), (Side::Candidate, self.candidate)];
        let dimensions = sides.map(|(_, set)| set.dimensions);
        if let [Some(reference), Some(candidate)] = dimensions
            && reference != candidate
        {
            findings.push(Finding::OtherDimensions { reference, candidate });
        }
        for (side, set) in sides {
            if set.flaws.total() > 0 {
                findings.push(Finding::Unsound { side, flaws: set.flaws.clone() });
            }
        }
        findings.extend(self.of_order());
        findings.extend(self.of_norms());
        findings.extend(self.of_values());
        findings
    }

    fn of_order(&self) -> Option<Finding> {
        let Displaced { looked_at, moved } = self.displaced;
        if let Some((first, second)) = self.displaced.swapped() {
            return Some(Finding::Swapped { first: (self.input)(first), second: (self.input)(second) });
        }
        let named = |&(place, other): &(usize, usize)| ((self.input)(place), (self.input)(other));
        (!moved.is_empty()).then(|| Finding::Permuted {
            inputs: moved.len(),
            looked_at: *looked_at,
            shift: self.displaced.shift(),
            examples: moved.iter().take(EXAMPLES).map(named).collect(),
        })
    }

    fn of_norms(&self) -> Option<Finding> {
        let same: Vec<f64> = self
            .cosines
            .iter()
            .zip(self.ratios)
            .filter(|(cosine, _)| **cosine >= INTERCHANGEABLE_COSINE)
            .map(|(_, ratio)| *ratio)
            .collect();
        if same.len() * 2 > self.cosines.len()
            && let Some(factor) = median(&same)
            && (factor - 1.0).abs() > NORM_TOLERANCE
            && same.iter().all(|ratio| (ratio / factor - 1.0).abs() <= ONE_FACTOR)
        {
            return Some(Finding::Scaled { factor });
        }
        match (self.reference.normalised, self.candidate.normalised) {
            (true, false) => Some(Finding::Normalisation { normalised: Side::Reference }),
            (false, true) => Some(Finding::Normalisation { normalised: Side::Candidate }),
            _ => None,
        }
    }

    /// The differences of directions, displaced vectors apart.
    fn of_values(&self) -> Vec<Finding> {
        let moved: Vec<usize> = self.displaced.moved.iter().map(|(place, _)| *place).collect();
        let mut cosines: Vec<(usize, f64)> = self.cosines.iter().copied().enumerate().collect();
        let off = cosines.iter().filter(|(_, cosine)| *cosine < INTERCHANGEABLE_COSINE).count();
        cosines.retain(|(place, _)| moved.binary_search(place).is_err());
        // Most vectors outside of the examined sample have moved as well.
        let sampled = self.displaced.looked_at < off && moved.len() * 2 > self.displaced.looked_at;
        if !moved.is_empty() && (sampled || cosines.is_empty()) {
            return Vec::new();
        }
        cosines.sort_by(|a, b| a.1.total_cmp(&b.1));
        let middle = cosines.get(cosines.len() / 2).map(|(_, cosine)| *cosine);
        let off = cosines.partition_point(|(_, cosine)| *cosine < INTERCHANGEABLE_COSINE);
        let far = cosines.partition_point(|(_, cosine)| *cosine < stands_out(&cosines));
        // Of another dimension there are no cosines.
        let inputs = self.compared;
        let few = (far > 0).then(|| self.few(cosines.get(..far).unwrap_or_default()));
        match middle {
            Some(_) if off == 0 => Vec::new(),
            Some(middle) if middle >= SAME_SPACE_COSINE => {
                let others = off > far && cosines.len() >= MIN_INPUTS;
                few.into_iter().chain(others.then_some(Finding::SmallDifferences { cosine_median: middle })).collect()
            }
            _ if inputs < MIN_INPUTS => Vec::new(),
            _ if self.same_ranking() == Some(true) => cosines.first().map(|_| Finding::Turned).into_iter().collect(),
            _ => self.relation().into_iter().collect(),
        }
    }

    /// Inputs with a vector of another kind than most have.
    fn few(&self, off: &[(usize, f64)]) -> Finding {
        let examples = off.iter().take(EXAMPLES).map(|(place, _)| (self.input)(*place)).collect();
        Finding::FewInputs { inputs: off.len(), of: self.cosines.len(), examples }
    }

    fn relation(&self) -> Option<Finding> {
        let correlation = self.distances?.spearman.unwrap_or(0.0);
        let shared = self.neighbours?.top_k;
        // Of few inputs some neighbours are shared by chance.
        let chance = self.neighbours.map_or(1.0, |found| found.k as f64 / (found.inputs - 1) as f64);
        Some(if correlation < UNRELATED && shared < UNRELATED.max(1.5 * chance) {
            Finding::Unrelated
        } else {
            Finding::Related
        })
    }
}
