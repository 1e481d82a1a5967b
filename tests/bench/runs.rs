//! Results of runs.

use infa::parts::bench::report::{CurveKind, EngineState};

use crate::running::{Server, fixture};
use crate::{bench, engine, report, run, support};

/// Engines that reach a part of the dataset in their rounds are compared on the same texts all the same.
#[test]
fn all_engines_are_compared_on_the_same_texts() {
    let compared = |requests: &str| {
        let args = ["--dataset", "fixed:12x64", "--requests", requests, "--rounds", "1", "--samples", "16"];
        let (ran, report) = report(bench("onnx,onnx:int8", args));
        ran.status(0);
        let vectors = engine(&report, "onnx:int8").fidelity.as_ref().unwrap().vectors.clone().unwrap();
        (vectors.pairs, vectors.sample)
    };
    let (few, many) = (compared("2"), compared("5"));
    assert_eq!((few.0, &few), (16, &many));
}

#[test]
fn every_figure_has_its_rounds() {
    let (ran, report) = report(bench("onnx,onnx:int8", ["--machine-cost-per-hour", "1"]));
    let table = ran.status(0).text().to_owned();
    assert!(table.contains("onnx:int8") && table.contains("tokens/s"), "{table}");
    assert_eq!((report.baseline.as_deref(), report.reference.as_deref()), (Some("onnx"), Some("onnx")));
    assert_eq!((report.workload.texts, report.workload.requests, report.order.len()), (8, 2, 2));
    let lengths = report.workload.lengths.as_ref().unwrap();
    assert_eq!((lengths.min, lengths.max, lengths.total), (12, 12, 96));
    for name in ["onnx", "onnx:int8"] {
        let engine = engine(&report, name);
        assert_eq!((engine.answered, engine.rounds.len(), engine.failures.len()), (12, 2, 0), "{name}");
        // 12 requests of 4 texts of 12 tokens, by infa's count and the engine's.
        assert_eq!((engine.tokens.counted, engine.tokens.reported), (Some(576), Some(576)));
        assert!(matches!(engine.state, EngineState::Stable { .. } | EngineState::Unstable { .. }));
        let figures = &engine.figures;
        let (tokens, requests) = (figures.tokens_per_second.unwrap(), figures.requests_per_second.unwrap());
        assert!((tokens.median / requests.median - 48.0).abs() < 1e-6);
        assert_eq!((tokens.count, figures.p99_ms.unwrap().count), (2, 2));
        // The cheapest round is the fastest.
        let (dollars, speed) = (figures.dollars_per_million_tokens.unwrap().min, tokens.max);
        assert!((dollars * speed * 3600.0 / 1e6 - 1.0).abs() < 1e-6, "{dollars} {speed}");
        assert!(figures.gflops.unwrap().median > 0.0 && engine.load_seconds.unwrap() > 0.0);
        let fidelity = engine.fidelity.as_ref().unwrap();
        let agreement = fidelity.vectors.as_ref().unwrap().agreement.unwrap();
        assert_eq!(agreement.compared, 8);
        if name == "onnx" {
            assert_eq!(agreement.max_difference, 0.0);
        } else {
            assert!(agreement.cosine_min < 1.0 && agreement.cosine_min > 0.9, "{agreement:?}");
            assert_eq!(fidelity.invariance.as_ref().unwrap().identical, 8);
        }
    }
    assert_eq!(engine(&report, "onnx").figures.speed_up.unwrap().median, 1.0);
    assert!(report.machine.cores_allowed > 0 && report.machine.gemm_gflops.unwrap() > 0.0);
    let names: Vec<&str> = report.model.files.iter().map(|file| file.name.as_str()).collect();
    assert!(names.contains(&"config.json") && names.contains(&"tokenizer.json"), "{names:?}");
    assert_eq!(report.model.architecture.as_deref(), Some("bert"));
}

#[test]
fn servers_are_measured_like_engines() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--threads", "1"]);
    let names = ["infa", "openai", "tei", "infinity", "triton"].map(|kind| format!("{kind}={}", server.url));
    let (ran, report) = report(bench(&format!("onnx,{}", names.join(",")), ["--rounds", "1"]));
    ran.status(0);
    for name in &names {
        let engine = engine(&report, name);
        assert_eq!((engine.answered, engine.failures.len()), (6, 0), "{name}");
        let vectors = engine.fidelity.as_ref().unwrap().vectors.as_ref().unwrap();
        assert!(vectors.agreement.unwrap().max_difference < 1e-6, "{name}: {vectors:?}");
        if !name.starts_with("tei") && !name.starts_with("triton") {
            assert_eq!(engine.tokens.reported, engine.tokens.counted, "{name}");
        }
    }
}

