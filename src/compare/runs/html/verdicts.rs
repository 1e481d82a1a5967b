//! What stands above everything else on the page: in a sentence, then engine by engine.

use super::super::report::{Comparison, EngineComparison, MetricComparison, RunsReport, Verdict};
use super::super::table::{checks, mean, shown_means};
use super::super::text::{change, shown, verdict};
use super::{name, tone};
use crate::report::Tone;
use crate::report::html::parts::{self, bullets};
use crate::report::markup::Markup;
use crate::report::numbers::{count, several};
use crate::report::text::one_line;

/// From bad to good: the order in which they are told.
const ORDER: [Verdict; 7] = [
    Verdict::Slower,
    Verdict::Worse,
    Verdict::Faster,
    Verdict::Better,
    Verdict::Indistinguishable,
    Verdict::CannotTell,
    Verdict::NotComparable,
];

/// All verdicts of the report.
pub(super) fn verdicts(page: &mut Markup, report: &RunsReport) {
    page.raw("<section><h2>Verdict</h2>");
    let (tone, sentence) = sentence(report);
    page.element("p", &[("class", &format!("verdict {}", tone.class()))], sentence);
    thresholds(page, report);
    for comparison in &report.comparisons {
        if report.comparisons.len() > 1 {
            page.element("h3", &[], name(comparison));
        }
        engines(page, report, comparison);
    }
    let means = shown_means(report, &report.means);
    let means = means.map(|found| format!("Geometric mean of {} engines and workloads: {}", found.count, mean(found)));
    let means: Vec<String> = means.collect();
    if !means.is_empty() {
        bullets(page, &means);
    }
    page.raw("</section>");
}

/// How many engines are better and worse, of all that both sides have.
fn sentence(report: &RunsReport) -> (Tone, String) {
    let engines = || report.comparisons.iter().flat_map(|comparison| &comparison.engines);
    let has = |engine: &&EngineComparison, wanted: &[Verdict]| {
        shown(report, &engine.metrics).iter().any(|metric| wanted.contains(&metric.verdict))
    };
    let worse = engines().filter(|engine| has(engine, &[Verdict::Slower, Verdict::Worse])).count();
    let better = engines().filter(|engine| has(engine, &[Verdict::Faster, Verdict::Better])).count();
    let failed = engines().filter(|engine| engine.failed.is_some()).count();
    let crossed = report.thresholds.iter().filter(|threshold| threshold.crossed).count();
    let all = count(engines().count() as u64);
    let mut parts = Vec::new();
    if crossed > 0 {
        parts.push(format!("{} crossed", several(crossed as u64, "threshold is", "thresholds are")));
    }
    for (many, what) in [(worse, "slower or worse in something"), (better, "faster or better in something")] {
        if many > 0 {
            let is = if many == 1 { "is" } else { "are" };
            parts.push(format!("{} of {all} {is} {what}", several(many as u64, "engine", "engines")));
        }
    }
    if failed > 0 {
        parts.push(format!("{} failed", several(failed as u64, "engine", "engines")));
    }
    let text = if !parts.is_empty() {
        parts.join("; ")
    } else if !report.comparisons.is_empty() && !report.comparisons.iter().any(Comparison::is_comparable) {
        "Not comparable: the sides did not measure the same".to_owned()
    } else if engines().next().is_none() {
        "Nothing was compared".to_owned()
    } else if engines().any(|engine| has(&engine, &[Verdict::Indistinguishable])) {
        // Of what is measured once a run it never is known.
        let blind = |found: &&MetricComparison| found.of.has_rounds() && found.verdict == Verdict::CannotTell;
        let blind = engines().any(|engine| shown(report, &engine.metrics).iter().any(blind));
        format!("Nothing has changed beyond the noise{}", if blind { ", where that is known" } else { "" })
    } else {
        "The noise is not known: that takes two rounds of each side, or several runs".to_owned()
    };
    let tone = match (worse + failed + crossed, better) {
        (0, 0) => Tone::Plain,
        (0, _) => Tone::Good,
        _ => Tone::Bad,
    };
    (tone, text + ".")
}

fn thresholds(page: &mut Markup, report: &RunsReport) {
    let checks = checks(report);
    if checks.is_empty() {
        return;
    }
    page.raw("<h3>Thresholds</h3>");
    parts::checks(page, checks);
}

/// Each engine with its changes, those first that are bad.
fn engines(page: &mut Markup, report: &RunsReport, comparison: &Comparison) {
    if comparison.engines.is_empty() {
        return;
    }
    page.raw("<dl>");
    for engine in &comparison.engines {
        let against = engine.baseline.as_deref().map(|baseline| format!(" against {}", one_line(baseline)));
        page.element("dt", &[], format_args!("{}{}", one_line(&engine.name), against.unwrap_or_default()));
        page.raw("<dd>");
        let metrics = shown(report, &engine.metrics);
        if let Some(failed) = &engine.failed {
            let failed = one_line(failed);
            let how = failed.strip_prefix("failed ").unwrap_or(&failed);
            page.element("span", &[("class", &"badge bad")], "failed").raw(" ").text(how).raw(" ");
        } else if metrics.is_empty() {
            page.raw("no figure is on both sides");
        }
        for wanted in ORDER {
            let loud = tone(wanted) != Tone::Plain;
            let found = metrics.iter().filter(|metric| metric.verdict == wanted);
            let found: Vec<String> = found
                .map(|metric| match loud {
                    true => format!("{} {}", metric.of.label, change(metric.of, &metric.change)),
                    false => metric.of.label.to_owned(),
                })
                .collect();
            if !found.is_empty() {
                let class = format!("badge {}", tone(wanted).class());
                let word = if wanted == Verdict::CannotTell { "noise not known" } else { verdict(wanted) };
                page.element("span", &[("class", &class)], word).raw(" ");
                page.text(found.join(", ")).raw(" ");
            }
        }
        page.raw("</dd>");
    }
    page.raw("</dl>");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn in_a_sentence() {
        let of = |report: &RunsReport| sentence(report).1;
        let same = sample::noisy(5, 8700.0, 1);
        assert_eq!(of(&sample::two(&same, &same)), "Nothing has changed beyond the noise.");
        let mut blind = sample::two(&sample::one(1.0), &sample::one(2.0));
        assert_eq!(of(&blind), "Nothing has changed beyond the noise, where that is known.");
        blind.comparisons[0].engines[0].metrics.retain(|metric| metric.verdict == Verdict::CannotTell);
        assert!(of(&blind).starts_with("The noise is not known"));
        let (base, slow) = (sample::noisy(10, 8700.0, 1), sample::noisy(10, 7700.0, 2));
        let slower = sample::two(&base, &slow);
        assert_eq!(sentence(&slower), (Tone::Bad, "1 engine of 1 is slower or worse in something.".to_owned()));
        let faster = sample::two(&slow, &base);
        assert_eq!(sentence(&faster), (Tone::Good, "1 engine of 1 is faster or better in something.".to_owned()));
        assert!(of(&sample::ENGINES).starts_with("3 thresholds are crossed; "), "{}", of(&sample::ENGINES));
    }
}
