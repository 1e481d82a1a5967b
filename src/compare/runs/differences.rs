//! Differences between the sides: of workloads, which make them incomparable, and of machines, versions and files,
//! which make figures doubtful. They stand before any number.

use std::collections::BTreeSet;

use super::read::Run;
use super::report::EngineComparison;
use crate::bench::report::{EngineReport, EngineState, Fidelity, Report};
use crate::report::numbers::{bytes, number, plus_minus};
use crate::report::text::{one_line, shortened};

/// Matrix products of two runs may differ by this share before it is said.
const PRODUCTS: f64 = 0.05;
/// Characters of a value that are shown.
const VALUE: usize = 120;
/// Files of a model that are named.
const FILES: usize = 3;

/// Differences between the workloads of these runs, in sentences: figures of different work are not comparable.
pub(super) fn of_workloads(runs: &[&Run]) -> Vec<String> {
    let mut found = Vec::new();
    let mut tell =
        |label: &str, of: &dyn Fn(&Report) -> Option<String>| found.extend(differ(runs, label, &|run| of(&run.report)));
    tell("model", &|report| Some(report.model.id.clone()));
    tell("dataset", &|report| Some(report.workload.dataset.clone()));
    tell("inputs of a request", &|report| Some(report.workload.inputs_per_request.to_string()));
    tell("load", &|report| Some(report.workload.load.clone()));
    tell("tokens are counted by", &|report| report.workload.tokenizer.clone());
    // The same spec and seed stand for the same texts, and a file of the same name may hold others.
    let seeds: BTreeSet<u64> = runs.iter().map(|run| run.report.workload.seed).collect();
    if found.is_empty() && seeds.len() == 1 {
        let mut tell = |label: &str, of: &dyn Fn(&Report) -> Option<String>| {
            found.extend(differ(runs, label, &|run| of(&run.report)))
        };
        tell("texts of the dataset", &|report| Some(report.workload.texts.to_string()));
        tell("tokens of all texts", &|report| Some(report.workload.lengths.as_ref()?.total.to_string()));
    }
    found
}

/// True if cosines and rankings of these runs are against different references.
pub(super) fn of_references(runs: &[&Run]) -> bool {
    let names: BTreeSet<&str> = runs.iter().filter_map(|run| run.report.reference.as_deref()).collect();
    names.len() > 1
}

/// Other differences between these runs, in sentences; `engines`: the compared ones, by their names in the base and in
/// the new runs; the first `base` of the runs are those of the base.
pub(super) fn between(runs: &[&Run], base: usize, engines: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut tell =
        |label: &str, of: &dyn Fn(&Report) -> String| found.extend(differ(runs, label, &|run| Some(of(&run.report))));
    let option = |text: &Option<String>| text.clone().unwrap_or_else(|| "not known".to_owned());
    tell("machine: processor", &|report| option(&report.machine.cpu));
    tell("machine: architecture", &|report| report.machine.architecture.clone());
    tell("machine: cores", &|report| format!("{} of {}", report.machine.cores_allowed, report.machine.cores));
    tell("machine: instructions", &|report| report.machine.cpu_flags.join(" "));
    tell("machine: memory", &|report| bytes(report.machine.memory_bytes));
    tell("machine: system", &|report| report.machine.system.clone());
    tell("machine: GPUs", &|report| {
        let gpus = report.machine.gpus.iter().map(|gpu| format!("{} (driver {})", gpu.name, gpu.driver));
        Some(gpus.collect::<Vec<_>>().join(", ")).filter(|gpus| !gpus.is_empty()).unwrap_or_else(|| "none".to_owned())
    });
    tell("ONNX Runtime", &|report| option(&report.machine.onnxruntime));
    tell("infa", &|report| report.infa.clone());
    tell("model: revision", &|report| option(&report.model.revision));
    tell("workload: seed", &|report| report.workload.seed.to_string());
    tell("workload: end of a round", &|report| report.workload.end.clone());
    tell("cosines and rankings are against", &|report| option(&report.reference));
    tell("dollars an hour", &|report| report.machine_cost_per_hour.map_or_else(|| "none".to_owned(), number));
    for (before, after) in engines {
        // Of the runs of the base the one, of the others the other.
        let engine = |at: usize| {
            let name = if at < base { before } else { after };
            runs.get(at)?.report.engines.iter().find(|engine| engine.name == *name).cloned()
        };
        let at = |run: &Run| runs.iter().position(|other| std::ptr::eq(*other, run));
        let mut tell = |what: &str, of: &dyn Fn(&EngineReport) -> String| {
            found.extend(differ(runs, &format!("{after}: {what}"), &|run| engine(at(run)?).map(|engine| of(&engine))));
        };
        tell("version", &|engine| option(&engine.version));
        tell("spec", &|engine| engine.spec.clone());
        tell("details", &|engine| {
            engine.details.iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
        });
        let mut tell = |what: &str, of: fn(&Fidelity) -> Option<usize>| {
            found.extend(differ(runs, &format!("{after}: {what}"), &|run| {
                engine(at(run)?)?.fidelity.as_ref().and_then(of).map(|sampled| sampled.to_string())
            }));
        };
        tell("texts whose vectors are compared", |found| Some(found.vectors.as_ref()?.pairs));
        tell("queries whose rankings are compared", |found| Some(found.ranking.as_ref()?.queries));
    }
    found.extend(files(runs));
    found.extend(products(runs));
    found.extend(twice(runs));
    found
}

