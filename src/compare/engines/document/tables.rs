//! Tables of a comparison of engines.

use super::super::report::{EngineOnTexts, EngineOutcome, EnginesReport, EnginesTask};
use super::super::stability::Way;
use crate::compare::quality::{JUDGED, Measured, QualityVerdict};
use crate::report::Tone;
use crate::report::document::{Row, Table};
use crate::report::numbers::{NOTHING, cosine, count, number, share};

/// Leading columns of words: the engine's name, and its verdict, the mode or the figure.
const WORDS: usize = 2;

fn table(title: &'static str, head: Vec<&'static str>, rows: Vec<(Tone, Vec<String>)>) -> Table {
    let toned = head.iter().position(|head| *head == "verdict").unwrap_or(head.len().saturating_sub(1));
    Table { title, head, words: WORDS, toned, rows: rows.into_iter().map(Row::from).collect(), ..Table::default() }
}

type Write = fn(f64) -> String;

/// One row per engine: its verdict and figures against the reference, and its speed.
pub(super) fn against_reference(report: &EnginesReport) -> Table {
    let scores = report.workload.task == EnginesTask::Rerank;
    let head = match scores {
        true => ["Engine", "verdict", "tau min", "tau mean", "top 1", "first k", "max |Δ|", "documents/s"].to_vec(),
        false => {
            ["Engine", "verdict", "cosine min", "1st pct", "mean", "max |Δ|", "top 1", "top 10", "distances", "texts/s"]
                .to_vec()
        }
    };
    let figures: &[(&str, Write)] = match scores {
        true => &[
            ("tau_min", cosine),
            ("tau_mean", cosine),
            ("top1", share),
            ("overlap_mean", share),
            ("score_max_difference", number),
        ],
        false => &[
            ("cosine_min", cosine),
            ("cosine_p1", cosine),
            ("cosine_mean", cosine),
            ("max_difference", number),
            ("top1", share),
            ("top10", share),
            ("distance_correlation", cosine),
        ],
    };
    let row = |engine: &EngineOnTexts| {
        let (tone, words) = verdict(report, engine);
        let figures = figures.iter().map(|(name, write)| engine.metric(name).map_or_else(nothing, write));
        let speed = engine.inputs_per_s.map_or_else(nothing, number);
        (tone, [engine.name.clone(), words].into_iter().chain(figures).chain([speed]).collect())
    };
    table("Against the reference", head, report.engines.iter().map(row).collect())
}

fn verdict(report: &EnginesReport, engine: &EngineOnTexts) -> (Tone, String) {
    match (&engine.outcome, engine.verdict()) {
        (EngineOutcome::Failed { .. }, _) => (Tone::Bad, "failed".to_owned()),
        (EngineOutcome::NotAsked, _) => (Tone::Doubtful, "not run".to_owned()),
        (EngineOutcome::Answered, None) if report.reference.as_ref() == Some(&engine.name) => {
            (Tone::Plain, "reference".to_owned())
        }
        (EngineOutcome::Answered, None) => (Tone::Doubtful, "not compared".to_owned()),
        (EngineOutcome::Answered, Some(verdict)) => (verdict.tone(), verdict.words().to_owned()),
    }
}

/// Results of single and of many concurrent requests against those of batches; `None` if no engine ran both ways.
pub(super) fn stability(report: &EnginesReport) -> Option<Table> {
    let vectors = report.workload.task != EnginesTask::Rerank;
    let mut head = vec!["Engine", "asked", "the same", "max |Δ|"];
    if vectors {
        head.push("cosine min");
    }
    let mut rows = Vec::new();
    for engine in &report.engines {
        let Some(found) = &engine.stability else { continue };
        for (asked, way) in [("alone", found.alone()), ("many at once", found.concurrent())] {
            let Way { pairs, identical, incomparable, max_difference, cosine_min } = way;
            if pairs == 0 {
                continue;
            }
            let tone = match way.depends() {
                _ if incomparable > 0 => Tone::Bad,
                true => Tone::Doubtful,
                false => Tone::Plain,
            };
            let same = format!("{} of {}", count(identical as u64), count(pairs as u64));
            let mut cells = vec![engine.name.clone(), asked.to_owned(), same];
            cells.push(max_difference.map_or_else(nothing, number));
            if vectors {
                cells.push(cosine_min.map_or_else(nothing, cosine));
            }
            rows.push((tone, cells));
        }
    }
    (!rows.is_empty()).then(|| table("Each engine against itself in batches", head, rows))
}

/// One row per engine and figure of a task with a truth; `None` without figures.
pub(super) fn quality(report: &EnginesReport) -> Option<Table> {
    let head = vec!["Engine", "figure", "value", "95% interval", "change", "95% interval", "verdict"];
    let mut rows = Vec::new();
    for engine in &report.engines {
        for name in JUDGED {
            let (Some(Measured { value, interval }), change) = engine.judged(name) else { continue };
            let tone = match change.map(|change| change.verdict) {
                None | Some(QualityVerdict::Indistinguishable) => Tone::Plain,
                Some(QualityVerdict::Better) => Tone::Good,
                Some(QualityVerdict::Worse) => Tone::Bad,
                Some(QualityVerdict::CannotTell | QualityVerdict::TooFewInputs) => Tone::Doubtful,
            };
            let between = |interval: Option<(f64, f64)>, write: Write| {
                interval.map_or_else(nothing, |(low, high)| format!("{} … {}", write(low), write(high)))
            };
            let cells = vec![
                engine.name.clone(),
                name.to_owned(),
                four_digits(value),
                between(interval, four_digits),
                change.map_or_else(nothing, |change| signed(change.difference)),
                between(change.and_then(|change| change.interval), signed),
                change.map(|change| change.verdict.words().to_owned()).unwrap_or_default(),
            ];
            rows.push((tone, cells));
        }
    }
    (!rows.is_empty()).then(|| table("Against the truth", head, rows))
}

fn nothing() -> String {
    NOTHING.to_owned()
}

fn four_digits(value: f64) -> String {
    format!("{value:.4}")
}

fn signed(value: f64) -> String {
    let text = format!("{value:+.4}");
    // Rounded away it has no sign.
    if text.contains(|c| ('1'..='9').contains(&c)) { text } else { "0".to_owned() }
}
