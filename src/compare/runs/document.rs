//! A comparison of result files for people. What differs besides stands above any number.

use super::charts::charts;
use super::metric::{METRICS, Scale};
use super::report::{Basis, Checked, Comparison, Mean, RunName, RunsReport, ThresholdReport, Verdict};
use super::sentence::sentence;
use super::text::{change, floor, interval, percentage, shown, verdict};
use crate::compare::threshold::{checked, doubtful};
use crate::report::Tone;
use crate::report::document::{Block, Check, Document, Line, Row, Section, Table};
use crate::report::numbers::{NOTHING, several};

/// Places of columns that go where there is no room: the interval and the noise floor stay, they are what the table is
/// for.
const OPTIONAL: &[usize] = &[2, 3, 5, 6];

/// The comparison: the result in a sentence, what differs besides, changes with their intervals, charts.
pub(crate) fn document(report: &RunsReport) -> Document {
    let files = |runs: &[RunName]| runs.iter().map(|run| run.file.as_str()).collect::<Vec<_>>().join(", ");
    let title = match &report.comparisons[..] {
        [one] if one.basis == Basis::PairedRounds => format!("Engines of {}", files(&one.new)),
        [one] => format!("{} against {}", files(&one.new), files(&one.base)),
        many => several(many.len() as u64, "comparison of runs", "comparisons of runs"),
    };
    let (tone, result) = sentence(report);
    let means = means(report, &report.means, "engines and workloads");
    let mut sections = vec![Section::new(
        "",
        [Block::Verdict(tone, result, String::new()), Block::Warnings(report.warnings.clone()), Block::Facts(means)],
    )];
    sections.extend(report.comparisons.iter().enumerate().map(|(at, comparison)| section(report, at, comparison)));
    Document {
        title,
        subtitle: format!("Result files of infa bench, compared by infa {}", report.infa),
        sections,
        checks: checks(report),
    }
}

fn section(report: &RunsReport, at: usize, comparison: &Comparison) -> Section {
    let runs = |runs: &[RunName]| {
        let run = |run: &RunName| format!("{} ({}, infa {})", run.file, run.started, run.infa);
        runs.iter().map(run).collect::<Vec<_>>().join(", ")
    };
    let sides = match comparison.basis {
        Basis::PairedRounds => vec![("Run", runs(&comparison.new))],
        _ => vec![("Base", runs(&comparison.base)), ("New", runs(&comparison.new))],
    };
    let mut warnings = not_comparable(comparison).into_iter().collect::<Vec<_>>();
    warnings.extend(comparison.warnings.iter().cloned());
    for (label, names) in [("only in base", &comparison.only_in_base), ("only in new", &comparison.only_in_new)] {
        if !names.is_empty() {
            warnings.push(format!("{label}: {}", names.join(", ")));
        }
    }
    let rows = rows(report, comparison);
    let mut facts = Vec::new();
    if rows.is_empty() {
        facts.push(Line::from(("Figures", "No figure is on both sides.".to_owned())));
    }
    facts.extend(means(report, &comparison.means, "engines"));
    for engine in &comparison.engines {
        facts.extend(engine.failed.as_ref().map(|failed| Line {
            label: "Failed".to_owned(),
            text: format!("{}: {failed}", engine.name),
            tone: Tone::Bad,
        }));
    }
    let notes = basis(comparison).into_iter().chain(unknown(report, comparison)).map(str::to_owned).collect();
    let table = Table {
        title: "Each engine, with 95% intervals",
        head: vec!["Engine", "Metric", "base", "new", "change", "95% interval", "noise floor", "verdict"],
        words: 2,
        toned: 7,
        grouped: true,
        optional: OPTIONAL,
        rows,
    };
    Section::new(
        &comparison.title,
        [
            Block::facts(sides),
            Block::Warnings(warnings),
            Block::Table(table),
            Block::Facts(facts),
            Block::Notes(notes),
            Block::Charts(charts(report, at, comparison)),
        ],
    )
}

/// The reason that there are no verdicts, in a sentence.
pub(crate) fn not_comparable(comparison: &Comparison) -> Option<String> {
    (!comparison.is_comparable()).then(|| {
        let reasons = comparison.incomparable.join("; ");
        format!("not comparable, the workloads differ (--force compares them all the same): {reasons}")
    })
}

