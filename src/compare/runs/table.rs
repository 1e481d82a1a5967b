//! The comparison on a terminal.

use super::metric::{METRICS, Scale};
use super::report::{Basis, Comparison, Mean, RunName, RunsReport, Verdict};
use super::text::{change, floor, interval, percentage, shown, verdict};
use crate::report::TableOptions;
use crate::report::numbers::NOTHING;
use crate::report::terminal::{Grid, Page, Style, width, wrapped};
use crate::report::text::one_line;

/// Headings.
pub(super) const HEAD: [&str; 8] =
    ["Engine", "Metric", "base", "new", "change", "95% interval", "noise floor", "verdict"];
/// Places of columns that go where there is no room, the first one first: the interval and the noise floor are what the
/// table is for. The names of engines then have lines of their own.
const OPTIONAL: [usize; 4] = [2, 3, 5, 6];

/// The comparison for a terminal, with a newline at its end. What differs besides stands above any number.
pub fn table(report: &RunsReport, options: &TableOptions) -> String {
    let mut page = Page::new(options);
    for warning in &report.warnings {
        page.paragraph(Style::Yellow, "Warning   ", &one_line(warning));
    }
    for (at, comparison) in report.comparisons.iter().enumerate() {
        if at > 0 || !report.warnings.is_empty() {
            page.out.push('\n');
        }
        heading(&mut page, comparison);
        rows(&mut page, report, comparison);
        means(&mut page, report, &comparison.means, "engines");
        notes(&mut page, report, comparison);
    }
    if !report.means.is_empty() {
        page.out.push('\n');
        means(&mut page, report, &report.means, "engines and workloads");
    }
    thresholds(&mut page, report);
    page.out
}

/// A file with when it was measured.
pub(super) fn run(run: &RunName) -> String {
    format!("{} ({}, infa {})", one_line(&run.file), one_line(&run.started), one_line(&run.infa))
}

pub(super) fn runs(runs: &[RunName]) -> String {
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

fn heading(page: &mut Page, comparison: &Comparison) {
    page.paragraph(Style::Bold, "", &comparison.title);
    if comparison.basis == Basis::PairedRounds {
        page.paragraph(Style::Plain, "Run       ", &runs(&comparison.new));
    } else {
        page.paragraph(Style::Plain, "Base      ", &runs(&comparison.base));
        page.paragraph(Style::Plain, "New       ", &runs(&comparison.new));
    }
    if let Some(reasons) = not_comparable(comparison) {
        page.paragraph(Style::Red, "Different ", &reasons);
    }
    for warning in &comparison.warnings {
        page.paragraph(Style::Yellow, "Warning   ", &one_line(warning));
    }
    for (label, names) in [("only in base", &comparison.only_in_base), ("only in new", &comparison.only_in_new)] {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| one_line(name)).collect();
            page.paragraph(Style::Yellow, "Warning   ", &format!("{label}: {}", names.join(", ")));
        }
    }
    page.out.push('\n');
}

/// Why there are no verdicts, in a sentence.
pub fn not_comparable(comparison: &Comparison) -> Option<String> {
    let reasons: Vec<String> = comparison.incomparable.iter().map(|reason| one_line(reason)).collect();
    (!reasons.is_empty()).then(|| {
        format!("not comparable, the workloads differ (--force compares them all the same): {}", reasons.join("; "))
    })
}

/// Rows of a comparison, each with its style; the first cell is empty where it is the engine of the row above.
pub(super) fn cells(report: &RunsReport, comparison: &Comparison) -> Vec<(Verdict, [String; 8])> {
    let mut rows = Vec::new();
    for engine in &comparison.engines {
        let mut name = one_line(&engine.name);
        if let Some(baseline) = &engine.baseline {
            name += &format!(" / {}", one_line(baseline));
        }
        for found in shown(report, &engine.metrics) {
            let metric = found.of;
            let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
            rows.push((
                found.verdict,
                [
                    std::mem::take(&mut name),
                    metric.label.to_owned(),
                    metric.write(found.base.value),
                    metric.write(found.new.value),
                    or_nothing((found.verdict != Verdict::NotComparable).then(|| change(metric, &found.change))),
                    or_nothing(interval(metric, &found.change)),
                    or_nothing(floor(metric, &found.change)),
                    verdict(found.verdict).to_owned(),
                ],
            ));
        }
    }
    rows
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Faster | Verdict::Better => Style::Green,
        Verdict::Slower | Verdict::Worse => Style::Red,
        Verdict::CannotTell | Verdict::NotComparable => Style::Yellow,
        Verdict::Indistinguishable => Style::Plain,
    }
}