/// The engines whose cosines and rankings are of other texts on either side.
pub(super) fn of_samples(engines: &[EngineComparison]) -> Option<String> {
    let names: Vec<String> =
        engines.iter().filter(|engine| engine.other_samples).map(|engine| one_line(&engine.name)).collect();
    (!names.is_empty()).then(|| {
        format!(
            "cosines and rankings of {} are of other texts of the dataset, so they have no verdict",
            names.join(", ")
        )
    })
}

/// Doubts about the figures of a run itself.
pub(super) fn doubts(run: &Run, engines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let file = &run.file;
    if run.report.interrupted {
        found.push(format!("{file}: the run was stopped before its end"));
    }
    for engine in run.report.engines.iter().filter(|engine| engines.contains(&engine.name.as_str())) {
        let name = one_line(&engine.name);
        match &engine.state {
            EngineState::Unstable { half_width: Some(half) } => {
                found.push(format!("{name} in {file}: rounds do not agree ({})", plus_minus(*half)));
            }
            EngineState::Unstable { half_width: None } => {
                found.push(format!("{name} in {file}: too few rounds to know its noise"));
            }
            EngineState::NotMeasured => found.push(format!("{name} in {file}: not measured")),
            EngineState::Failed { stage, kind, .. } => {
                found.push(format!("{name} in {file}: failed at {}: {}", one_line(stage), one_line(kind)));
            }
            EngineState::Stable { .. } | EngineState::Once => {}
        }
    }
    found
}

/// The values of the files, if they differ; missing values are not a difference.
fn differ(runs: &[&Run], label: &str, of: &dyn Fn(&Run) -> Option<String>) -> Option<String> {
    let mut values: Vec<(String, Vec<&str>)> = Vec::new();
    for run in runs {
        let Some(value) = of(run) else { continue };
        match values.iter_mut().find(|(other, _)| *other == value) {
            Some((_, files)) => files.push(&run.file),
            None => values.push((value, vec![&run.file])),
        }
    }
    let reported = values.iter().map(|(value, files)| {
        let value = shortened(&one_line(value), VALUE);
        format!("{} in {}", if value.is_empty() { "none" } else { &value }, files.join(", "))
    });
    (values.len() > 1).then(|| format!("{}: {}", one_line(label), reported.collect::<Vec<_>>().join("; ")))
}

/// Files of the model that are not the same.
fn files(runs: &[&Run]) -> Option<String> {
    let (first, rest) = runs.split_first()?;
    let hashes = |run: &Run| -> Vec<(String, String)> {
        run.report.model.files.iter().map(|file| (file.name.clone(), file.sha256.clone())).collect()
    };
    let base = hashes(first);
    let mut names: Vec<String> = Vec::new();
    for run in rest {
        let other = hashes(run);
        let missing =
            base.iter().filter(|file| !other.contains(file)).chain(other.iter().filter(|file| !base.contains(file)));
        for (name, _) in missing {
            let name = one_line(name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let more = names.len().saturating_sub(FILES);
    names.truncate(FILES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("model: not the same files: {}{more}", names.join(", ")))
}

/// Machines of the same name that are not equally fast.
fn products(runs: &[&Run]) -> Option<String> {
    let of = |run: &&&Run| run.report.machine.gemm_gflops.filter(|gflops| gflops.is_finite() && *gflops > 0.0);
    let measured: Vec<(f64, &str)> = runs.iter().filter_map(|run| Some((of(&run)?, run.file.as_str()))).collect();
    let least = measured.iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    let most = measured.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    (most.0 > least.0 * (1.0 + PRODUCTS)).then(|| {
        let (least, most) = ((number(least.0), least.1), (number(most.0), most.1));
        format!(
            "matrix products of float32 were not equally fast: {} GFLOP/s in {}, {} in {}",
            most.0, most.1, least.0, least.1
        )
    })
}

/// Files of the same run.
fn twice(runs: &[&Run]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        if let Some(other) = runs[..at].iter().find(|other| other.report == run.report) {
            found.push(format!("{} and {} are the same run", other.file, run.file));
        }
    }
    found
}
