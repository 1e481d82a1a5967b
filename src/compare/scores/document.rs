//! The scores of an engine for people.

use super::findings::signed;
use super::{Calibration, CutOffBasis, RankingComparison, ScoreSetReport, WorstQuery};
use crate::report::Tone;
use crate::report::document::{Block, Line, Row, Table, listed};
use crate::report::numbers::{cosine, count, number, several, share};
use crate::report::text::shortened;

/// Characters of a query that are shown.
const TEXT: usize = 120;

/// The details of an engine's scores, beside the verdict and the figures in the tables of several engines.
pub(in crate::compare) fn details(reference: &ScoreSetReport, comparison: &RankingComparison) -> Vec<Block> {
    let candidate = &comparison.candidate;
    let found = comparison.findings.iter().map(|found| found.sentence(&reference.name, &candidate.name));
    let mut facts = vec![Line::from(("Compared", set(candidate)))];
    facts.extend(listed("Found", found));
    facts.extend(listed("Because", comparison.reasons.iter().cloned()));
    facts.push(Line::from(("Queries", queries(comparison))));
    if let Some(found) = &comparison.calibration {
        facts.extend(listed("Scores", scores(found)));
        facts.extend(listed("Cut-off", cut_off(found, &reference.name, &candidate.name)));
    }
    vec![Block::Warnings(comparison.warnings.clone()), Block::Facts(facts), Block::Table(worst(&comparison.worst))]
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
    format!("{matched} scored by both, {compared} compared ({documents}), {identical} identical bit for bit")
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
    let mut texts = vec![format!(
        "at {} ({why}) {} of the documents change sides: above it are {} in {reference}, {} in {candidate}",
        number(cut_off.at),
        share(cut_off.other_side),
        share(cut_off.reference_above),
        share(cut_off.candidate_above)
    )];
    if let Some(worst) = found.worst_cut_off {
        texts.push(format!("at worst {} change sides, at {}", share(worst.other_side), number(worst.at)));
    }
    texts
}

fn worst(queries: &[WorstQuery]) -> Table {
    let row = |worst: &WorstQuery| {
        let tau = worst.tau.map_or_else(|| "all tied".to_owned(), cosine);
        let cells = vec![worst.query.to_string(), tau, count(worst.documents as u64)];
        let note = worst.text.as_deref().map(|text| shortened(text, TEXT)).unwrap_or_default();
        Row { tone: Tone::Plain, cells, note }
    };
    let (head, rows) = (vec!["query", "τ-b", "documents"], queries.iter().map(row).collect());
    Table { title: "Queries whose documents are ordered least alike", head, words: 1, rows, ..Table::default() }
}
