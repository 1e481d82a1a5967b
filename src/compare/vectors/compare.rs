//! One set of vectors against another.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::displaced::{Displaced, displaced};
use super::distances::distances;
use super::histogram::CosineHistogram;
use super::matching::{MatchError, Matching, matched};
use super::neighbours::neighbours;
use super::report::{VectorComparison, WorstInput};
use super::set_report::VectorSetReport;
use super::units::{Units, norm};
use super::verdict::{Facts, INTERCHANGEABLE_COSINE};
use super::{MatchedBy, VectorSet};
use crate::report::numbers::{several, size};
use crate::stats::fidelity::{VectorFidelity, cosine};
use crate::stats::quantiles::median;

/// Inputs that are named for their small cosine.
const WORST: usize = 10;
/// Difference to a cosine of 1 that rounding leaves.
const ROUNDING: f64 = 1e-12;
/// A fixed seed, so that samples are the same every time.
const SEED: u64 = 7;

/// Compares the candidate's vectors with the reference's of the same inputs. Work is spread over rayon's threads; memory
/// is that of both sets once more.
pub(crate) fn compare(reference: &VectorSet, candidate: &VectorSet) -> Result<VectorComparison, MatchError> {
    Ok(compare_matched(reference, candidate, matched(reference, candidate)?))
}

/// The same for sets whose rows belong to the same inputs one by one, under any ids.
pub(crate) fn compare_in_order(reference: &VectorSet, candidate: &VectorSet) -> VectorComparison {
    let rows = reference.rows.len().min(candidate.rows.len());
    let matching =
        Matching { by: MatchedBy::Index, pairs: (0..rows).map(|row| (row, row)).collect(), ids_ignored: false };
    compare_matched(reference, candidate, matching)
}

fn compare_matched(reference: &VectorSet, candidate: &VectorSet, matching: Matching) -> VectorComparison {
    let sets = [reference, candidate];
    let [reference_report, candidate_report] = sets.map(VectorSetReport::of);
    let dimensions @ [reference_dimensions, candidate_dimensions] =
        sets.map(|set| set.dimensions().unwrap_or_default());

    let mut fidelity = VectorFidelity::default();
    let (mut identical, mut neither, mut lost, mut sound) = (0, 0, 0, Vec::new());
    for &(r, c) in &matching.pairs {
        match (reference.sound(r, reference_dimensions), candidate.sound(c, candidate_dimensions)) {
            (Some(_), Some(_)) => sound.push((r, c)),
            (None, None) => {
                neither += 1;
                continue;
            }
            _ => lost += 1,
        }
        if let (Some(reference), Some(candidate)) = (reference.vector(r), candidate.vector(c)) {
            fidelity.push(candidate, reference);
            let same = reference.iter().zip(candidate).all(|(a, b)| a.to_bits() == b.to_bits());
            identical += usize::from(same && reference.len() == candidate.len());
        }
    }
    let fidelity = fidelity.report();

    let (cosines, ratios): (Vec<f64>, Vec<f64>) = if dimensions[0] == dimensions[1] {
        let pair = |&(r, c): &(usize, usize)| {
            let (reference, candidate) = (reference.numbers(r), candidate.numbers(c));
            (cosine(candidate, reference).unwrap_or_default(), norm(candidate) / norm(reference))
        };
        sound.par_iter().map(pair).unzip()
    } else {
        Default::default()
    };
    let units = |set: &VectorSet, row: fn(&(usize, usize)) -> usize, dimensions| {
        Units::of(sound.iter().map(|pair| set.numbers(row(pair))), dimensions)
    };
    let reference_units = units(reference, |pair| pair.0, reference_dimensions);
    let candidate_units = units(candidate, |pair| pair.1, candidate_dimensions);
    let neighbours = neighbours(&reference_units, &candidate_units, SEED);
    let distances = distances(&reference_units, &candidate_units, SEED);
    let off: Vec<(usize, f64)> =
        cosines.iter().copied().enumerate().filter(|(_, cosine)| *cosine < INTERCHANGEABLE_COSINE).collect();
    let displaced: Displaced = displaced(&reference_units, &candidate_units, &off, SEED);

    let input = |place: usize| reference.input(sound[place].0);
    let only = |set: &VectorSet| set.rows.len() - matching.pairs.len();
    let facts = Facts {
        reference: &reference_report,
        candidate: &candidate_report,
        lost,
        left_out: neither + only(reference) + only(candidate),
        compared: sound.len(),
        input: &input,
        agreement: fidelity.agreement.as_ref(),
        cosines: &cosines,
        ratios: &ratios,
        displaced: &displaced,
        neighbours: neighbours.as_ref(),
        distances: distances.as_ref(),
    };
    let findings = facts.findings();
    let (verdict, mut reasons) = facts.judge();
    if let Some(reason) = other_numbers(reference, candidate, matching.by) {
        reasons.insert(0, reason);
    }
    let mut worst: Vec<(usize, f64)> =
        cosines.iter().copied().enumerate().filter(|(_, cosine)| *cosine < 1.0 - ROUNDING).collect();
    worst.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    worst.truncate(WORST);
    let mut comparison = VectorComparison {
        matched_by: matching.by,
        matched: matching.pairs.len(),
        only_in_reference: only(reference),
        only_in_candidate: only(candidate),
        neither,
        compared: sound.len(),
        identical,
        vectors: fidelity,
        cosines: CosineHistogram::of(cosines.iter().copied()),
        norm_ratio: median(&ratios),
        worst: worst
            .into_iter()
            .map(|(place, cosine)| WorstInput { input: input(place), cosine, text: None, tokens: None })
            .collect(),
        neighbours,
        distances,
        findings,
        verdict,
        reasons,
        warnings: Vec::new(),
        candidate: candidate_report,
    };
    comparison.warnings = warnings(&comparison, reference, matching.ids_ignored);
    comparison
}

