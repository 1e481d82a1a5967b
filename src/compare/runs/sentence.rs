//! The result of a comparison in a sentence.

use super::report::{Comparison, EngineComparison, MetricComparison, RunsReport, Verdict};
use super::text::{shown, verdict};
use crate::report::Tone;
use crate::report::numbers::{count, several};

/// Few engines are named with what has changed; of more their number.
const NAMED: usize = 3;

/// The better and worse engines, among those that both sides have.
pub(super) fn sentence(report: &RunsReport) -> (Tone, String) {
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
    let changed: Vec<String> = match &report.comparisons[..] {
        [one] => one.engines.iter().filter_map(|engine| changes(report, engine)).collect(),
        _ => Vec::new(),
    };
    let named = (1..=NAMED).contains(&changed.len());
    parts.extend(changed.into_iter().filter(|_| named));
    for (many, what) in [(worse, "slower or worse in something"), (better, "faster or better in something")] {
        if many > 0 && !named {
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

/// `onnx: slower (tokens/s, p50), worse (cosine min)`; `None` if nothing has changed.
fn changes(report: &RunsReport, engine: &EngineComparison) -> Option<String> {
    let metrics = shown(report, &engine.metrics);
    let of = |wanted: Verdict| {
        let found = metrics.iter().filter(|metric| metric.verdict == wanted);
        let labels: Vec<&str> = found.map(|metric| metric.of.label.trim_end_matches(" ms")).collect();
        (!labels.is_empty()).then(|| format!("{} ({})", verdict(wanted), labels.join(", ")))
    };
    let changes: Vec<String> =
        [Verdict::Slower, Verdict::Worse, Verdict::Faster, Verdict::Better].into_iter().filter_map(of).collect();
    let baseline = engine.baseline.as_ref().map(|baseline| format!(" against {baseline}")).unwrap_or_default();
    (!changes.is_empty()).then(|| format!("{}{baseline}: {}", engine.name, changes.join(", ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample;
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
        assert_eq!(sentence(&slower), (Tone::Bad, "onnx: slower (tokens/s, p50, p99).".to_owned()));
        let faster = sample::two(&slow, &base);
        assert_eq!(sentence(&faster), (Tone::Good, "onnx: faster (tokens/s, p50, p99).".to_owned()));
        assert!(of(&sample::ENGINES).starts_with("3 thresholds are crossed; "), "{}", of(&sample::ENGINES));
    }
}
