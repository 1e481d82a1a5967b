//! The report for people: on a terminal, and as Markdown.

use comfy_table::{ContentArrangement, Table, presets};

use super::{VectorComparison, VectorSetReport, VectorsReport, WorstInput, share};
use crate::compare::vectors::{MatchedBy, Verdict};
use crate::report::TableOptions;
use crate::report::markdown::escaped;
use crate::report::numbers::{NOTHING, cosine, count, number};
use crate::report::text::one_line;

/// The width of what is no terminal, or does not know its own, and the least.
const WIDTH: u16 = 100;
const NARROW: u16 = 40;

/// The report for a terminal, with a newline at its end.
pub fn table(report: &VectorsReport, options: &TableOptions) -> String {
    let TableOptions { colour, width } = *options;
    let width = width.filter(|&width| width > 0).unwrap_or(WIDTH).max(NARROW);
    let mut out = String::new();
    for (at, comparison) in report.comparisons.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
        table.set_width(width);
        for (label, text) in lines(&report.reference, comparison) {
            table.add_row([label.to_owned(), one_line(&text)]);
        }
        let columns = table.column_count();
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if at + 1 < columns { 2 } else { 0 }));
        }
        for line in table.lines() {
            let line = line.trim_end();
            let code = match comparison.verdict {
                _ if !colour || !line.starts_with(VERDICT) => None,
                Verdict::Interchangeable => Some("32"),
                Verdict::SameRanking | Verdict::TooFewInputs => Some("33"),
                Verdict::Different => Some("31"),
            };
            match code {
                Some(code) => out.extend(["\x1b[", code, "m", line, "\x1b[0m\n"]),
                None => out.extend([line, "\n"]),
            }
        }
    }
    out
}

/// The report in GitHub's Markdown, with a newline at its end. Nothing in it is taken for markup that was not written
/// here.
pub fn markdown(report: &VectorsReport) -> String {
    let mut out = String::new();
    for (at, comparison) in report.comparisons.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str("| | |\n|---|---|\n");
        for (label, text) in lines(&report.reference, comparison) {
            let text = escaped(&text);
            let text = if label == VERDICT { format!("**{text}**") } else { text };
            out.push_str(&format!("| {label} | {text} |\n"));
        }
    }
    out
}

const VERDICT: &str = "Verdict";

/// Rounding in float32 leaves so much to a cosine of 1.
const ROUNDING: f64 = 1e-6;

/// Labels and what there is to say to each, for people; those that go on have none.
pub fn lines(reference: &VectorSetReport, comparison: &VectorComparison) -> Vec<(&'static str, String)> {
    let candidate = &comparison.candidate;
    let mut lines = vec![("Reference", set(reference)), ("Compared", set(candidate))];
    lines.push((VERDICT, comparison.verdict.words().to_owned()));
    let mut list = |label: &'static str, texts: Vec<String>| {
        lines.extend(texts.into_iter().enumerate().map(|(at, text)| (if at == 0 { label } else { "" }, text)));
    };
    list("Found", comparison.findings.iter().map(|found| found.sentence(&reference.name, &candidate.name)).collect());
    list("Because", comparison.reasons.clone());
    figures(comparison).into_iter().for_each(|(label, text)| list(label, vec![text]));
    let far = comparison.worst.iter().filter(|worst| worst.cosine < 1.0 - ROUNDING);
    list("Farthest", far.map(WorstInput::sentence).collect());
    list("Warning", comparison.warnings.clone());
    lines
}

/// Labels of the figures, and what there is to say to each.
pub(super) fn figures(comparison: &VectorComparison) -> Vec<(&'static str, String)> {
    let mut lines = vec![("Inputs", inputs(comparison))];
    if let Some(found) = &comparison.vectors.agreement {
        let (min, p1, mean) = (cosine(found.cosine_min), cosine(found.cosine_p1), cosine(found.cosine_mean));
        lines.push(("Cosine", format!("smallest {min}, 1st percentile {p1}, mean {mean}")));
        lines.push(("Numbers", format!("largest difference {}", number(found.max_difference))));
        let ratio = comparison.norm_ratio.map_or(NOTHING.to_owned(), number);
        let (drift_max, drift_mean) = (number(found.norm_drift_max), number(found.norm_drift_mean));
        let norms =
            format!("{ratio} times the reference's; they differ by {drift_max} at most, {drift_mean} in the mean");
        lines.push(("Norms", norms));
    }
    if let Some(found) = &comparison.neighbours {
        let (first, all, queries) = (share(found.top_1), share(found.top_k), count(found.queries as u64));
        let k = found.k;
        let text = format!("nearest the same for {first}, {all} of the first {k} in common ({queries} inputs asked)");
        lines.push(("Neighbours", text));
    }
    if let Some(found) = &comparison.distances {
        let rho = found.spearman.map_or(NOTHING.to_owned(), cosine);
        lines.push(("Distances", format!("rank correlation {rho} ({} pairs)", count(found.pairs as u64))));
    }
    lines
}

/// `a.npy: 1,000 vectors of 384 numbers, normalised`.
pub(super) fn set(set: &VectorSetReport) -> String {
    let dimensions = set.dimensions.map_or(NOTHING.to_owned(), |dimensions| count(dimensions as u64));
    let norms = match (set.normalised, set.norm_median) {
        (true, _) => ", normalised".to_owned(),
        (false, Some(median)) => format!(", not normalised (median norm {})", number(median)),
        (false, None) => String::new(),
    };
    let (name, rows) = (&set.name, count(set.rows as u64));
    let vectors = if set.rows == 1 { "vector" } else { "vectors" };
    let flaws = if set.flaws.total() > 0 { format!("; {}", set.flaws.sentence()) } else { String::new() };
    format!("{name}: {rows} {vectors} of {dimensions} numbers{norms}{flaws}")
}

fn inputs(comparison: &VectorComparison) -> String {
    let by = match comparison.matched_by {
        MatchedBy::Id => "id",
        MatchedBy::Index => "place",
    };
    let [matched, compared, identical] =
        [comparison.matched, comparison.compared, comparison.identical].map(|many| count(many as u64));
    format!("{matched} matched by {by}, {compared} compared, {identical} identical bit for bit")
}
