//! The grouping of runs into comparisons, and their sides.

use super::differences;
use super::engines::{engine, means, parts};
use super::error::RunsError;
use super::family::judge;
use super::read::Run;
use super::report::{Basis, Comparison, RunName, RunsReport, SCHEMA_VERSION};
use crate::bench::report::Report;
use crate::report::text::one_line;
use crate::stats::spread::CONFIDENCE;

#[derive(Debug)]
pub(crate) enum Plan {
    /// The engines of one run with one of them: that of this name, or the run's own baseline, or the first.
    Engines(Run, Option<String>),
    /// Each of these runs with the first.
    Each(Run, Vec<Run>),
    /// All runs of one side with all runs of the other: those of the same workload are repetitions of one another.
    Sides(Vec<Run>, Vec<Run>),
}

/// Compares runs; with `force` also those of other workloads, which otherwise have no verdicts.
pub(crate) fn compare(plan: &Plan, force: bool) -> Result<RunsReport, RunsError> {
    let mut report = RunsReport {
        schema_version: SCHEMA_VERSION,
        infa: env!("CARGO_PKG_VERSION").to_owned(),
        confidence: CONFIDENCE,
        warnings: Vec::new(),
        comparisons: Vec::new(),
        means: Vec::new(),
        thresholds: Vec::new(),
        shown: None,
    };
    match plan {
        Plan::Engines(run, baseline) => report.comparisons.push(engines(run, baseline.as_deref())?),
        Plan::Each(base, others) => {
            for other in others {
                report.comparisons.push(sides(&[base], &[other], force)?);
            }
        }
        Plan::Sides(base, new) => {
            let (base, new) = (scenarios(base), scenarios(new));
            match (&base[..], &new[..]) {
                // For any workloads: their differences stand above the figures.
                ([(_, base)], [(_, new)]) => report.comparisons.push(sides(base, new, force)?),
                _ => matched(&base, &new, &mut report, force)?,
            }
            let comparable = || report.comparisons.iter().filter(|comparison| comparison.is_comparable());
            if comparable().count() > 1 {
                report.means = means(comparable().flat_map(|comparison| &comparison.engines));
            }
        }
    }
    judge(&mut report);
    Ok(report)
}

/// Runs of one workload.
type Scenario<'a> = (Vec<String>, Vec<&'a Run>);

fn scenarios(runs: &[Run]) -> Vec<Scenario<'_>> {
    let mut scenarios: Vec<Scenario<'_>> = Vec::new();
    for run in runs {
        let key = key(&run.report);
        match scenarios.iter_mut().find(|(other, _)| *other == key) {
            Some((_, runs)) => runs.push(run),
            None => scenarios.push((key, vec![run])),
        }
    }
    scenarios
}

/// The properties that identify a workload.
fn key(report: &Report) -> Vec<String> {
    let workload = &report.workload;
    let task = super::error::task(workload.task).to_owned();
    let (dataset, load, inputs) = (workload.dataset.clone(), workload.load.clone(), workload.inputs_per_request);
    vec![task, report.model.id.clone(), dataset, load, format!("{inputs} inputs a request")]
}

fn named(key: &[String]) -> String {
    key.iter().map(|part| one_line(part)).collect::<Vec<_>>().join(", ")
}

