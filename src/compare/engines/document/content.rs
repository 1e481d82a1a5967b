//! What a comparison of engines says to people.

use super::super::report::{EngineOnTexts, EngineOutcome, EnginesReport, EnginesTask};
use super::super::stability::Way;
use super::{charts, tables};
use crate::compare::{rankings, vectors};
use crate::report::document::{Check, Document, Line, Section};
use crate::report::numbers::{NOTHING, count, seconds, several};
use crate::report::text::one_line;

/// The most engines that a heading names.
const NAMED: usize = 4;

/// The report as a document.
pub(super) fn document_of(report: &EnginesReport) -> Document {
    let names: Vec<String> = report.engines.iter().map(|engine| one_line(&engine.name)).collect();
    let title = match names.len() {
        1..=NAMED => names.join(", "),
        many => several(many as u64, "engine", "engines"),
    };
    let (model, infa, started) = (&report.model.id, &report.infa, &report.started);
    let sections = report.engines.iter().map(|engine| Section::new(&engine.name, section(report, engine)));
    Document {
        title,
        subtitle: format!("{model}, on the same inputs, compared by infa {infa}, {started}"),
        facts: facts(report).into_iter().map(Line::from).collect(),
        warnings: report.warnings.clone(),
        tables_heading: "Engines",
        tables: [tables::against_reference(report)]
            .into_iter()
            .chain(tables::stability(report))
            .chain(tables::quality(report))
            .collect(),
        charts: charts::charts(report),
        sections_heading: "Each engine",
        sections: sections.filter(|section| !section.lines.is_empty()).collect(),
        checks: checks(report),
        notes: notes(report),
        appendix: appendix(report),
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

/// What the tables leave out of an engine.
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

/// Labels of lines whose content is in the tables.
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

/// Lines whose content is not in the tables, with those that continue them.
fn besides_tables(lines: Vec<(&'static str, String)>) -> impl Iterator<Item = (&'static str, String)> {
    let mut in_tables = false;
    lines.into_iter().filter(move |(label, _)| {
        if !label.is_empty() {
            in_tables = IN_TABLES.contains(label);
        }
        !in_tables
    })
}

fn checks(report: &EnginesReport) -> Vec<Check> {
    let mut lines = Vec::new();
    for threshold in &report.thresholds {
        for checked in &threshold.checked {
            let said = match checked.crossed {
                Some(true) => "crossed by",
                Some(false) => "kept by",
                None => "not known of",
            };
            let text = format!("{}: {said} {}: {}", threshold.threshold, checked.engine, checked.found);
            lines.push(Check { crossed: checked.crossed, text });
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

/// The engines as they were given and started, and the machine.
fn appendix(report: &EnginesReport) -> Vec<Section> {
    let mut sections = Vec::new();
    if !report.engines.is_empty() {
        let line = |engine: &EngineOnTexts| {
            let version = engine.version.as_ref().map(|version| format!("version {version}"));
            let load = engine.load_seconds.map(|load| format!("loaded in {}", seconds(load)));
            let details = engine.details.iter().map(|(key, value)| format!("{key} {value}"));
            let facts: Vec<String> =
                [engine.spec.clone()].into_iter().chain(version).chain(load).chain(details).collect();
            (engine.name.clone(), facts.join(", "))
        };
        sections.push(Section::new("What was asked", report.engines.iter().map(line)));
    }
    let machine = &report.machine;
    let mut facts = vec![
        ("processor", machine.cpu.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("cores", format!("{} of {}", machine.cores_allowed, machine.cores)),
        ("system", machine.system.clone()),
    ];
    facts.extend(machine.onnxruntime.clone().map(|version| ("ONNX Runtime", version)));
    facts.extend(machine.gpus.iter().map(|gpu| ("GPU", gpu.name.clone())));
    sections.push(Section::new("The machine", facts));
    sections
}
