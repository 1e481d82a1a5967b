//! What people read of a comparison of engines, before it is drawn.

mod draw;
mod html;

use super::report::{EngineOnTexts, EngineOutcome, EnginesReport, EnginesTask};
use super::stability::Way;
use crate::compare::quality::{Measured, QualityVerdict};
use crate::compare::vectors::Verdict;
use crate::compare::{rankings, vectors};
use crate::report::numbers::{NOTHING, cosine, count, number, several};

pub use draw::{markdown, table};
pub use html::html;

/// Tables and lines.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// What was compared: labels and texts.
    pub facts: Vec<(&'static str, String)>,
    /// What a reader must know before the figures.
    pub warnings: Vec<String>,
    pub tables: Vec<Rows>,
    /// Of each engine there is something to say of: its name, labels and texts.
    pub sections: Vec<(String, Vec<(&'static str, String)>)>,
    /// Thresholds: whether they were crossed (`None`: nobody can tell), and what was found.
    pub checks: Vec<(Option<bool>, String)>,
    pub notes: Vec<String>,
}

/// A table.
#[derive(Debug)]
pub(super) struct Rows {
    pub title: &'static str,
    pub head: Vec<&'static str>,
    pub rows: Vec<(Tone, Vec<String>)>,
}

/// What a row is to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Doubtful,
    Bad,
}

impl Sheet {
    pub fn of(report: &EnginesReport) -> Self {
        let mut tables = vec![summary(report)];
        tables.extend(stability(report));
        tables.extend(quality(report));
        let sections = report.engines.iter().map(|engine| (engine.name.clone(), section(report, engine)));
        Self {
            facts: facts(report),
            warnings: report.warnings.clone(),
            tables,
            sections: sections.filter(|(_, lines)| !lines.is_empty()).collect(),
            checks: checks(report),
            notes: notes(report),
        }
    }
}

fn facts(report: &EnginesReport) -> Vec<(&'static str, String)> {
    let workload = &report.workload;
    let of_all = |one, many| several(workload.inputs as u64, one, many);
    let mut of = match (workload.task, workload.documents) {
        (EnginesTask::Rerank, Some(documents)) => {
            format!("{} with {}", of_all("query", "queries"), several(documents as u64, "document", "documents"))
        }
        (EnginesTask::Rerank, None) => of_all("query", "queries"),
        _ => of_all("text", "texts"),
    };
    if let Some(lengths) = &workload.lengths {
        of += &format!(" of {} to {} tokens, {:.1} in the mean", lengths.min, lengths.max, lengths.mean);
    }
    if !workload.files.is_empty() {
        of += &format!(" ({})", workload.files.join(", "));
    }
    let what = match workload.task {
        EnginesTask::Embed => "vectors of texts",
        EnginesTask::Rerank => "scores of documents",
        EnginesTask::Sts => "vectors of scored pairs",
        EnginesTask::Retrieval => "vectors of queries and judged documents",
    };
    let mut facts = vec![("Model", report.model.id.clone()), ("Compared", what.to_owned()), ("Inputs", of)];
    facts.extend(report.reference.clone().map(|reference| ("Reference", reference)));
    // It is the same for all.
    let task = report.engines.iter().find_map(|engine| {
        let retrieval = || engine.retrieval.as_ref().map(|found| found.lines());
        engine.sts.as_ref().map(|found| found.lines()).or_else(retrieval)
    });
    facts.extend(task.into_iter().flatten().filter(|(label, _)| *label == "Task"));
    facts
}

/// How a figure is written.
type Write = fn(f64) -> String;

/// A row an engine.
fn summary(report: &EnginesReport) -> Rows {
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
    Rows { title: "Against the reference", head, rows: report.engines.iter().map(row).collect() }
}

fn verdict(report: &EnginesReport, engine: &EngineOnTexts) -> (Tone, String) {
    match (&engine.outcome, engine.verdict()) {
        (EngineOutcome::Failed { .. }, _) => (Tone::Bad, "failed".to_owned()),
        (EngineOutcome::NotAsked, _) => (Tone::Doubtful, "not asked".to_owned()),
        (EngineOutcome::Answered, None) if report.reference.as_ref() == Some(&engine.name) => {
            (Tone::Plain, "reference".to_owned())
        }
        (EngineOutcome::Answered, None) => (Tone::Doubtful, "not compared".to_owned()),
        (EngineOutcome::Answered, Some(verdict)) => (tone(verdict), verdict.words().to_owned()),
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Interchangeable => Tone::Good,
        Verdict::SameRanking | Verdict::TooFewInputs => Tone::Doubtful,
        Verdict::Different => Tone::Bad,
    }
}

/// Results alone and among many, against those out of batches; `None` if no engine was asked twice.
fn stability(report: &EnginesReport) -> Option<Rows> {
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
    (!rows.is_empty()).then_some(Rows { title: "Each engine against itself in batches", head, rows })
}

/// A row an engine and figure of a task with a truth.
fn quality(report: &EnginesReport) -> Option<Rows> {
    let head = vec!["Engine", "figure", "value", "95% interval", "change", "95% interval", "verdict"];
    let mut rows = Vec::new();
    for engine in &report.engines {
        for name in crate::compare::quality::METRICS {
            let Some(Measured { value, interval }) = engine.measured(name) else { continue };
            let change = engine.change(name);
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
    (!rows.is_empty()).then_some(Rows { title: "Against the truth", head, rows })
}

/// What there is to say of an engine besides its rows.
fn section(report: &EnginesReport, engine: &EngineOnTexts) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let EngineOutcome::Failed { stage, kind, message } = &engine.outcome {
        lines.push(("Failed", format!("{stage}: {kind}: {message}")));
    }
    let reference = report.engines.iter().find(|other| report.reference.as_ref() == Some(&other.name));
    if let (Some(found), Some(reference)) = (&engine.against, reference.and_then(|engine| engine.vectors.as_ref())) {
        lines.extend(besides_tables(vectors::lines(reference, found)));
    }
    if let (Some(found), Some(reference)) = (&engine.rankings, reference.and_then(|engine| engine.scores.as_ref())) {
        lines.extend(besides_tables(rankings::lines(reference, found)));
    }
    if engine.stability.as_ref().is_some_and(|found| found.alone().depends() || found.concurrent().depends()) {
        lines.push(("Unstable", "results depend on what is computed beside them".to_owned()));
    }
    if let Some(found) = &engine.stability {
        for (asked, Way { pairs, incomparable, .. }) in [("alone", found.alone()), ("many at once", found.concurrent())]
        {
            if incomparable > 0 {
                let of = format!("{} of {}", count(incomparable as u64), count(pairs as u64));
                let what = "have NaN, an infinite number or nothing but zeros, then or in their batches";
                lines.push(("Unsound", format!("asked {asked}, {of} {what}")));
            }
        }
    }
    lines.extend(engine.sts.iter().flat_map(|found| besides_tables(found.lines())));
    lines.extend(engine.retrieval.iter().flat_map(|found| besides_tables(found.lines())));
    let failures = &engine.failures;
    if failures.answered_alone > 0 {
        let texts = several(failures.answered_alone as u64, "text", "texts");
        lines.push(("Failed", format!("{texts} in batches that failed, and answered alone")));
    }
    if failures.inputs > 0 {
        let inputs = several(failures.inputs as u64, "input has", "inputs have");
        lines.push(("Failed", format!("{inputs} no result")));
    }
    if failures.not_answered_again > 0 {
        let times = several(failures.not_answered_again as u64, "time", "times");
        let when = "an input had a result in its batch, and none when it was asked for alone, or among many at once";
        lines.push(("Failed", format!("{times} {when}")));
    }
    lines.extend(failures.examples.iter().map(|failed| ("", format!("{}: {}", failed.input, failed.message))));
    lines
}

/// Labels of lines that say what the tables say.
const IN_TABLES: [&str; 14] = [
    "Reference",
    "Verdict",
    "Task",
    "Cosine",
    "Numbers",
    "Neighbours",
    "Distances",
    "Order",
    "Spearman",
    "Pearson",
    "nDCG@10",
    "Recall@10",
    "Recall@100",
    "MRR@10",
];

/// Lines that tables do not say, with those that go on from them.
fn besides_tables(lines: Vec<(&'static str, String)>) -> impl Iterator<Item = (&'static str, String)> {
    let mut told = false;
    lines.into_iter().filter(move |(label, _)| {
        if !label.is_empty() {
            told = IN_TABLES.contains(label);
        }
        !told
    })
}

fn checks(report: &EnginesReport) -> Vec<(Option<bool>, String)> {
    let mut lines = Vec::new();
    for threshold in &report.thresholds {
        for checked in &threshold.checked {
            let said = match checked.crossed {
                Some(true) => "crossed by",
                Some(false) => "kept by",
                None => "cannot be told of",
            };
            let line = format!("{}: {said} {}: {}", threshold.threshold, checked.engine, checked.found);
            lines.push((checked.crossed, line));
        }
    }
    lines
}

fn notes(report: &EnginesReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.engines.iter().any(|engine| engine.inputs_per_s.is_some()) {
        notes.push("Speed was seen in passing, in one pass, batch after batch; infa bench measures it.".to_owned());
    }
    if report.interrupted {
        notes.push("Interrupted: engines that had not answered all of it are not compared.".to_owned());
    }
    notes
}

fn nothing() -> String {
    NOTHING.to_owned()
}

/// `99.2%`, and never 100% of what is not all.
fn share(part: f64) -> String {
    vectors::share(part)
}

fn four_digits(value: f64) -> String {
    format!("{value:.4}")
}

fn signed(value: f64) -> String {
    let text = format!("{value:+.4}");
    // Rounded away it has no sign.
    if text.contains(|c| ('1'..='9').contains(&c)) { text } else { "0".to_owned() }
}