fn rows(page: &mut Page, report: &RunsReport, comparison: &Comparison) {
    let rows = cells(report, comparison);
    if rows.is_empty() {
        page.line(Style::Plain, "No figure is on both sides.");
        return;
    }
    let limit = usize::from(page.width / 4).min(32);
    let mut columns: Vec<usize> = (0..HEAD.len()).collect();
    let mut optional = OPTIONAL.iter();
    loop {
        let named = columns.first() == Some(&0);
        let mut grid = Grid::new(columns.iter().filter_map(|&at| HEAD.get(at).copied()));
        for (_, row) in &rows {
            let first = columns.first().and_then(|&at| row.get(at)).map_or("", String::as_str);
            let first = if named { wrapped(first, limit) } else { vec![format!("  {first}")] };
            grid.row(&first, columns.iter().skip(1).filter_map(|&at| row.get(at).map(String::as_str)));
        }
        let (heading, lines) = grid.lines();
        let widest = heading.iter().chain(lines.iter().flatten()).map(|line| width(line)).max().unwrap_or_default();
        if widest > page.width {
            if named {
                columns.retain(|&at| at != 0);
                continue;
            }
            if let Some(gone) = optional.next() {
                columns.retain(|at| at != gone);
                continue;
            }
        }
        heading.iter().for_each(|line| page.line(Style::Bold, line));
        for ((verdict, row), lines) in rows.iter().zip(lines) {
            if !named && !row[0].is_empty() {
                page.paragraph(Style::Plain, "", &row[0]);
            }
            lines.iter().for_each(|line| page.line(style(*verdict), line));
        }
        let gone: Vec<&str> =
            (1..HEAD.len()).filter(|at| !columns.contains(at)).filter_map(|at| HEAD.get(at).copied()).collect();
        if !gone.is_empty() {
            let gone =
                format!("no room for {}; a wider terminal or --export-markdown shows all columns", gone.join(", "));
            page.paragraph(Style::Plain, "Columns   ", &gone);
        }
        return;
    }
}

/// A mean in words: `tokens/s -3.0% (-4.0% … -2.0%), slower`.
pub(super) fn mean(mean: &Mean) -> String {
    let label = METRICS.iter().find(|metric| metric.name == mean.metric).map_or(mean.metric, |metric| metric.label);
    let interval = mean.joint.map(|(low, high)| format!(" ({} … {})", percentage(low - 1.0), percentage(high - 1.0)));
    format!("{label} {}{}, {}", percentage(mean.ratio - 1.0), interval.unwrap_or_default(), verdict(mean.verdict))
}

/// Those of the metrics that tables show.
pub(super) fn shown_means<'a>(report: &'a RunsReport, means: &'a [Mean]) -> impl Iterator<Item = &'a Mean> {
    let rates = |name: &str| matches!(name, "inputs_per_s" | "requests_per_s");
    let tokens = means.iter().any(|mean| mean.metric == "tokens_per_s");
    // Without its noise a mean says nothing that the rows do not.
    means.iter().filter(|mean| mean.joint.is_some()).filter(move |mean| match &report.shown {
        Some(shown) => shown.contains(&mean.metric),
        None => {
            METRICS.iter().any(|metric| metric.name == mean.metric && metric.main && metric.scale == Scale::Ratio)
                && !(tokens && rates(mean.metric))
        }
    })
}

fn means(page: &mut Page, report: &RunsReport, means: &[Mean], of: &str) {
    for (at, found) in shown_means(report, means).enumerate() {
        if at == 0 {
            page.out.push('\n');
        }
        let text = format!("geometric mean of {} {of}: {}", found.count, mean(found));
        page.paragraph(style(found.verdict), "Overall   ", &text);
    }
}

/// What a reader must know of the intervals and the verdicts.
pub(super) fn basis(comparison: &Comparison) -> Option<&'static str> {
    if !comparison.is_comparable() {
        return None;
    }
    Some(match comparison.basis {
        Basis::Rounds => {
            "Intervals hold for all figures of this report together. They are of the rounds of one run a side and take \
             runs to differ as much as rounds do; several runs a side measure it (--base)."
        }
        Basis::PairedRounds => {
            "Intervals hold for all figures of this report together. They are of ratios of rounds that ran one after the \
             other."
        }
        Basis::Runs => {
            "Intervals hold for all figures of this report together. They are of runs: each run is one value."
        }
    })
}

