//! The report for people, as labels and lines.

use super::{RankingComparison, ScoreSetReport};
use crate::compare::rankings::findings::signed;
use crate::compare::rankings::{Calibration, CutOffBasis, OrderAgreement};
use crate::compare::vectors::share;
use crate::report::numbers::{NOTHING, cosine, count, number, several};
use crate::report::text::quoted;

/// Characters of a query that are shown.
const TEXT: usize = 60;

/// Labels and what there is to say to each; those that go on have none. Names of engines and ids are as they were given.
pub fn lines(reference: &ScoreSetReport, comparison: &RankingComparison) -> Vec<(&'static str, String)> {
    let candidate = &comparison.candidate;
    let mut lines = vec![("Reference", set(reference)), ("Compared", set(candidate))];
    lines.push(("Verdict", comparison.verdict.words().to_owned()));
    let mut list = |label: &'static str, texts: Vec<String>| {
        lines.extend(texts.into_iter().enumerate().map(|(at, text)| (if at == 0 { label } else { "" }, text)));
    };
    list("Found", comparison.findings.iter().map(|found| found.sentence(&reference.name, &candidate.name)).collect());
    list("Because", comparison.reasons.clone());
    list("Queries", vec![queries(comparison)]);
    if let Some(found) = &comparison.order {
        list("Order", order(found));
    }
    if let Some(found) = &comparison.calibration {
        list("Scores", scores(found));
        list("Cut-off", cut_off(found, &reference.name, &candidate.name));
    }
    let tau = |tau: Option<f64>| tau.map_or_else(|| "all tied".to_owned(), |tau| format!("τ-b {}", cosine(tau)));
    let worst = comparison.worst.iter().map(|worst| {
        let text = worst.text.as_ref().map(|text| format!(" {}", quoted(text, TEXT)));
        let (tau, documents) = (tau(worst.tau), count(worst.documents as u64));
        format!("{tau} {} ({documents} documents){}", worst.query, text.unwrap_or_default())
    });
    list("Least alike", worst.collect());
    list("Warning", comparison.warnings.clone());
    lines
}

/// `torch: 24 queries, 96 documents, scores from -10.2 to 8.11`.
fn set(set: &ScoreSetReport) -> String {
    let queries = several(set.queries as u64, "query", "queries");
    let documents = several(set.documents as u64, "document", "documents");
    let range = match set.range {
        Some(range) => {
            let kind = if set.probabilities { " (probabilities)" } else { "" };
            format!(", scores from {} to {}{kind}", number(range.min), number(range.max))
        }
        None => String::new(),
    };
    let flaws = if set.flaws.total() > 0 { format!("; {}", set.flaws.sentence()) } else { String::new() };
    format!("{}: {queries}, {documents}{range}{flaws}", set.name)
}

fn queries(comparison: &RankingComparison) -> String {
    let [matched, compared, identical] =
        [comparison.matched, comparison.compared, comparison.identical].map(|many| count(many as u64));
    let documents = comparison.calibration.map_or(0, |found| found.documents);
    let documents = several(documents as u64, "document", "documents");
    format!("{matched} asked of both, {compared} compared ({documents}), {identical} identical bit for bit")
}

fn order(found: &OrderAgreement) -> Vec<String> {
    let tau = |tau: Option<f64>| tau.map_or(NOTHING.to_owned(), cosine);
    let (mean, p5, min) = (tau(found.tau_mean), tau(found.tau_p5), tau(found.tau_min));
    let mut texts = vec![format!("τ-b mean {mean}, 5th percentile {p5}, smallest {min}")];
    let (first, mean, min) = (share(found.top_1), share(found.overlap_mean), share(found.overlap_min));
    let mut heads = format!("first document the same for {first}");
    if found.k > 1 {
        heads += &format!("; of the first {} {mean} in common, {min} at the least", found.k);
    }
    texts.push(heads);
    texts
}

fn scores(found: &Calibration) -> Vec<String> {
    let [max, mean, spread] = [found.max_difference, found.mean_difference, found.spread].map(number);
    let bias = signed(found.bias);
    let mut texts = vec![format!(
        "largest difference {max}, mean {mean}, bias {bias}; the reference's spread (standard deviation) {spread}"
    )];
    if let (Some(slope), Some(intercept), Some(r_squared)) = (found.slope, found.intercept, found.r_squared) {
        let (slope, r_squared) = (number(slope), cosine(r_squared));
        let (sign, intercept) = (if intercept < 0.0 { "-" } else { "+" }, number(intercept.abs()));
        texts.push(format!("line through them: {slope} × the reference's {sign} {intercept}, R² {r_squared}"));
    }
    texts
}

fn cut_off(found: &Calibration, reference: &str, candidate: &str) -> Vec<String> {
    let cut_off = &found.cut_off;
    let why = match cut_off.basis {
        CutOffBasis::Half => "both are probabilities",
        CutOffBasis::Median => "the median of the reference's",
    };
    let (at, other) = (number(cut_off.at), share(cut_off.other_side));
    let above = |above: f64| share(above);
    let mut texts = vec![format!(
        "at {at} ({why}) {other} of the documents change sides: above it are {} in {reference}, {} in {candidate}",
        above(cut_off.reference_above),
        above(cut_off.candidate_above)
    )];
    if let Some(worst) = found.worst_cut_off {
        texts.push(format!("at worst {} change sides, at {}", share(worst.other_side), number(worst.at)));
    }
    texts
}