/// A row for each engine and metric; the name is empty where the engine is that of the row above.
fn rows(report: &RunsReport, comparison: &Comparison) -> Vec<Row> {
    let mut rows = Vec::new();
    for engine in &comparison.engines {
        let baseline = engine.baseline.as_ref().map(|baseline| format!(" / {baseline}"));
        let mut name = format!("{}{}", engine.name, baseline.unwrap_or_default());
        for found in shown(report, &engine.metrics) {
            let metric = found.of;
            let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
            let cells = vec![
                std::mem::take(&mut name),
                metric.label.to_owned(),
                metric.write(found.base.value),
                metric.write(found.new.value),
                or_nothing((found.verdict != Verdict::NotComparable).then(|| change(metric, &found.change))),
                or_nothing(interval(metric, &found.change)),
                or_nothing(floor(metric, &found.change)),
                verdict(found.verdict).to_owned(),
            ];
            let tone = if found.verdict == Verdict::CannotTell { Tone::Doubtful } else { found.verdict.tone() };
            rows.push(Row::from((tone, cells)));
        }
    }
    rows
}

/// Geometric means of the metrics that tables show: `tokens/s -3.0% (-4.0% … -2.0%), slower`.
fn means(report: &RunsReport, means: &[Mean], of: &str) -> Vec<Line> {
    let rates = |name: &str| matches!(name, "inputs_per_s" | "requests_per_s");
    let tokens = means.iter().any(|mean| mean.metric == "tokens_per_s");
    let is_shown = |mean: &&Mean| match &report.shown {
        Some(shown) => shown.contains(&mean.metric),
        None => {
            METRICS.iter().any(|metric| metric.name == mean.metric && metric.main && metric.scale == Scale::Ratio)
                && !(tokens && rates(mean.metric))
        }
    };
    let line = |mean: &Mean| {
        let label = METRICS.iter().find(|metric| metric.name == mean.metric).map_or(mean.metric, |metric| metric.label);
        let (low, high) = mean.joint?;
        let interval = format!("{} … {}", percentage(low - 1.0), percentage(high - 1.0));
        let (change, word) = (percentage(mean.ratio - 1.0), verdict(mean.verdict));
        let text = format!("geometric mean of {} {of}: {label} {change} ({interval}), {word}", mean.count);
        Some(Line { label: "Overall".to_owned(), text, tone: mean.verdict.tone() })
    };
    // Without its noise a mean says nothing that the rows do not.
    means.iter().filter(is_shown).filter_map(line).collect()
}