/// What the verdict "–" means, where there is one.
pub(super) fn unknown(report: &RunsReport, comparison: &Comparison) -> Option<&'static str> {
    let mut found = comparison.engines.iter().flat_map(|engine| shown(report, &engine.metrics));
    found
        .any(|metric| metric.verdict == Verdict::CannotTell)
        .then_some("A figure without a verdict was measured once a side, so that its noise is not known.")
}

fn notes(page: &mut Page, report: &RunsReport, comparison: &Comparison) {
    let notes: Vec<&str> = basis(comparison).into_iter().chain(unknown(report, comparison)).collect();
    if !notes.is_empty() || comparison.engines.iter().any(|engine| engine.failed.is_some()) {
        page.out.push('\n');
    }
    for engine in &comparison.engines {
        if let Some(failed) = &engine.failed {
            page.paragraph(Style::Red, "Failed    ", &format!("{}: {}", one_line(&engine.name), one_line(failed)));
        }
    }
    for note in notes {
        page.paragraph(Style::Plain, "Note      ", note);
    }
}

/// Each engine that was held against a threshold: whether it crossed it (`None`: its noise is not known), and a line
/// that says so.
pub fn checks(report: &RunsReport) -> Vec<(Option<bool>, String)> {
    let several = report.comparisons.len() > 1;
    let mut lines = Vec::new();
    for threshold in &report.thresholds {
        for checked in &threshold.checked {
            let outcome = match checked.crossed {
                Some(true) => "crossed by",
                Some(false) => "kept by",
                None if !checked.comparable => "not checked for",
                None => "not checked, since its noise is not known, for",
            };
            let of = report.comparisons.get(checked.comparison).filter(|_| several);
            let of = of.and_then(|of| of.new.first()).map(|run| format!(" in {}", one_line(&run.file)));
            let (engine, of) = (one_line(&checked.engine), of.unwrap_or_default());
            let found = one_line(&checked.found);
            lines.push((checked.crossed, format!("{}: {outcome} {engine}{of}: {found}", threshold.threshold)));
        }
    }
    lines
}

fn thresholds(page: &mut Page, report: &RunsReport) {
    let checks = checks(report);
    if !checks.is_empty() {
        page.out.push('\n');
    }
    for (crossed, line) in checks {
        let style = match crossed {
            Some(true) => Style::Red,
            Some(false) => Style::Green,
            None => Style::Yellow,
        };
        page.paragraph(style, "Threshold ", &line);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample;
    use super::*;

    fn drawn(report: &RunsReport, width: u16) -> String {
        table(report, &TableOptions { colour: false, width: Some(width) })
    }

    #[test]
    fn engines_in_a_table() {
        sample::snapshot("engines.txt", &drawn(&sample::ENGINES, 120));
        sample::snapshot("engines-80.txt", &drawn(&sample::ENGINES, 80));
        let reports = &sample::REPORTS;
        sample::snapshot("sides.txt", &drawn(&reports[4], 120));
        sample::snapshot("within.txt", &drawn(&reports[5], 120));
    }

    #[test]
    fn what_differs_stands_above_any_number() {
        let text = drawn(&sample::ENGINES, 120);
        let warning = text.find("Warning   infa: 0.1.0 in base.json; 0.2.0 in new.json").unwrap();
        assert!(warning < text.find("tokens/s").unwrap(), "{text}");
        assert!(text.contains("only in base: fastembed"), "{text}");
    }

    #[test]
    fn colours_are_for_those_who_want_them() {
        let coloured = table(&sample::ENGINES, &TableOptions { colour: true, width: None });
        assert!(["\x1b[1mEngine", "\x1b[31m", "\x1b[32m", "\x1b[33m"].iter().all(|code| coloured.contains(code)));
        assert!(!drawn(&sample::ENGINES, 120).contains('\x1b'));
    }

    #[test]
    fn any_report_and_width_will_do() {
        for report in sample::REPORTS.iter() {
            for columns in [0, 1, 40, 80, 120, u16::MAX] {
                let text = drawn(report, columns);
                assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
                assert!(!text.contains('\u{202e}') && !text.contains("NaN"), "{text}");
                let widest = text.lines().map(width).max().unwrap();
                assert!(columns < 80 || widest <= columns, "{widest} of {columns}\n{text}");
            }
        }
    }
}