#[test]
fn infa_starts_a_server_of_its_own_and_ends_it() {
    let (ran, report) = report(bench("onnx,infa:int8", ["--rounds", "1"]));
    ran.status(0);
    let engine = engine(&report, "infa:int8");
    assert_eq!((engine.answered, engine.version.as_deref()), (6, Some(concat!("infa ", env!("CARGO_PKG_VERSION")))));
    assert!(engine.details["command"].contains("serve --model-id"), "{:?}", engine.details);
    assert!(engine.resources.peak_memory_bytes.unwrap() > 1 << 20);
}

#[test]
fn documents_are_ranked() {
    let model = support::fixture("architectures/bert-rerank");
    let args =
        ["bench", "--task", "rerank", "--engines", "onnx,onnx:int8", "--dataset", "rerank:4x5", "--threads", "1"];
    let args = run::infa(args).args(["--load", "offline", "--rounds", "1", "--warm-up", "0s", "-m"]).arg(model);
    let (ran, report) = report(args);
    ran.status(0);
    let ranking = engine(&report, "onnx:int8").fidelity.as_ref().unwrap().ranking.as_ref().unwrap();
    assert_eq!((ranking.queries, ranking.tau.len()), (4, 4));
    assert_eq!(engine(&report, "onnx").fidelity.as_ref().unwrap().ranking.as_ref().unwrap().tau_min, Some(1.0));
}

#[test]
fn sweeps_and_searches_leave_a_curve() {
    let (ran, sweep) = report(bench("onnx", ["--load", "sweep:clients:1-4", "--requests", "8"]));
    ran.status(0);
    let curve = engine(&sweep, "onnx").curve.as_ref().unwrap();
    assert_eq!((curve.kind, curve.steps[0].load), (CurveKind::Concurrency, 1.0));
    assert!(curve.steps.iter().all(|step| step.requests_per_second.unwrap() > 0.0), "{curve:?}");
    assert_eq!(engine(&sweep, "onnx").state, EngineState::Once);
    let (ran, search) = report(bench("onnx", ["--load", "search:p99<1h", "--requests", "3"]));
    ran.status(0);
    let curve = engine(&search, "onnx").curve.as_ref().unwrap();
    // Three requests are answered within an hour at any rate.
    assert_eq!((curve.kind, curve.stop.as_str()), (CurveKind::Search, "limit"));
    assert!(curve.held.unwrap().holds.unwrap() >= 1e6, "{curve:?}");
}

#[test]
fn a_file_of_the_users_and_an_open_loop() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("texts.jsonl");
    std::fs::write(&path, "{\"text\":\"the sea\"}\n{\"text\":\"\"}\n{\"text\":\"a harbour and a sea\"}\n").unwrap();
    let dataset = format!("file={}", path.display());
    let (ran, report) = report(bench("onnx", ["--rate", "200", "--rounds", "1", "--dataset", &dataset]));
    assert!(
        ran.err.contains("warning: ") && ran.err.contains("texts.jsonl: left out 1 row without text\n"),
        "{}",
        ran.err
    );
    ran.status(0);
    assert_eq!((report.workload.texts, report.workload.load.as_str()), (2, "poisson:200"));
    assert_eq!(engine(&report, "onnx").answered, 6);
}

#[test]
fn weights_may_be_copied() {
    let (_, found) = report(bench("onnx", ["--rounds", "1", "--copy-weights"]));
    assert_eq!(engine(&found, "onnx").details.get("weights").map(String::as_str), Some("copied"));
    let (_, mapped) = report(bench("onnx", ["--rounds", "1"]));
    assert_eq!(engine(&mapped, "onnx").details.get("weights"), None);
    // Servers have a flag of their own.
    let ran = bench("tei=http://127.0.0.1:9", ["--copy-weights", "--dry-run"]).run().status(0);
    assert!(ran.text().contains("--copy-weights change nothing"), "{}", ran.text());
}