/// The finding that one set has more vectors than the other, which may be the cause of all others.
fn other_numbers(reference: &VectorSet, candidate: &VectorSet, by: MatchedBy) -> Option<String> {
    let (before, after) = (reference.rows.len(), candidate.rows.len());
    let by = match by {
        MatchedBy::Id => "matched by id",
        MatchedBy::Index => "matched by place, so that they may be of other inputs",
    };
    (before != after).then(|| {
        let before = several(before as u64, "vector", "vectors");
        format!("{} has {before} and {} {}, {by}", reference.name, candidate.name, size(after))
    })
}

fn warnings(comparison: &VectorComparison, reference: &VectorSet, ids_ignored: bool) -> Vec<String> {
    let (reference, candidate) = (reference.name.as_ref(), comparison.candidate.name.as_str());
    let only = [(comparison.only_in_reference, reference), (comparison.only_in_candidate, candidate)];
    let mut warnings = left_out(["input", "inputs"], only);
    if ids_ignored {
        warnings.push("inputs were matched by place: some of their vectors have no id".to_owned());
    } else if comparison.matched_by == MatchedBy::Index && comparison.only_in_reference != comparison.only_in_candidate
    {
        warnings.push("inputs were matched by place, and there are more in one set than in the other".to_owned());
    }
    if comparison.neither > 0 {
        let inputs = several(comparison.neither as u64, "input has", "inputs have");
        warnings.push(format!("{inputs} a sound vector in neither"));
    }
    warnings
}

/// The warnings that inputs are in one set alone, each with their number and the set's name.
pub(in crate::compare) fn left_out([one, many]: [&str; 2], only: [(usize, &str); 2]) -> Vec<String> {
    let some = only.into_iter().filter(|(count, _)| *count > 0);
    let warning = |(count, name): (usize, &str)| {
        let inputs = several(count as u64, &format!("{one} is"), &format!("{many} are"));
        format!("{inputs} in {name} alone, and left out")
    };
    some.map(warning).collect()
}
