//! What stands below a table: what was asked, of what, where, and what a reader must be warned of.

use super::{EngineReport, EngineState, Machine, Report, Task};
use crate::report::numbers::{bytes, cosine, count, number, percent, plain, seconds, several, size, spread};
use crate::report::text::{one_line, shortened};

/// Tokens of two counts may differ by this share before it is said.
const TOKENS_DIFFER: f64 = 0.005;
/// Cosines below it are no matter of rounding.
const COSINE: f64 = 0.99;
/// Rankings below it are not the reference's.
const TAU: f64 = 0.9;
/// Numbers of unit vectors may differ by this much alone and under load.
const INVARIANT: f64 = 1e-5;
/// The client's own part of the median latency may be this share before it is said, if it is [`LATE_MS`] at least.
const LATE: f64 = 0.1;
/// In milliseconds.
const LATE_MS: f64 = 1.0;
/// Characters of a message that are shown.
const MESSAGE: usize = 300;

/// The heading: what the run is called, or what was done.
pub(super) fn title(report: &Report) -> String {
    let given = report.title.as_deref().map(one_line).filter(|title| !title.is_empty());
    given.unwrap_or_else(|| {
        let task = match report.workload.task {
            Task::Embed => "embed",
            Task::Rerank => "rerank",
        };
        format!("infa bench: {task} with {}", one_line(&report.model.id))
    })
}

/// Lines with their labels: workload, lengths, model, machine, run.
pub(super) fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let mut lines = vec![("Workload", workload(report))];
    lines.extend(lengths(report).map(|lengths| ("Lengths", lengths)));
    lines.push(("Model", model(report)));
    lines.push(("Machine", machine(&report.machine)));
    lines.push(("Run", run(report)));
    lines
}

