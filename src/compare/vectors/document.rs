//! A comparison of vectors for people.

use super::charts::{cosines, farthest};
use super::{MatchedBy, VectorComparison, VectorSetReport, VectorsReport, WorstInput};
use crate::compare::threshold::{Limit, Threshold, checked, digits};
use crate::report::Tone;
use crate::report::document::{Block, Document, Line, Row, Section, Table, listed};
use crate::report::numbers::{NOTHING, cosine, count, number, several, share};
use crate::report::text::shortened;

/// Characters of a text that are shown.
const TEXT: usize = 120;
/// Rounding in float32 leaves a cosine of 1 this much smaller.
const ROUNDING: f64 = 1e-6;

/// The comparison of each set with the reference: the verdict with what it rests on, figures, the distribution of cosines.
pub(crate) fn document(report: &VectorsReport) -> Document {
    let reference = &report.reference.name;
    let title = match &report.comparisons[..] {
        [one] => format!("{} against {reference}", one.candidate.name),
        many => format!("{} against {reference}", several(many.len() as u64, "set of vectors", "sets of vectors")),
    };
    let overview = match &report.comparisons[..] {
        [_] => Section::default(),
        comparisons => Section::new("", [Block::Table(overview(comparisons))]),
    };
    // All on one axis, so that they can be compared.
    let from = farthest(report.comparisons.iter().filter_map(|comparison| comparison.cosines.as_ref()));
    let comparison = |(at, comparison): (usize, &VectorComparison)| {
        let chart = comparison.cosines.as_ref().map(|histogram| {
            cosines(&format!("cosines-{at}"), "How cosines are spread".to_owned(), at, histogram, from)
        });
        let verdict = comparison.verdict;
        let mut facts = vec![Line::from(("Reference", set(&report.reference)))];
        facts.extend(findings(&report.reference, comparison));
        facts.extend([inputs(comparison)].into_iter().chain(figures(comparison)));
        Section::new(
            &comparison.candidate.name,
            [
                Block::Verdict(verdict.tone(), verdict.words().to_owned(), verdict.meaning().to_owned()),
                Block::Warnings(comparison.warnings.clone()),
                Block::Facts(facts),
                Block::Table(worst(comparison)),
                Block::Charts(chart.into_iter().collect()),
            ],
        )
    };
    Document {
        title,
        subtitle: format!("Saved vectors, compared by infa {}", report.infa),
        sections: [overview].into_iter().chain(report.comparisons.iter().enumerate().map(comparison)).collect(),
        checks: report.thresholds.clone(),
    }
}

impl VectorsReport {
    /// Holds each set against each threshold. A figure that is not known counts as crossed: nothing shows that such
    /// vectors are near enough. So does one that says nothing about inputs with a sound vector in one set only; a limit
    /// to `unmatched` allows inputs of one set alone.
    pub(crate) fn check(&mut self, thresholds: &[Threshold]) {
        let allowed = thresholds.iter().any(Threshold::allows_unmatched);
        let one = |threshold: &Threshold, comparison: &VectorComparison| {
            let figure = comparison.metric(threshold.metric);
            let (Limit::Value(limit) | Limit::Change(limit)) = threshold.limit;
            let gap = comparison.gap(threshold.metric, !allowed);
            let crossed = gap.is_some() || figure.is_none_or(|figure| threshold.beyond(figure, limit));
            let found = gap.or(figure.map(digits)).unwrap_or_else(|| "it is not known".to_owned());
            checked(&threshold.to_string(), Some(crossed), true, &comparison.candidate.name, &found)
        };
        let of = |threshold| self.comparisons.iter().map(move |found| one(threshold, found));
        self.thresholds = thresholds.iter().flat_map(of).collect();
    }
}

