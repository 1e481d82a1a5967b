//! Finds the mapping (identity, scale, sigmoid, …) from one reranker's scores to another's.

use super::calibration::{Line, spread};
use super::findings::{DocumentName, Finding, Relation};
use super::order::Order;
use super::placement::OTHER_SCORE;
use super::set_report::{EXAMPLES, is_probability};
use super::sides::Query;
use super::verdict::{SAME_SCORE, SAME_VALUES};
use crate::compare::vectors::Side;
use crate::model::activation::sigmoid;

/// Maximum residual of a mapping, as a root mean square and a part of the spread of its results: above it, another
/// mapping applies. Scores in int8 stay below; the sigmoid of twice the logit leaves 0.1 of that of the logit.
const SIGMOID: f64 = 0.08;
/// Minimum documents for a relation: any two fit a line; curves (a sigmoid of small logits) are nearly one.
const LINE: f64 = 0.03;
/// And it is there if it makes the differences smaller by this factor: noise alone is near a line as well, that of the
/// same values.
const EXPLAINS: f64 = 0.5;
/// Minimum number of documents for a mapping with no parameter, with one, and with two.
const DOCUMENTS: [usize; 3] = [3, 3, 5];
/// The part of documents that is a few.
const FEW: f64 = 0.1;
/// Maximum residual of the same scores computed in a smaller format.
const SMALL: f64 = 0.4;
/// Mean τ-b above which the order is the same, below which it is reversed, and below which there is no relation.
const SAME_ORDER: f64 = 0.95;
const REVERSED: f64 = -0.5;
const NO_ORDER: f64 = 0.3;

/// Compares scores of queries that are not permuted. `None` if there are too few.
pub(super) fn relation(queries: &[Query<'_>], order: Option<&Order>) -> Option<Relation> {
    let pairs: Vec<(f64, f64)> = queries.iter().flat_map(|query| query.finite().map(|(_, r, c)| (r, c))).collect();
    if pairs.is_empty() {
        return None;
    }
    let of_reference = spread(queries, |reference, _| reference);
    let of_candidate = spread(queries, |_, candidate| candidate);
    let left_over = |rule: &dyn Fn(f64, f64) -> f64| rms(pairs.iter().map(|(r, c)| rule(*r, *c)));
    let difference = left_over(&|r, c| c - r);
    let far = pairs.iter().any(|(r, c)| (c - r).abs() > SAME_SCORE * of_reference);
    if difference <= SAME_VALUES * of_reference && !far || pairs.iter().all(|(r, c)| r == c) {
        return Some(Relation::Same);
    }
    if let Some(few) = few_others(queries, of_reference) {
        return Some(Relation::Other(few));
    }
    let enough = |free: usize| pairs.len() >= DOCUMENTS[free] && of_reference > 0.0 && of_candidate > 0.0;
    if enough(0) {
        if left_over(&|r, c| c - sigmoid(r)) <= SIGMOID * of_candidate {
            let twice = pairs.iter().all(|(r, _)| is_probability(*r));
            return Some(Relation::Other(Finding::Sigmoid { probabilities: Side::Candidate, twice }));
        }
        if left_over(&|r, c| r - sigmoid(c)) <= SIGMOID * of_reference {
            let twice = pairs.iter().all(|(_, c)| is_probability(*c));
            return Some(Relation::Other(Finding::Sigmoid { probabilities: Side::Reference, twice }));
        }
    }
    if let Some(line) = straight(&pairs, (LINE * of_candidate).min(EXPLAINS * difference)).filter(|_| enough(1)) {
        match line {
            Finding::Line { .. } if !enough(2) => {}
            line => return Some(Relation::Other(line)),
        }
    }
    let order = order.and_then(|order| Some((order.agreement.tau_mean?, order.chance?)));
    let found = match order {
        Some((tau, chance)) if tau <= REVERSED && tau < -3.0 * chance => Finding::Reversed { tau },
        _ if difference <= SMALL * of_reference => Finding::SmallDifferences,
        Some((tau, chance)) if tau >= SAME_ORDER && tau > 3.0 * chance => Finding::SameOrder { tau },
        // Of few documents any order may come by chance.
        Some((_, chance)) if chance > NO_ORDER / 2.0 => return None,
        Some((tau, _)) if tau.abs() < NO_ORDER => Finding::Unrelated,
        Some((tau, _)) => Finding::Related { tau },
        None => return None,
    };
    Some(Relation::Other(found))
}

fn rms(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value * value, count + 1));
    (sum / f64::from(count.max(1))).sqrt()
}

/// The finding that all but a few documents have the same scores.
fn few_others(queries: &[Query<'_>], spread: f64) -> Option<Finding> {
    let (mut others, mut same, mut of) = (Vec::new(), Vec::new(), 0);
    for (at, query) in queries.iter().enumerate() {
        for (document, r, c) in query.finite() {
            of += 1;
            if (c - r).abs() > OTHER_SCORE * spread {
                others.push((at, document, (c - r).abs()));
            } else {
                same.push(c - r);
            }
        }
    }
    let few = !others.is_empty() && others.len() as f64 <= FEW * f64::from(of);
    if !few || rms(same.into_iter()) > SAME_VALUES * spread {
        return None;
    }
    others.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    let named = |&(at, document, _): &(usize, usize, f64)| DocumentName { query: queries[at].query.name(), document };
    let examples = others.iter().take(EXAMPLES).map(named).collect();
    Some(Finding::FewDocuments { documents: others.len(), of: of as usize, examples })
}

/// The simplest rising line that makes the candidate's scores and leaves over `most` (root mean square).
fn straight(pairs: &[(f64, f64)], most: f64) -> Option<Finding> {
    let count = pairs.len() as f64;
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let squares = sum(&|(r, _)| r * r);
    let fits = |rule: &dyn Fn(f64) -> f64| rms(pairs.iter().map(|(r, c)| c - rule(*r))) <= most;
    let factor = if squares > 0.0 { sum(&|(r, c)| r * c) / squares } else { 0.0 };
    if factor > 0.0 && fits(&|r| factor * r) {
        return Some(Finding::Scaled { factor });
    }
    let by = sum(&|(r, c)| c - r) / count;
    if fits(&|r| r + by) {
        return Some(Finding::Shifted { by });
    }
    let Line { slope, intercept, .. } = Line::through(pairs)?;
    (slope > 0.0 && fits(&|r| slope * r + intercept)).then_some(Finding::Line { slope, intercept })
}