fn workload(report: &Report) -> String {
    let workload = &report.workload;
    let (one, many) = match workload.task {
        Task::Embed => ("text", "texts"),
        Task::Rerank => ("pair of query and document", "pairs of query and document"),
    };
    let mut parts = vec![format!("{}: {}", one_line(&workload.dataset), several(workload.texts as u64, one, many))];
    if workload.distinct != workload.texts {
        parts.push(format!("{} different", size(workload.distinct)));
    }
    let requests = several(workload.requests as u64, "request", "requests");
    let inputs = several(workload.inputs_per_request as u64, "input", "inputs");
    parts.push(format!("{requests} of {inputs}"));
    parts.push(one_line(&workload.load));
    let (fewest, most) = workload.rounds;
    let end = one_line(&workload.end);
    parts.push(match fewest == most {
        true => format!("{} of {end}", several(most as u64, "round", "rounds")),
        false => format!("{} to {} rounds of {end} until {}", size(fewest), size(most), spread(workload.stable)),
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
        text += &format!("; counted by the tokenizer of {}", one_line(tokenizer));
    }
    Some(text)
}

fn model(report: &Report) -> String {
    let model = &report.model;
    let mut parts = vec![one_line(&model.id)];
    parts.extend(model.revision.as_deref().map(|revision| format!("revision {}", shortened(&one_line(revision), 12))));
    parts.extend(model.architecture.as_deref().map(one_line));
    parts.extend(model.dimensions.map(|dimensions| several(dimensions as u64, "dimension", "dimensions")));
    parts.extend(model.max_length.map(|length| format!("at most {}", several(length as u64, "token", "tokens"))));
    parts.join(", ")
}

/// The machine in a line.
pub(super) fn machine(machine: &Machine) -> String {
    let mut parts = vec![machine.cpu.as_deref().map_or_else(|| one_line(&machine.architecture), one_line)];
    parts.push(match machine.cores_allowed == machine.cores {
        true => several(machine.cores as u64, "core", "cores"),
        false => format!("{} of {}", size(machine.cores_allowed), several(machine.cores as u64, "core", "cores")),
    });
    parts.push(bytes(machine.memory_bytes));
    if !machine.cpu_flags.is_empty() {
        parts.push(machine.cpu_flags.iter().map(|flag| one_line(flag)).collect::<Vec<_>>().join(" "));
    }
    parts.extend(machine.gemm_gflops.map(|gflops| format!("float32 products at {} GFLOP/s", number(gflops))));
    parts.extend(machine.gpus.iter().map(|gpu| {
        let cuda = gpu.cuda.as_deref().map(|cuda| format!(", CUDA {}", one_line(cuda))).unwrap_or_default();
        format!("{} ({}, driver {}{cuda})", one_line(&gpu.name), bytes(gpu.memory_bytes), one_line(&gpu.driver))
    }));
    parts.push(one_line(&machine.system));
    parts.extend((machine.virtual_machine == Some(true)).then(|| "virtual machine".to_owned()));
    parts.extend(machine.load_average.map(|loads| {
        let loads = loads.map(|load| format!("{load:.2}"));
        format!("load average {} before", loads.join(" "))
    }));
    parts.extend(machine.onnxruntime.as_deref().map(|version| format!("ONNX Runtime {}", one_line(version))));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn run(report: &Report) -> String {
    let mut parts = vec![format!("infa {}", one_line(&report.infa)), one_line(&report.started)];
    parts.push(format!("took {}", seconds(report.seconds)));
    parts.extend(report.baseline.as_deref().map(|name| format!("baseline {}", one_line(name))));
    parts.extend(report.reference.as_deref().map(|name| format!("reference {}", one_line(name))));
    parts.extend(report.machine_cost_per_hour.map(|cost| format!("${} an hour", plain(cost))));
    parts.join(", ")
}

/// Why an engine failed, in a line.
pub(super) fn reason(engine: &EngineReport) -> Option<String> {
    let EngineState::Failed { stage, kind, message } = &engine.state else { return None };
    let (kind, message) = (one_line(kind), one_line(message));
    // Earlier versions say twice what it is counted as.
    let message = shortened(message.strip_prefix(&format!("{kind}: ")).unwrap_or(&message), MESSAGE);
    Some(format!("failed at {}: {kind}: {message}", one_line(stage)))
}

/// Failures by kind, each with an example.
pub(super) fn failures(engine: &EngineReport) -> impl Iterator<Item = String> {
    engine.failures.iter().map(|failure| {
        let example = shortened(&one_line(&failure.example), MESSAGE);
        format!("{} × {}: {example}", count(failure.count), one_line(&failure.kind))
    })
}

/// What a reader must know before any figure is believed.
pub(super) fn warnings(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.interrupted {
        warnings.push("the run was stopped before its end".to_owned());
    }
    if report.workload.rounds.1 == 1 && report.engines.iter().any(|engine| engine.rounds.len() == 1) {
        warnings
            .push("one round says nothing of the noise: figures have no intervals; --rounds 5 gives some".to_owned());
    }
    warnings.extend(unstable(report));
    for engine in &report.engines {
        let name = one_line(&engine.name);
        let mut warn = |text: String| warnings.push(format!("{name}: {text}"));
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
    let told = |engine: &EngineReport| match engine.state {
        // One round is told of once, for all.
        EngineState::Unstable { half_width: None } if report.workload.rounds.1 == 1 => None,
        EngineState::Unstable { half_width } => {
            let rounds = several(engine.rounds.len() as u64, "round", "rounds");
            let how = half_width.map_or_else(
                || format!("too few to know after {rounds}"),
                |half| format!("{} after {rounds}", spread(half)),
            );
            Some(format!("{} ({how})", one_line(&engine.name)))
        }
        _ => None,
    };
    let told: Vec<String> = report.engines.iter().filter_map(told).collect();
    let figure = if report.workload.is_open_loop() { "p50" } else { "throughput" };
    let more = report.workload.rounds.1.saturating_mul(2).max(10);
    (!told.is_empty()).then(|| {
        format!(
            "unstable, {figure} not within {}: {}; more rounds (--rounds {more}) or a machine with less other work make it surer",
            spread(report.workload.stable),
            told.join(", ")
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
        warn(format!("says {reported} tokens, where {counted} were counted here ({sign}{difference})"));
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
