//! The lines below a table: workload, model, machine, run, failures and warnings.

use super::{EngineReport, EngineState, Gpu, Machine, Report, Task};
use crate::bench::target::FailureKind;
use crate::report::numbers::{
    bytes, cosine, count, is_vague, number, percent, plain, plus_minus, seconds, several, size,
};
use crate::report::text::{one_line, shortened};

/// A larger share of difference between two counts of tokens is a warning.
const TOKENS_DIFFER: f64 = 0.005;
/// Smaller cosines are a warning: rounding does not explain them.
const COSINE: f64 = 0.99;
/// A smaller Kendall's τ-b is a warning.
const TAU: f64 = 0.9;
/// A larger difference of numbers of unit vectors, alone and under load, is a warning.
const INVARIANT: f64 = 1e-5;
/// A larger share of the client itself in the median latency is a warning, if it is [`LATE_MS`] at least.
const LATE: f64 = 0.1;
const LATE_MS: f64 = 1.0;
/// Characters of a message that are shown.
const MESSAGE: usize = 300;

/// The title of the run; without one, its task and model.
pub(super) fn title(report: &Report) -> String {
    let given = report.title.clone().filter(|title| !title.is_empty());
    given.unwrap_or_else(|| {
        let task = match report.workload.task {
            Task::Embed => "embed",
            Task::Rerank => "rerank",
        };
        format!("infa bench: {task} with {}", report.model.id)
    })
}

/// Lines with their labels: workload, lengths, model, machine, run, versions.
pub(super) fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let mut lines = vec![("Workload", workload(report))];
    lines.extend(lengths(report).map(|lengths| ("Lengths", lengths)));
    lines.push(("Model", model(report)));
    lines.push(("Machine", machine(&report.machine)));
    lines.push(("Run", run(report)));
    let version = |engine: &EngineReport| Some(format!("{} {}", engine.name, engine.version.as_deref()?));
    let versions: Vec<String> = report.engines.iter().filter_map(version).collect();
    lines.extend((!versions.is_empty()).then(|| ("Versions", versions.join(", "))));
    lines
}

fn workload(report: &Report) -> String {
    let workload = &report.workload;
    let (one, many) = match workload.task {
        Task::Embed => ("text", "texts"),
        Task::Rerank => ("pair of query and document", "pairs of query and document"),
    };
    let mut parts = vec![format!("{}: {}", workload.dataset, several(workload.texts as u64, one, many))];
    if workload.distinct != workload.texts {
        parts.push(format!("{} different", size(workload.distinct)));
    }
    let requests = several(workload.requests as u64, "request", "requests");
    let inputs = several(workload.inputs_per_request as u64, "input", "inputs");
    parts.push(format!("{requests} of {inputs}"));
    parts.push(workload.load.clone());
    let (fewest, most) = workload.rounds;
    let end = &workload.end;
    parts.push(match fewest == most {
        _ if workload.is_rising() => format!("steps of {end}"),
        true => format!("{} of {end}", several(most as u64, "round", "rounds")),
        false => format!("{} to {} rounds of {end} until {}", size(fewest), size(most), plus_minus(workload.stable)),
    });
    parts.push(format!("seed {}", workload.seed));
    parts.join(", ")
}

fn lengths(report: &Report) -> Option<String> {
    let lengths = report.workload.lengths.as_ref()?;
    let mut text = format!(
        "{} tokens: min {}, median {}, mean {}, p90 {}, p99 {}, max {}",
        count(lengths.total),
        size(lengths.min),
        size(lengths.median),
        plain((lengths.mean * 10.0).round() / 10.0),
        size(lengths.p90),
        size(lengths.p99),
        size(lengths.max)
    );
    if let Some(excess) = lengths.excess.filter(|excess| excess.texts > 0) {
        let texts = several(excess.texts as u64, "text is", "texts are");
        let tokens = several(excess.tokens, "token is", "tokens are");
        text += &format!("; {texts} longer than {} tokens, {tokens} cut off", size(excess.max_length));
    }
    if let Some(tokenizer) = &report.workload.tokenizer {
        text += &format!("; counted by the tokenizer of {tokenizer}");
    }
    Some(text)
}

fn model(report: &Report) -> String {
    let model = &report.model;
    let mut parts = vec![model.id.clone()];
    parts.extend(model.revision.as_deref().map(|revision| format!("revision {}", shortened(revision, 12))));
    parts.extend(model.architecture.clone());
    parts.extend(model.dimensions.map(|dimensions| several(dimensions as u64, "dimension", "dimensions")));
    parts.extend(model.max_length.map(|length| format!("at most {}", several(length as u64, "token", "tokens"))));
    parts.join(", ")
}

