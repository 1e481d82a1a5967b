//! The content of an engines report for people.

use super::super::report::{
    EngineChecked, EngineOnTexts, EngineOutcome, EngineThresholdReport, EnginesReport, EnginesTask,
};
use super::super::stability::Way;
use super::{charts, tables};
use crate::compare::threshold::{checked, doubtful};
use crate::compare::{scores, vectors};
use crate::report::Tone;
use crate::report::document::{Block, Check, Document, Line, Section, listed};
use crate::report::numbers::{NOTHING, count, seconds, several};

/// The most engines that a heading names.
const NAMED: usize = 4;

/// The comparison: verdicts, figures against the reference, each engine, the machine.
pub(crate) fn document(report: &EnginesReport) -> Document {
    let names: Vec<&str> = report.engines.iter().map(|engine| engine.name.as_str()).collect();
    let title = match names.len() {
        1..=NAMED => names.join(", "),
        many => several(many as u64, "engine", "engines"),
    };
    let (model, infa, started) = (&report.model.id, &report.infa, &report.started);
    let tables = [tables::against_reference(report)]
        .into_iter()
        .chain(tables::stability(report))
        .chain(tables::quality(report))
        .map(Block::Table);
    let after = [Block::Charts(charts::charts(report)), Block::Notes(notes(report))];
    let mut sections = vec![
        Section::new("", [Block::facts(facts(report)), Block::Warnings(report.warnings.clone())]),
        Section::new("", tables.chain(after)),
    ];
    sections.extend(report.engines.iter().map(|engine| Section::new(&engine.name, details(report, engine))));
    sections.push(Section::on_pages("Specifications", [Block::facts(report.engines.iter().map(specification))]));
    sections.push(Section::on_pages("The machine", [Block::facts(machine(report))]));
    sections.retain(|section| !section.blocks.is_empty());
    Document {
        title,
        subtitle: format!("{model}, on the same inputs, compared by infa {infa}, {started}"),
        sections,
        checks: checks(report),
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
    of += &match &workload.lengths {
        Some(lengths) if lengths.min == lengths.max => format!(" of {} tokens", lengths.min),
        Some(lengths) => format!(" of {} to {} tokens, {:.1} on average", lengths.min, lengths.max, lengths.mean),
        None => String::new(),
    };
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
        let retrieval = || engine.retrieval.as_ref().map(|found| found.task());
        engine.sts.as_ref().map(|found| found.task()).or_else(retrieval)
    });
    facts.extend(task.map(|task| ("Task", task)));
    facts
}

/// The details of an engine that the tables leave out.
fn details(report: &EnginesReport, engine: &EngineOnTexts) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let EngineOutcome::Failed { stage, kind, message } = &engine.outcome {
        blocks.push(Block::Facts(vec![failed(format!("{stage}: {kind}: {message}"))]));
    }
    let reference = report.engines.iter().find(|other| report.reference.as_ref() == Some(&other.name));
    if let (Some(found), Some(reference)) = (&engine.against, reference.and_then(|engine| engine.vectors.as_ref())) {
        blocks.extend(vectors::details(reference, found));
    }
    if let (Some(found), Some(reference)) = (&engine.rankings, reference.and_then(|engine| engine.scores.as_ref())) {
        blocks.extend(scores::details(reference, found));
    }
    blocks.push(Block::Facts(stability(engine)));
    blocks.extend(engine.sts.iter().flat_map(|found| found.details()));
    blocks.extend(engine.retrieval.iter().flat_map(|found| found.details()));
    blocks.push(Block::Facts(failures(engine)));
    blocks
}

fn failed(text: String) -> Line {
    Line { label: "Failed".to_owned(), text, tone: Tone::Bad }
}

fn stability(engine: &EngineOnTexts) -> Vec<Line> {
    let mut lines = Vec::new();
    let Some(found) = &engine.stability else { return lines };
    if found.alone().depends() || found.concurrent().depends() {
        lines.push(Line::from(("Unstable", "results depend on the other inputs of a batch".to_owned())));
    }
    for (sent, Way { pairs, incomparable, .. }) in [("alone", found.alone()), ("many at once", found.concurrent())] {
        if incomparable > 0 {
            let of = format!("{} of {}", count(incomparable as u64), count(pairs as u64));
            let text =
                format!("sent {sent}, {of} have NaN, an infinite number or only zeros, then or in their batches");
            lines.push(Line::from(("Unsound", text)));
        }
    }
    lines
}

fn failures(engine: &EngineOnTexts) -> Vec<Line> {
    let failures = &engine.failures;
    let mut lines = Vec::new();
    for (many, one, more, what) in [
        (failures.answered_alone, "text has", "texts have", "a result alone, but not in a batch"),
        (failures.inputs, "input has", "inputs have", "no result"),
        (
            failures.not_answered_again,
            "time",
            "times",
            "an input had a result in its batch, but not alone or among many at once",
        ),
    ] {
        if many > 0 {
            lines.push(failed(format!("{} {what}", several(many as u64, one, more))));
        }
    }
    let examples = failures.examples.iter().map(|failed| format!("{}: {}", failed.input, failed.message));
    lines.extend(listed("", examples));
    lines
}

pub(crate) fn checks(report: &EnginesReport) -> Vec<Check> {
    let of = |threshold: &EngineThresholdReport| -> Vec<Check> {
        let check = |found: &EngineChecked| match &found.doubt {
            Some(end) => doubtful(&threshold.threshold, &found.engine, &found.found, end),
            None => checked(&threshold.threshold, found.crossed, true, &found.engine, &found.found),
        };
        threshold.checked.iter().map(check).collect()
    };
    report.thresholds.iter().flat_map(of).collect()
}

fn notes(report: &EnginesReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.engines.iter().any(|engine| engine.inputs_per_s.is_some()) {
        notes.push("Speed is that of one pass, batch after batch; infa bench measures it.".to_owned());
    }
    if report.interrupted {
        notes.push("Interrupted: engines without all results are not compared.".to_owned());
    }
    notes
}

/// An engine as it was given and started.
fn specification(engine: &EngineOnTexts) -> (String, String) {
    let version = engine.version.as_ref().map(|version| format!("version {version}"));
    let load = engine.load_seconds.map(|load| format!("loaded in {}", seconds(load)));
    let details = engine.details.iter().map(|(key, value)| format!("{key} {value}"));
    let facts: Vec<String> = [engine.spec.clone()].into_iter().chain(version).chain(load).chain(details).collect();
    (engine.name.clone(), facts.join(", "))
}

fn machine(report: &EnginesReport) -> Vec<(&'static str, String)> {
    let machine = &report.machine;
    let mut facts = vec![
        ("processor", machine.cpu.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("cores", format!("{} of {}", machine.cores_allowed, machine.cores)),
        ("system", machine.system.clone()),
    ];
    facts.extend(machine.onnxruntime.clone().map(|version| ("ONNX Runtime", version)));
    facts.extend(machine.gpus.iter().map(|gpu| ("GPU", gpu.name.clone())));
    facts
}