/// The name of a metric, and the way it is written.
type Column = (&'static str, fn(f64) -> String);

fn overview(comparisons: &[VectorComparison]) -> Table {
    let figures: [Column; 5] = [
        ("cosine_min", cosine),
        ("cosine_mean", cosine),
        ("top1", share),
        ("top10", share),
        ("distance_correlation", cosine),
    ];
    let row = |comparison: &VectorComparison| {
        let names = [comparison.candidate.name.clone(), comparison.verdict.words().to_owned()];
        let figures = figures.map(|(name, write)| comparison.metric(name).map_or_else(|| NOTHING.to_owned(), write));
        Row::from((comparison.verdict.tone(), names.into_iter().chain(figures).collect()))
    };
    Table {
        title: "Each set against the reference",
        head: vec![
            "set",
            "verdict",
            "cosine min",
            "cosine mean",
            "same nearest",
            "same first 10",
            "order of distances",
        ],
        words: 2,
        toned: 1,
        rows: comparisons.iter().map(row).collect(),
        ..Table::default()
    }
}

/// The details of an engine's vectors, beside the verdict and the figures in the tables of several engines.
pub(in crate::compare) fn details(reference: &VectorSetReport, comparison: &VectorComparison) -> Vec<Block> {
    let mut facts = findings(reference, comparison);
    facts.push(inputs(comparison));
    facts.extend(figures(comparison).into_iter().filter(|line| line.label == "Norms"));
    vec![Block::Warnings(comparison.warnings.clone()), Block::Facts(facts), Block::Table(worst(comparison))]
}

/// The candidate, what is wrong with it, and the reasons for the verdict.
fn findings(reference: &VectorSetReport, comparison: &VectorComparison) -> Vec<Line> {
    let candidate = &comparison.candidate;
    let found = comparison.findings.iter().map(|found| found.sentence(&reference.name, &candidate.name));
    let mut lines = vec![Line::from(("Compared", set(candidate)))];
    lines.extend(listed("Found", found));
    lines.extend(listed("Because", comparison.reasons.iter().cloned()));
    lines
}

fn figures(comparison: &VectorComparison) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(found) = &comparison.vectors.agreement {
        let (min, p1, mean) = (cosine(found.cosine_min), cosine(found.cosine_p1), cosine(found.cosine_mean));
        lines.push(("Cosine", format!("smallest {min}, 1st percentile {p1}, mean {mean}")));
        lines.push(("Numbers", format!("largest difference {}", number(found.max_difference))));
        let ratio = comparison.norm_ratio.map_or(NOTHING.to_owned(), number);
        let (max, mean) = (number(found.norm_drift_max), number(found.norm_drift_mean));
        let text = format!("median ratio to the reference's {ratio}; largest difference {max}, mean difference {mean}");
        lines.push(("Norms", text));
    }
    if let Some(found) = &comparison.neighbours {
        let (first, all, queries) = (share(found.top_1), share(found.top_k), count(found.queries as u64));
        let k = found.k;
        let text =
            format!("nearest the same for {first}, {all} of the first {k} in common ({queries} inputs searched)");
        lines.push(("Neighbours", text));
    }
    if let Some(found) = &comparison.distances {
        let rho = found.spearman.map_or(NOTHING.to_owned(), cosine);
        lines.push(("Distances", format!("rank correlation {rho} ({} pairs)", count(found.pairs as u64))));
    }
    lines.into_iter().map(Line::from).collect()
}

/// `a.npy: 1,000 vectors of 384 numbers, normalised`.
fn set(set: &VectorSetReport) -> String {
    let dimensions = set.dimensions.map_or(NOTHING.to_owned(), |dimensions| count(dimensions as u64));
    let norms = match (set.normalised, set.norm_median) {
        (true, _) => ", normalised".to_owned(),
        (false, Some(median)) => format!(", not normalised (median norm {})", number(median)),
        (false, None) => String::new(),
    };
    let vectors = several(set.rows as u64, "vector", "vectors");
    let flaws = if set.flaws.total() > 0 { format!("; {}", set.flaws.sentence()) } else { String::new() };
    format!("{}: {vectors} of {dimensions} numbers{norms}{flaws}", set.name)
}

fn inputs(comparison: &VectorComparison) -> Line {
    let by = match comparison.matched_by {
        MatchedBy::Id => "id",
        MatchedBy::Index => "place",
    };
    let [matched, compared, identical] =
        [comparison.matched, comparison.compared, comparison.identical].map(|many| count(many as u64));
    Line::from(("Inputs", format!("{matched} matched by {by}, {compared} compared, {identical} identical bit for bit")))
}

/// Inputs with their cosines, and with their lengths and texts where those are known.
fn worst(comparison: &VectorComparison) -> Table {
    let inputs: Vec<&WorstInput> = comparison.worst.iter().filter(|worst| worst.cosine < 1.0 - ROUNDING).collect();
    let tokens = inputs.iter().any(|worst| worst.tokens.is_some());
    let row = |worst: &&WorstInput| {
        let mut cells = vec![worst.input.to_string(), cosine(worst.cosine), number(1.0 - worst.cosine)];
        if tokens {
            cells.push(worst.tokens.map_or_else(|| NOTHING.to_owned(), |tokens| count(tokens as u64)));
        }
        let note = worst.text.as_deref().map(|text| shortened(text, TEXT)).unwrap_or_default();
        Row { tone: Tone::Plain, cells, note }
    };
    let mut head = vec!["input", "cosine", "1 − cosine"];
    head.extend(tokens.then_some("tokens"));
    let rows = inputs.iter().map(row).collect();
    Table { title: "Inputs whose vectors are farthest apart", head, words: 1, rows, ..Table::default() }
}