fn machine(machine: &Machine) -> String {
    let mut parts: Vec<String> = machine.cpu.iter().cloned().collect();
    parts.push(machine.architecture.clone());
    parts.push(match machine.cores_allowed == machine.cores {
        true => several(machine.cores as u64, "core", "cores"),
        false => format!("{} of {}", size(machine.cores_allowed), several(machine.cores as u64, "core", "cores")),
    });
    parts.push(bytes(machine.memory_bytes));
    if !machine.cpu_flags.is_empty() {
        parts.push(machine.cpu_flags.join(" "));
    }
    parts.extend(machine.gemm_gflops.map(|gflops| format!("float32 products at {} GFLOP/s", number(gflops))));
    parts.extend(machine.gpus.iter().map(gpu));
    parts.push(machine.system.clone());
    parts.extend((machine.virtual_machine == Some(true)).then(|| "virtual machine".to_owned()));
    parts.extend(machine.load_average.map(|loads| format!("load average {} before", load_average(loads))));
    parts.extend(machine.onnxruntime.as_ref().map(|version| format!("ONNX Runtime {version}")));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn load_average(loads: [f64; 3]) -> String {
    loads.map(|load| format!("{load:.2}")).join(" ")
}

fn gpu(Gpu { name, memory_bytes, driver, cuda }: &Gpu) -> String {
    let cuda = cuda.as_deref().map(|cuda| format!(", CUDA {cuda}")).unwrap_or_default();
    format!("{name} ({}, driver {driver}{cuda})", bytes(*memory_bytes))
}

fn run(report: &Report) -> String {
    let mut parts = vec![format!("infa {}", report.infa), report.started.clone()];
    parts.push(format!("took {}", seconds(report.seconds)));
    parts.extend(report.baseline.as_ref().map(|name| format!("baseline {name}")));
    parts.extend(report.reference.as_ref().map(|name| format!("reference {name}")));
    parts.extend(report.machine_cost_per_hour.map(|cost| format!("${} an hour", plain(cost))));
    parts.join(", ")
}

/// The reason that an engine failed.
pub(super) fn reason(engine: &EngineReport) -> Option<String> {
    let EngineState::Failed { stage, kind, message } = &engine.state else { return None };
    let (kind, message) = (one_line(kind), one_line(message));
    // Messages of earlier versions begin with the kind.
    let message = shortened(message.strip_prefix(&format!("{kind}: ")).unwrap_or(&message), MESSAGE);
    // "error" says no more than "failed".
    let kind = if kind == FailureKind::Other.to_string() { String::new() } else { format!("{kind}: ") };
    Some(format!("failed at {stage}: {kind}{message}"))
}

/// Failures by kind, each with an example.
pub(super) fn failures(engine: &EngineReport) -> impl Iterator<Item = String> {
    engine.failures.iter().map(|failure| {
        let example = shortened(&one_line(&failure.example), MESSAGE);
        format!("{} × {}: {example}", count(failure.count), failure.kind)
    })
}

/// Reasons to doubt figures.
pub(super) fn warnings(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.interrupted {
        warnings.push("the run was stopped before its end".to_owned());
    }
    if report.workload.rounds.1 == 1 && report.engines.iter().any(|engine| engine.rounds.len() == 1) {
        warnings.push("one round does not show the noise: figures have no intervals; --rounds 5 gives some".to_owned());
    }
    warnings.extend(unstable(report));
    for engine in &report.engines {
        let mut warn = |text: String| warnings.push(format!("{}: {text}", engine.name));
        if engine.state == EngineState::NotMeasured {
            warn("not measured: the run was stopped before its turn".to_owned());
        }
        load(engine, &mut warn);
        tokens(engine, &mut warn);
        vectors(engine, &mut warn);
        rankings(engine, &mut warn);
        invariance(engine, &mut warn);
    }
    warnings
}

/// Engines whose rounds do not agree, in one line.
fn unstable(report: &Report) -> Option<String> {
    let described = |engine: &EngineReport| match engine.state {
        // One warning for all engines mentions a single round.
        EngineState::Unstable { half_width: None } if report.workload.rounds.1 == 1 => None,
        EngineState::Unstable { half_width } => {
            let rounds = several(engine.rounds.len() as u64, "round", "rounds");
            let how = half_width.filter(|&half| !is_vague(half)).map_or_else(
                || format!("too few to know after {rounds}"),
                |half| format!("{} after {rounds}", plus_minus(half)),
            );
            Some(format!("{} ({how})", engine.name))
        }
        _ => None,
    };
    let unstable: Vec<String> = report.engines.iter().filter_map(described).collect();
    let figure = if report.workload.is_open_loop() { "p50" } else { "throughput" };
    let more = report.workload.rounds.1.saturating_mul(2).max(10);
    (!unstable.is_empty()).then(|| {
        format!(
            "unstable, {figure} not within {}: {}; more rounds (--rounds {more}) or a machine with less other work narrow the intervals",
            plus_minus(report.workload.stable),
            unstable.join(", ")
        )
    })
}

fn load(engine: &EngineReport, warn: &mut impl FnMut(String)) {
    if engine.dropped > 0 {
        let requests = several(engine.dropped, "request was", "requests were");
        warn(format!("{requests} due and never sent: too many were in flight"));
    }
    let late = engine.rounds.iter().filter_map(|round| Some((round.lateness_p99_ms?, round.p50_ms)));
    if let Some((late, _)) = late
        .filter(|(late, median)| *late >= LATE_MS && median.is_none_or(|median| *late > median * LATE))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
    {
        let late = number(late);
        warn(format!("1 of 100 requests was sent {late} ms late or more: the client's own part of the latencies"));
    }
}

fn tokens(engine: &EngineReport, warn: &mut impl FnMut(String)) {
    let (Some(counted), Some(reported)) = (engine.tokens.counted, engine.tokens.reported) else { return };
    let difference = (reported as f64 - counted as f64) / counted.max(1) as f64;
    if difference.abs() > TOKENS_DIFFER {
        let sign = if difference > 0.0 { "+" } else { "" };
        let (reported, counted, difference) = (count(reported), count(counted), percent(difference));
        warn(format!("reports {reported} tokens, where {counted} were counted here ({sign}{difference})"));
    }
}

fn vectors(engine: &EngineReport, warn: &mut impl FnMut(String)) {
    let Some(vectors) = engine.fidelity.as_ref().and_then(|fidelity| fidelity.vectors.as_ref()) else { return };
    let of = format!("of {} vectors", size(vectors.pairs));
    for (number, what) in [
        (vectors.nan, "with NaN"),
        (vectors.infinite, "with infinite numbers"),
        (vectors.zero, "zero everywhere"),
        (vectors.dimension_mismatches, "of another length than the reference's"),
    ] {
        if number > 0 {
            warn(format!("{} {of} {} {what}", size(number), if number == 1 { "is" } else { "are" }));
        }
    }
    if vectors.unsound_references > 0 {
        warn(format!("{} {of} had no sound reference", size(vectors.unsound_references)));
    }
    if let Some(agreement) = vectors.agreement.filter(|agreement| agreement.cosine_min < COSINE) {
        let (least, mean) = (cosine(agreement.cosine_min), cosine(agreement.cosine_mean));
        warn(format!("vectors differ from the reference's: cosine {least} at least, {mean} on average"));
    }
}

fn rankings(engine: &EngineReport, warn: &mut impl FnMut(String)) {
    let Some(ranking) = engine.fidelity.as_ref().and_then(|fidelity| fidelity.ranking.as_ref()) else { return };
    let of = format!("of {} queries", size(ranking.queries));
    for (number, what) in [
        (ranking.nan, "NaN among the scores"),
        (ranking.infinite, "infinite scores"),
        (ranking.length_mismatches, "another number of scores than the reference's"),
        (ranking.unsound_references, "no sound reference"),
    ] {
        if number > 0 {
            warn(format!("{} {of} had {what}", size(number)));
        }
    }
    if let (Some(least), Some(mean)) = (ranking.tau_min.filter(|&tau| tau < TAU), ranking.tau_mean) {
        let (least, mean) = (cosine(least), cosine(mean));
        warn(format!("rankings differ from the reference's: Kendall's τ-b {least} at least, {mean} on average"));
    }
}

fn invariance(engine: &EngineReport, warn: &mut impl FnMut(String)) {
    let Some(invariance) = engine.fidelity.as_ref().and_then(|fidelity| fidelity.invariance.as_ref()) else { return };
    if invariance.incomparable > 0 {
        let number = size(invariance.incomparable);
        warn(format!("{number} of {} texts have no vectors to compare alone and under load", size(invariance.pairs)));
    }
    if let Some(difference) = invariance.max_difference.filter(|&difference| difference > INVARIANT) {
        let cosine = invariance.cosine_min.map(|least| format!(", cosine {}", cosine(least))).unwrap_or_default();
        warn(format!("vectors depend on their neighbours: numbers differ by up to {difference:.1e}{cosine}"));
    }
}