fn matched(base: &[Scenario<'_>], new: &[Scenario<'_>], report: &mut RunsReport, force: bool) -> Result<(), RunsError> {
    let files = |runs: &[&Run]| runs.iter().map(|run| run.file.as_str()).collect::<Vec<_>>().join(", ");
    for (key, runs) in base {
        match new.iter().find(|(other, _)| other == key) {
            Some((_, others)) => report.comparisons.push(sides(runs, others, force)?),
            None => report.warnings.push(format!("in the base alone: {} ({})", named(key), files(runs))),
        }
    }
    for (key, runs) in new.iter().filter(|(key, _)| !base.iter().any(|(other, _)| other == key)) {
        report.warnings.push(format!("not in the base: {} ({})", named(key), files(runs)));
    }
    if report.comparisons.is_empty() {
        let all =
            |scenarios: &[Scenario<'_>]| scenarios.iter().map(|(key, _)| named(key)).collect::<Vec<_>>().join("; ");
        return Err(RunsError::Workloads { base: all(base), new: all(new) });
    }
    Ok(())
}

/// Runs of one workload against others.
fn sides(base: &[&Run], new: &[&Run], force: bool) -> Result<Comparison, RunsError> {
    let task = |run: &Run| run.report.workload.task;
    if let (Some(old), Some(other)) =
        (base.first(), new.iter().find(|run| base.first().is_some_and(|base| task(base) != task(run))))
    {
        let (base, new) = (old.file.clone(), other.file.clone());
        return Err(RunsError::Tasks { base, base_task: task(old), new, new_task: task(other) });
    }
    let (before, after) = (names(base), names(new));
    let pairs = pairs(base, new);
    if pairs.is_empty() {
        let files = |runs: &[&Run]| runs.iter().map(|run| run.file.as_str()).collect::<Vec<_>>().join(", ");
        return Err(RunsError::Engines {
            base: files(base),
            base_engines: listed(&before),
            new: files(new),
            new_engines: listed(&after),
        });
    }
    let basis = if base.len() == 1 && new.len() == 1 { Basis::Rounds } else { Basis::Runs };
    let all: Vec<&Run> = base.iter().chain(new).copied().collect();
    let (olds, news): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
    let mut incomparable = differences::of_workloads(&all);
    let mut warnings = Vec::new();
    if force {
        warnings.append(&mut incomparable);
    }
    warnings.extend(differences::between(&all, base.len(), &pairs));
    warnings.extend(base.iter().flat_map(|run| differences::doubts(run, &olds)));
    warnings.extend(new.iter().flat_map(|run| differences::doubts(run, &news)));
    let renamed = |old: &str, new: &str| (old != new).then(|| old.to_owned());
    let mut engines: Vec<_> = pairs
        .iter()
        .map(|(old, name)| engine(name, renamed(old, name).as_deref(), &parts(base, old), &parts(new, name), basis))
        .collect();
    warnings.extend(differences::of_samples(&engines));
    if force {
        engines.iter_mut().for_each(|engine| engine.other_samples = false);
    }
    let only = |here: &[&str], paired: &[&str]| {
        here.iter().filter(|name| !paired.contains(name)).map(|name| (*name).to_owned()).collect()
    };
    Ok(Comparison {
        incomparable,
        other_reference: !force && differences::of_references(&all),
        open_loop: new.iter().any(|run| run.report.workload.is_open_loop()),
        title: title(base, new),
        base: base.iter().map(|run| name(run)).collect(),
        new: new.iter().map(|run| name(run)).collect(),
        basis,
        warnings,
        means: means(engines.iter()),
        engines,
        only_in_base: only(&before, &olds),
        only_in_new: only(&after, &news),
    })
}

/// Engines of one run against one of them.
fn engines(run: &Run, baseline: Option<&str>) -> Result<Comparison, RunsError> {
    let runs = [run];
    let names = names(&runs);
    let alone = |engines| RunsError::Alone { file: run.file.clone(), engines };
    let first = names.first().ok_or_else(|| alone("no engine"))?;
    let of_run = run.report.baseline.as_deref().filter(|name| names.contains(name));
    let baseline = match baseline {
        Some(name) if !names.contains(&name) => {
            let (file, known) = (run.file.clone(), listed(&names));
            return Err(RunsError::Baseline { file, name: name.to_owned(), known });
        }
        Some(name) => name,
        None => of_run.unwrap_or(first),
    };
    if names.len() == 1 {
        return Err(alone("one engine"));
    }
    let base = parts(&runs, baseline);
    let others = names.iter().filter(|name| **name != baseline);
    let engines: Vec<_> =
        others.map(|name| engine(name, Some(baseline), &base, &parts(&runs, name), Basis::PairedRounds)).collect();
    let mut warnings = differences::doubts(run, &names);
    warnings.extend(differences::of_samples(&engines));
    Ok(Comparison {
        incomparable: Vec::new(),
        other_reference: false,
        open_loop: run.report.workload.is_open_loop(),
        title: title(&runs, &runs),
        base: vec![name(run)],
        new: vec![name(run)],
        basis: Basis::PairedRounds,
        warnings,
        engines,
        only_in_base: Vec::new(),
        only_in_new: Vec::new(),
        means: Vec::new(),
    })
}

/// Engines of both sides that belong together, by their names there: those of the same name; of the others those that are
/// the only ones of their spec without the URL, since addresses change; and the only engine of each side.
fn pairs<'a>(base: &[&'a Run], new: &[&'a Run]) -> Vec<(&'a str, &'a str)> {
    let (before, after) = (names(base), names(new));
    let specs = |runs: &[&'a Run], names: &[&'a str], others: &[&str]| -> Vec<(&'a str, &'a str)> {
        let alone = names.iter().filter(|name| !others.contains(name));
        let spec = |name: &'a str| {
            let mut engines = runs.iter().flat_map(|run| &run.report.engines);
            let spec = engines.find(|engine| engine.name == name).map(|engine| engine.spec.as_str())?;
            Some((spec.split('=').next().unwrap_or(spec), name))
        };
        alone.filter_map(|name| spec(name)).collect()
    };
    let (olds, news) = (specs(base, &before, &after), specs(new, &after, &before));
    let only = |specs: &[(&'a str, &'a str)], spec: &str| -> Option<&'a str> {
        let mut found = specs.iter().filter(|(other, _)| *other == spec);
        found.next().filter(|_| found.next().is_none()).map(|(_, name)| *name)
    };
    let pair = |name: &'a str| {
        if before.contains(&name) {
            return Some((name, name));
        }
        let (spec, _) = news.iter().find(|(_, other)| *other == name)?;
        Some((only(&olds, spec)?, only(&news, spec)?))
    };
    let pairs: Vec<(&str, &str)> = after.iter().filter_map(|name| pair(name)).collect();
    match (&pairs[..], &before[..], &after[..]) {
        ([], [old], [new]) => vec![(old, new)],
        _ => pairs,
    }
}