/// A note on the intervals and the verdicts.
fn basis(comparison: &Comparison) -> Option<&'static str> {
    comparison.is_comparable().then_some(match comparison.basis {
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

/// The meaning of the verdict "–", where there is one.
fn unknown(report: &RunsReport, comparison: &Comparison) -> Option<&'static str> {
    let mut found = comparison.engines.iter().flat_map(|engine| shown(report, &engine.metrics));
    found
        .any(|metric| metric.verdict == Verdict::CannotTell)
        .then_some("A figure without a verdict was measured once a side, so that its noise is not known.")
}

pub(crate) fn checks(report: &RunsReport) -> Vec<Check> {
    let several = report.comparisons.len() > 1;
    let check = |threshold: &str, found: &Checked| {
        let of = report.comparisons.get(found.comparison).filter(|_| several).and_then(|of| of.new.first());
        let subject = of.map_or_else(|| found.engine.clone(), |run| format!("{} in {}", found.engine, run.file));
        match &found.doubt {
            Some(end) => doubtful(threshold, &subject, &found.found, end),
            None => checked(threshold, found.crossed, found.comparable, &subject, &found.found),
        }
    };
    let of = |report: &ThresholdReport| report.checked.iter().map(|found| check(&report.threshold, found)).collect();
    report.thresholds.iter().flat_map(|report| -> Vec<Check> { of(report) }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::report::document::check::assert_drawable;
    use crate::report::html::check::{assert_finite, readable};
    use crate::report::{TableOptions, document as draw};

    fn drawn(report: &RunsReport, width: u16) -> String {
        draw::terminal(&document(report), &TableOptions { colour: false, width: Some(width) })
    }

    fn html(report: &RunsReport) -> String {
        draw::html(document(report))
    }

    #[test]
    fn snapshots() {
        sample::snapshot("engines.txt", &drawn(&sample::ENGINES, 120));
        sample::snapshot("engines-80.txt", &drawn(&sample::ENGINES, 80));
        let reports = &sample::REPORTS;
        sample::snapshot("sides.txt", &drawn(&reports[4], 120));
        sample::snapshot("within.txt", &drawn(&reports[5], 120));
        sample::snapshot("engines.md", &draw::markdown(&document(&sample::ENGINES)));
        sample::snapshot("engines.html", &readable(&html(&sample::ENGINES)));
    }

    #[test]
    fn differences_stand_above_the_numbers() {
        let text = drawn(&sample::ENGINES, 120);
        let warning = text.find("Warning     infa: 0.1.0 in base.json; 0.2.0 in new.json").unwrap();
        assert!(warning < text.find("Each engine, with 95% intervals").unwrap(), "{text}");
        assert!(text.contains("only in base: fastembed"), "{text}");
    }

    #[test]
    fn colours_are_for_those_who_want_them() {
        let options = TableOptions { colour: true, width: None };
        let coloured = draw::terminal(&document(&sample::ENGINES), &options);
        assert!(["\x1b[1mEngine", "\x1b[31m", "\x1b[32m", "\x1b[33m"].iter().all(|code| coloured.contains(code)));
        assert!(!drawn(&sample::ENGINES, 120).contains('\x1b'));
    }

    #[test]
    fn any_report_can_be_drawn() {
        let mut nothing = sample::ENGINES.clone();
        nothing.comparisons[0].engines.clear();
        let mut none = sample::ENGINES.clone();
        none.comparisons.clear();
        none.thresholds.clear();
        for report in sample::REPORTS.iter().chain([&nothing, &none]) {
            assert_finite(&assert_drawable(|| document(report)));
        }
        assert!(
            html(&nothing).contains("No figure is on both sides.") && html(&none).contains("Nothing was compared.")
        );
    }

    #[test]
    fn texts_from_elsewhere_do_nothing() {
        let page = html(sample::REPORTS.last().unwrap());
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        let mut report = sample::ENGINES.clone();
        let hostile = "\"><script>x</script>\u{202e}\u{1b}[2J' onload='";
        report.warnings.push(hostile.to_owned());
        report.comparisons[0].title = hostile.to_owned();
        report.comparisons[0].base[0].file = hostile.to_owned();
        report.comparisons[0].only_in_new.push(hostile.to_owned());
        report.comparisons[0].engines[0].name = hostile.to_owned();
        report.comparisons[0].engines[0].baseline = Some(hostile.to_owned());
        report.comparisons[0].engines[0].failed = Some(hostile.to_owned());
        report.thresholds[0].checked[0].engine = hostile.to_owned();
        let page = assert_drawable(|| document(&report));
        assert!(page.matches("&lt;script&gt;x&lt;/script&gt;").count() > 8 && !page.contains("<script"));
    }

    #[test]
    fn charts_are_of_what_there_is() {
        let page = html(&sample::ENGINES);
        assert!(page.contains("id=\"changes-0-title\"") && page.contains("id=\"speed-0-title\""));
        // Each engine with both figures is there twice: as it was and as it is.
        let engines = &sample::ENGINES.comparisons[0].engines;
        let has =
            |name: &str| engines.iter().filter(|one| one.metrics.iter().any(|found| found.metric == name)).count();
        assert!(has("cosine_min") > 2);
        assert_eq!(page.matches("<circle class=\"ring\"").count(), has("cosine_min"));
        // Rankings have no cosines.
        let rerank = html(&sample::REPORTS[7]);
        assert!(rerank.contains("smallest Kendall") && !rerank.contains("smallest cosine"));
        // Engines of one run have one baseline.
        let within = html(&sample::REPORTS[5]);
        assert_eq!(within.matches("<circle class=\"ring\"").count(), 1);
    }
}
