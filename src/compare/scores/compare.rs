//! One engine's scores against another's.

use super::calibration::{calibration, spread};
use super::order::{Order, is_constant, order};
use super::placement::placement;
use super::relation::relation;
use super::sides::{Query, Sides};
use super::verdict::Facts;
use super::{RankingComparison, ScoreSet, ScoreSetReport, WorstQuery};
use crate::compare::vectors::left_out;
use crate::report::numbers::several;

/// Queries that are named for their small τ-b.
const WORST: usize = 10;
/// Difference to a τ-b of 1 that rounding leaves.
const ROUNDING: f64 = 1e-12;

/// Compares the candidate's scores with the reference's of the same documents of the same queries. Queries are matched by
/// their place. Takes memory for a few copies of all scores.
pub(crate) fn compare(reference: &ScoreSet, candidate: &ScoreSet) -> RankingComparison {
    let [reference_report, candidate_report] = [reference, candidate].map(ScoreSetReport::of);
    let sides = Sides::of(reference, candidate);
    let compared = &sides.compared;
    let probabilities = reference_report.probabilities && candidate_report.probabilities;

    let calibration = calibration(compared, probabilities);
    let order = order(compared);
    let placement = placement(compared, spread(compared, |reference, _| reference), probabilities);
    let placed: Vec<Query<'_>> =
        (0..compared.len()).filter(|at| placement.permuted.binary_search(at).is_err()).map(|at| compared[at]).collect();
    let order_of_placed = if placement.permuted.is_empty() { None } else { super::order::order(&placed) };
    let relation = relation(&placed, order_of_placed.as_ref().or(order.as_ref()));

    let matched = reference.queries.len().min(candidate.queries.len());
    let facts = Facts {
        reference: &reference_report,
        candidate: &candidate_report,
        sides: &sides,
        placement: &placement,
        calibration: calibration.as_ref(),
        order: order.as_ref().map(|order| &order.agreement),
    };
    let (verdict, reasons) = facts.judge();
    let findings = facts.findings(relation);
    let mut comparison = RankingComparison {
        matched,
        only_in_reference: reference.queries.len() - matched,
        only_in_candidate: candidate.queries.len() - matched,
        neither: sides.neither,
        document_mismatches: sides.document_mismatches.len(),
        compared: compared.len(),
        identical: compared.iter().filter(|query| query.is_identical()).count(),
        order: order.as_ref().map(|order| order.agreement),
        calibration,
        worst: order.as_ref().map(|order| worst(compared, order)).unwrap_or_default(),
        findings,
        verdict,
        reasons,
        warnings: Vec::new(),
        candidate: candidate_report,
    };
    comparison.warnings = warnings(&comparison, reference, compared);
    comparison
}

/// The queries that are ordered least alike, the worst first.
fn worst(queries: &[Query<'_>], order: &Order) -> Vec<WorstQuery> {
    let mut worst: Vec<(usize, Option<f64>)> = Vec::new();
    for (at, tau) in order.tau.iter().enumerate() {
        let (reference, candidate) = (queries[at].reference, queries[at].candidate);
        match *tau {
            Some(tau) if tau >= 1.0 - ROUNDING => {}
            // An order that is lost is worse than any other; where there was none, none is lost.
            None if !is_constant(candidate) || is_constant(reference) => {}
            tau => worst.push((at, tau)),
        }
    }
    let key = |tau: Option<f64>| tau.unwrap_or(f64::NEG_INFINITY);
    worst.sort_by(|a, b| key(a.1).total_cmp(&key(b.1)).then(a.0.cmp(&b.0)));
    worst.truncate(WORST);
    let named = |(at, tau): (usize, Option<f64>)| {
        let Query { query, reference, .. } = queries[at];
        WorstQuery { query: query.name(), documents: reference.len(), tau, text: None }
    };
    worst.into_iter().map(named).collect()
}

fn warnings(comparison: &RankingComparison, reference: &ScoreSet, queries: &[Query<'_>]) -> Vec<String> {
    let (reference, candidate) = (reference.name.as_ref(), comparison.candidate.name.as_str());
    let only = [(comparison.only_in_reference, reference), (comparison.only_in_candidate, candidate)];
    let mut warnings = left_out(["query", "queries"], only);
    if comparison.neither > 0 {
        let queries = several(comparison.neither as u64, "query has", "queries have");
        warnings.push(format!("{queries} sound scores in neither"));
    }
    let single = queries.iter().filter(|query| query.reference.len() < 2).count();
    if single > 0 && single < queries.len() {
        let queries = several(single as u64, "query has", "queries have");
        warnings.push(format!("{queries} fewer than two documents, and no order"));
    }
    let tied = queries.iter().filter(|query| is_constant(query.reference)).count();
    if tied > 0 {
        let queries = several(tied as u64, "query", "queries");
        warnings.push(format!("{reference} scores all documents of {queries} the same"));
    }
    warnings
}