/// Names of the engines of these runs, in order.
fn names<'a>(runs: &[&'a Run]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for engine in runs.iter().flat_map(|run| &run.report.engines) {
        if !names.contains(&engine.name.as_str()) {
            names.push(&engine.name);
        }
    }
    names
}

fn listed(names: &[&str]) -> String {
    let names = names.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    if names.is_empty() { "none".to_owned() } else { names }
}

/// The common title of both sides, or their workload.
fn title(base: &[&Run], new: &[&Run]) -> String {
    let given = |run: &&Run| run.report.title.as_deref().map(one_line).filter(|title| !title.is_empty());
    let title = new.first().and_then(given);
    match title {
        Some(title) if base.iter().chain(new).all(|run| given(run).as_ref() == Some(&title)) => title,
        _ => new.first().map(|run| named(&key(&run.report))).unwrap_or_default(),
    }
}

fn name(run: &Run) -> RunName {
    let Report { started, infa, .. } = &run.report;
    RunName { file: run.file.clone(), started: started.clone(), infa: infa.clone() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::{EngineComparison, MetricComparison, Verdict};
    use super::super::sample::{noisy, one, run, two, with_noise};
    use super::*;
    use crate::bench::report::{Task, sample};

    fn found<'a>(engine: &'a EngineComparison, metric: &str) -> &'a MetricComparison {
        engine.metrics.iter().find(|found| found.metric == metric).unwrap()
    }

    fn of<'a>(report: &'a RunsReport, metric: &str) -> &'a MetricComparison {
        found(&report.comparisons[0].engines[0], metric)
    }

    #[test]
    fn the_same_run_twice_is_indistinguishable() {
        let run = noisy(10, 8700.0, 1);
        let report = two(&run, &run);
        let all = &report.comparisons[0].engines[0].metrics;
        assert!(all.len() > 10);
        for found in all {
            let expected = match found.metric {
                // Measured once: nothing is known of their noise.
                "memory" | "load" | "first_answer" => Verdict::CannotTell,
                _ => Verdict::Indistinguishable,
            };
            assert_eq!(found.verdict, expected, "{}", found.metric);
        }
        assert!(report.comparisons[0].warnings.contains(&"base.json and new.json are the same run".to_owned()));
    }

    /// Planted: 1 % noise, ten rounds a side.
    #[test]
    fn six_per_cent_are_found_and_half_a_per_cent_is_not() {
        let verdict = |slower: f64, seed: u64| {
            let (base, new) = (noisy(10, 8700.0, 2 * seed), noisy(10, 8700.0 * (1.0 - slower), 2 * seed + 1));
            of(&two(&base, &new), "tokens_per_s").verdict
        };
        for seed in 0..3 {
            assert_eq!(verdict(0.06, seed), Verdict::Slower, "{seed}");
            assert_eq!(verdict(-0.06, seed), Verdict::Faster, "{seed}");
        }
        let seen = (0..5).filter(|&seed| verdict(0.005, seed) != Verdict::Indistinguishable).count();
        assert_eq!(seen, 0);
        let report = two(&noisy(10, 8700.0, 0), &noisy(10, 8700.0 * 0.94, 1));
        let slower = of(&report, "p99");
        assert_eq!(slower.verdict, Verdict::Slower);
        assert!(slower.change.value > 1.0);
        let change = of(&report, "tokens_per_s").change;
        let ((low, high), (least, most)) = (change.interval.unwrap(), change.joint.unwrap());
        assert!(least < low && low < 0.94 && 0.94 < high && high < most && most < 1.0, "{change:?}");
        // 2.45 · 1 % · √2 · √(1.25² / 10 + 1) = 3.7 %, give or take what ten rounds can say of their noise.
        let floor = change.floor.unwrap();
        assert!((0.018..0.058).contains(&floor), "{floor}");
        assert!(change.detectable.unwrap() > floor);
    }

    #[test]
    fn one_round_cannot_tell() {
        let report = two(&one(8700.0), &noisy(5, 4000.0, 1));
        let tokens = of(&report, "tokens_per_s");
        assert_eq!((tokens.verdict, tokens.change.interval), (Verdict::CannotTell, None));
        assert!(tokens.change.value < 0.5);
        assert_eq!(of(&report, "cosine_min").verdict, Verdict::Indistinguishable);
    }

    #[test]
    fn cosines_are_compared_as_they_are() {
        let base = noisy(3, 8700.0, 1);
        let with = |cosine: f64| {
            let mut new = base.clone();
            let vectors = new.engines[0].fidelity.as_mut().unwrap().vectors.as_mut().unwrap();
            vectors.agreement.as_mut().unwrap().cosine_min = cosine;
            of(&two(&base, &new), "cosine_min").verdict
        };
        assert_eq!(with(0.99), Verdict::Worse);
        assert_eq!(with(0.999_9), Verdict::Better);
        assert_eq!(with(0.999_750_5), Verdict::Indistinguishable);
    }

    #[test]
    fn failed_requests_are_worse_only_beyond_the_noise() {
        let base = noisy(5, 8700.0, 1);
        let with = |failed: [u64; 5]| {
            let mut new = base.clone();
            new.engines[0].rounds.iter_mut().zip(failed).for_each(|(round, failed)| round.failed = failed);
            of(&two(&base, &new), "errors").verdict
        };
        assert_eq!(with([20, 22, 19, 25, 21]), Verdict::Worse);
        assert_eq!(with([0, 0, 1, 0, 0]), Verdict::Indistinguishable);
        assert_eq!(with([0; 5]), Verdict::Indistinguishable);
    }

    /// Both engines are slow in the same rounds: what one file's engines differ by is seen all the same.
    #[test]
    fn engines_of_one_run_are_paired_by_round() {
        let mut report = sample::of(vec![sample::engine("torch", 2000.0), sample::engine("onnx", 2040.0)]);
        with_noise(&mut report, 6, &mut fastrand::Rng::with_seed(1));
        for engine in &mut report.engines {
            for (round, slow) in engine.rounds.iter_mut().zip([1.0, 0.5, 0.8, 1.0, 0.6, 0.9]) {
                let base = if engine.name == "onnx" { 2040.0 } else { 2000.0 };
                round.tokens_per_second = Some(base * slow * (1.0 + 0.002 * round.round as f64));
            }
        }
        let within = compare(&Plan::Engines(run("run.json", &report), None), false).unwrap();
        let comparison = &within.comparisons[0];
        assert_eq!((comparison.basis, comparison.engines.len()), (Basis::PairedRounds, 1));
        assert_eq!(comparison.engines[0].baseline.as_deref(), Some("torch"));
        let tokens = found(&comparison.engines[0], "tokens_per_s");
        assert_eq!(tokens.verdict, Verdict::Faster);
        assert!((tokens.change.value - 1.02).abs() < 1e-9);
        let other = compare(&Plan::Engines(run("run.json", &report), Some("onnx".to_owned())), false).unwrap();
        assert_eq!(found(&other.comparisons[0].engines[0], "tokens_per_s").verdict, Verdict::Slower);
    }

    /// Rounds of a run agree within 1 %, runs within 10 %: between two runs 10 % look sure, and are not.
    #[test]
    fn several_runs_tell_the_noise_from_run_to_run() {
        let runs = |rates: [f64; 3], seed: u64| -> Vec<Run> {
            let report = |(at, rate): (usize, f64)| noisy(5, rate, seed + at as u64);
            rates.into_iter().enumerate().map(|at| run(&format!("{seed}-{}.json", at.0), &report(at))).collect()
        };
        let (base, new) = (runs([8000.0, 8800.0, 8400.0], 10), runs([7200.0, 8500.0, 8200.0], 20));
        let single = two(&base[0].report, &new[0].report);
        assert_eq!(of(&single, "tokens_per_s").verdict, Verdict::Slower);
        let many = compare(&Plan::Sides(base.clone(), new), false).unwrap();
        assert_eq!(many.comparisons[0].basis, Basis::Runs);
        let tokens = of(&many, "tokens_per_s");
        assert_eq!((tokens.verdict, tokens.base.count, tokens.new.count), (Verdict::Indistinguishable, 3, 3));
        // Once a run is enough with several.
        assert_eq!(of(&many, "memory").verdict, Verdict::Indistinguishable);
        let half = compare(&Plan::Sides(base, vec![run("new.json", &noisy(5, 4000.0, 30))]), false).unwrap();
        assert_eq!(of(&half, "tokens_per_s").verdict, Verdict::Slower);
    }

    fn with_dataset(mut report: Report, dataset: &str) -> Report {
        report.workload.dataset = dataset.to_owned();
        report
    }

    #[test]
    fn workloads_are_matched_and_averaged() {
        let set = |name: &str, rate: f64, seed: u64| run(name, &with_dataset(noisy(10, rate, seed), name));
        let (base, new) = (
            vec![set("words", 8000.0, 1), set("queries", 500.0, 2), set("code", 100.0, 3)],
            vec![set("queries", 450.0, 4), set("words", 8800.0, 5), set("passages", 10.0, 6)],
        );
        let report = compare(&Plan::Sides(base, new), false).unwrap();
        assert_eq!(report.comparisons.len(), 2);
        assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
        assert!(report.warnings[0].contains("in the base alone: embedding, BAAI/bge-small-en-v1.5, code"));
        let mean = report.means.iter().find(|mean| mean.metric == "tokens_per_s").unwrap();
        // √(1.1 · 0.9)
        assert_eq!((mean.count, mean.verdict), (2, Verdict::Indistinguishable));
        assert!((mean.ratio - 0.995).abs() < 0.01 && mean.interval.is_some(), "{mean:?}");
    }

    #[test]
    fn runs_with_nothing_in_common_are_an_error() {
        let base = noisy(3, 8700.0, 1);
        let error = |plan: Plan| compare(&plan, false).unwrap_err().to_string();
        let each = |new: &Report| Plan::Each(run("base.json", &base), vec![run("new.json", new)]);
        let mut other = base.clone();
        other.workload.task = Task::Rerank;
        assert_eq!(
            error(each(&other)),
            "base.json measured embedding, new.json measured reranking: their figures have nothing in common"
        );
        other = base.clone();
        other.engines = vec![sample::engine("torch", 1.0), sample::engine("openvino", 1.0)];
        assert_eq!(error(each(&other)), "no engine is both in base.json (onnx) and in new.json (torch, openvino)");
        assert!(error(each(&sample::of(vec![]))).ends_with("new.json (none)"));
        assert!(error(Plan::Engines(run("base.json", &base), None)).contains("one file with one engine"));
        assert!(error(Plan::Engines(run("base.json", &sample::of(vec![])), None)).contains("no engine"));
        let two = sample::of(vec![sample::engine("a", 1.0), sample::engine("b", 2.0)]);
        assert!(
            error(Plan::Engines(run("x.json", &two), Some("c".to_owned()))).contains("\"c\"; its engines are a, b")
        );
        let sides = Plan::Sides(
            vec![run("a", &with_dataset(base.clone(), "words")), run("b", &with_dataset(base.clone(), "code"))],
            vec![run("c", &with_dataset(base.clone(), "fixed")), run("d", &with_dataset(base.clone(), "queries"))],
        );
        assert!(error(sides).starts_with("no workload is on both sides"));
    }

    type Alter = fn(&mut Report);

    #[test]
    fn other_differences_of_runs_are_reported() {
        let pairs: Alter = |r| r.engines[0].fidelity.as_mut().unwrap().vectors.as_mut().unwrap().pairs = 9;
        let cases: [(Alter, &str); 15] = [
            (pairs, "onnx: texts whose vectors are compared: 64 in base.json; 9 in new.json"),
            (
                |r| r.machine.cpu = Some("Another".into()),
                "machine: processor: AMD EPYC 9B14 in base.json; Another in new.json",
            ),
            (|r| r.machine.cores_allowed = 4, "machine: cores: 2 of 4 in base.json; 4 of 4 in new.json"),
            (|r| r.machine.cpu_flags.truncate(1), "machine: instructions: "),
            (|r| r.machine.memory_bytes = 8 << 30, "machine: memory: 16.0 GiB in base.json; 8.00 GiB in new.json"),
            (|r| r.machine.onnxruntime = None, "ONNX Runtime: 1.24.1 in base.json; not known in new.json"),
            (|r| r.machine.gemm_gflops = Some(400.0), "not equally fast: 500 GFLOP/s in base.json, 400 in new.json"),
            (|r| r.model.files[0].sha256 = "0".into(), "model: not the same files: model.safetensors"),
            (|r| r.workload.seed = 1, "workload: seed: 42 in base.json; 1 in new.json"),
            (|r| r.infa = "0.2.0".into(), "infa: 0.1.0 in base.json; 0.2.0 in new.json"),
            (|r| r.reference = None, "cosines and rankings are against: onnx in base.json; not known in new.json"),
            (|r| r.engines[0].version = Some("2".into()), "onnx: version: 1.2.3 in base.json; 2 in new.json"),
            (|r| r.engines[0].spec = "onnx:int8".into(), "onnx: spec: onnx in base.json; onnx:int8 in new.json"),
            (|r| _ = r.engines[0].details.insert("threads".into(), "1".into()), "onnx: details: "),
            (|r| r.interrupted = true, "new.json: the run was stopped before its end"),
        ];
        let base = noisy(3, 8700.0, 1);
        for (alter, expected) in cases {
            let mut new = base.clone();
            alter(&mut new);
            let comparison = two(&base, &new).comparisons.remove(0);
            let warnings = &comparison.warnings;
            assert!(matches!(&warnings[..], [one] if one.contains(expected)), "{expected}: {warnings:?}");
            assert!(comparison.is_comparable(), "{expected}: {:?}", comparison.incomparable);
        }
        let mut again = base.clone();
        again.started = "2026-11-23T00:00:00Z".to_owned();
        assert!(two(&base, &again).comparisons[0].warnings.is_empty());
    }

    /// Figures of different work are compared only if the user insists.
    #[test]
    fn other_workloads_have_no_verdicts() {
        let cases: [(Alter, &str); 7] = [
            (|r| r.workload.dataset = "code".into(), "dataset: "),
            (|r| r.workload.inputs_per_request = 32, "inputs of a request: 10 in base.json; 32 in new.json"),
            (|r| r.workload.load = "offline".into(), "load: 8 clients in base.json; offline in new.json"),
            (|r| r.model.id = "other".into(), "model: BAAI/bge-small-en-v1.5 in base.json; other in new.json"),
            (|r| r.workload.tokenizer = Some("other".into()), "tokens are counted by: "),
            // The file is called the same, and holds others.
            (|r| r.workload.texts = 7, "texts of the dataset: 2000 in base.json; 7 in new.json"),
            (|r| r.workload.lengths.as_mut().unwrap().total = 7, "tokens of all texts: "),
        ];
        let (base, slow) = (noisy(10, 8700.0, 1), noisy(10, 4000.0, 2));
        for (alter, expected) in cases {
            let mut new = slow.clone();
            alter(&mut new);
            let plan = || Plan::Each(run("base.json", &base), vec![run("new.json", &new)]);
            let report = compare(&plan(), false).unwrap();
            let reasons = &report.comparisons[0].incomparable;
            assert!(matches!(&reasons[..], [one] if one.starts_with(expected)), "{expected}: {reasons:?}");
            for found in &report.comparisons[0].engines[0].metrics {
                assert_eq!(found.verdict, Verdict::NotComparable, "{expected}: {}", found.metric);
                assert_eq!((found.change.interval, found.change.joint, found.change.floor), (None, None, None));
            }
            let forced = compare(&plan(), true).unwrap();
            assert_eq!(of(&forced, "tokens_per_s").verdict, Verdict::Slower, "{expected}");
            assert!(forced.comparisons[0].warnings.iter().any(|warning| warning.starts_with(expected)), "{expected}");
        }
        // Of another seed the texts are others of the same kind.
        let mut other = base.clone();
        (other.workload.seed, other.workload.texts) = (7, 1999);
        assert!(two(&base, &other).comparisons[0].is_comparable());
        // Speed has nothing to do with what cosines are against.
        other = slow.clone();
        other.reference = Some("torch".to_owned());
        let report = two(&base, &other);
        assert_eq!(of(&report, "cosine_min").verdict, Verdict::NotComparable);
        assert_eq!(of(&report, "tokens_per_s").verdict, Verdict::Slower);
    }

    /// A table shows a side's figures as `infa bench` does; only the change is estimated otherwise.
    #[test]
    fn levels_are_the_medians_of_bench() {
        for rounds in [1, 3, 4, 10] {
            let (base, new) = (noisy(rounds, 8700.0, 1), noisy(rounds, 8000.0, 2));
            let report = two(&base, &new);
            let median = |report: &Report| {
                let values: Vec<f64> = report.engines[0].rounds.iter().filter_map(|r| r.tokens_per_second).collect();
                crate::stats::quantiles::median(&values).unwrap()
            };
            let found = of(&report, "tokens_per_s");
            assert_eq!((found.base.value, found.new.value), (median(&base), median(&new)), "{rounds}");
        }
    }

    #[test]
    fn engines_whose_addresses_or_names_changed_are_compared() {
        let with = |engines: &[(&str, &str)]| {
            let engine = |(name, spec): &(&str, &str)| crate::bench::report::EngineReport {
                spec: (*spec).to_owned(),
                ..sample::engine(name, 8700.0)
            };
            sample::of(engines.iter().map(engine).collect())
        };
        let found = |base: &[(&str, &str)], new: &[(&str, &str)]| -> Vec<(Option<String>, String)> {
            let report = two(&with(base), &with(new));
            let engines = &report.comparisons[0].engines;
            engines.iter().map(|engine| (engine.baseline.clone(), engine.name.clone())).collect()
        };
        let pair = |old: &str, new: &str| (Some(old.to_owned()), new.to_owned());
        let same = |name: &str| (None, name.to_owned());
        let (a, b) = ("tei=http://a", "tei=http://b");
        // One engine each, under any name.
        assert_eq!(found(&[(a, a)], &[(b, b)]), [pair(a, b)]);
        assert_eq!(found(&[("old", "onnx")], &[("new", "torch")]), [pair("old", "new")]);
        // Several: by name, then by the spec without its address.
        assert_eq!(found(&[("onnx", "onnx"), (a, a)], &[(b, b), ("onnx", "onnx")]), [pair(a, b), same("onnx")]);
        assert_eq!(
            found(&[("x", "onnx:int8"), ("y", "torch")], &[("onnx:int8", "onnx:int8"), ("y", "torch")]),
            [pair("x", "onnx:int8"), same("y")]
        );
        // Of two that might be meant none is.
        let c = "tei=http://c";
        assert_eq!(found(&[("onnx", "onnx"), (a, a), (c, c)], &[("onnx", "onnx"), (b, b)]), [same("onnx")]);
        let report = two(&with(&[("onnx", "onnx"), (a, a)]), &with(&[("onnx", "onnx"), ("z", "torch")]));
        let comparison = &report.comparisons[0];
        assert_eq!(
            (&comparison.only_in_base[..], &comparison.only_in_new[..]),
            (&[a.to_owned()][..], &["z".to_owned()][..])
        );
    }
}
