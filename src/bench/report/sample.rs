//! Reports for tests.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::bench::dataset::LengthHistogram;
use crate::report::Figure;
use crate::report::snapshots::compare_in;
use crate::stats::fidelity::{Agreement, InvarianceReport, Norms, RankingReport, VectorReport};

/// Compares with a file below `tests/fixtures/bench-report`, or writes it if `INFA_UPDATE_SNAPSHOTS` is set.
pub(crate) fn compare(name: &str, found: &str) {
    compare_in("bench-report", name, found);
}

/// The figure of three rounds that differ by 1 %.
pub(crate) fn figure(median: f64) -> Figure {
    let (min, max) = (median * 0.99, median * 1.0125);
    Figure { median, min, max, interval: Some((min, max)), count: 3 }
}

/// A stable engine with a rate in tokens a second; the texts have 32,000 tokens, and the baseline makes 2,000 a second.
pub(crate) fn engine(name: &str, rate: f64) -> EngineReport {
    let round = |round| RoundReport {
        round,
        seconds: 32_000.0 / rate,
        requests: 200,
        requests_per_second: Some(rate / 160.0),
        inputs_per_second: Some(rate / 16.0),
        tokens_per_second: Some(rate),
        mean_ms: Some(60_000.0 / rate),
        p50_ms: Some(50_000.0 / rate),
        p99_ms: Some(200_000.0 / rate),
        lateness_p99_ms: Some(0.25),
        ..RoundReport::default()
    };
    EngineReport {
        name: name.to_owned(),
        spec: name.to_owned(),
        version: Some("1.2.3".to_owned()),
        details: [("dtype", "float32"), ("threads", "2")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        state: EngineState::Stable { half_width: 0.0125 },
        load_seconds: Some(0.75),
        first_answer_seconds: Some(0.0625),
        figures: Figures {
            seconds: Some(figure(32_000.0 / rate)),
            requests_per_second: Some(figure(rate / 160.0)),
            inputs_per_second: Some(figure(rate / 16.0)),
            tokens_per_second: Some(figure(rate)),
            mean_ms: Some(figure(60_000.0 / rate)),
            p50_ms: Some(figure(50_000.0 / rate)),
            p90_ms: Some(figure(100_000.0 / rate)),
            p95_ms: Some(figure(125_000.0 / rate)),
            p99_ms: Some(figure(200_000.0 / rate)),
            max_ms: Some(figure(400_000.0 / rate)),
            speed_up: Some(figure(rate / 2000.0)),
            gflops: Some(figure(rate / 64.0)),
            gemm_share: Some(figure(rate / 32_000.0)),
            dollars_per_million_tokens: Some(figure(64.0 / rate)),
            joules_per_million_tokens: None,
        },
        rounds: (0..3).map(round).collect(),
        latencies: [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0]
            .map(|quantile: f64| LatencyPoint { quantile, ms: 40_000.0 / rate / (1.125 - quantile) })
            .into(),
        answered: 600,
        dropped: 0,
        failures: vec![],
        tokens: Tokens { counted: Some(96_000), reported: Some(96_000), truncated: Some(0) },
        resources: Resources {
            peak_memory_bytes: Some(400 << 20),
            peak_gpu_memory_bytes: None,
            cpu_cores: Some(1.875),
        },
        fidelity: Some(vectors(0.999_75, 0.999_875)),
        curve: None,
    }
}

fn vectors(cosine_min: f64, cosine_mean: f64) -> Fidelity {
    let agreement = Agreement {
        compared: 64,
        cosine_min,
        cosine_p1: cosine_min,
        cosine_mean,
        max_difference: 0.0078125,
        norm_drift_max: 0.0,
        norm_drift_mean: 0.0,
    };
    let norms = Norms { deviation_max: 0.0, deviation_mean: 0.0 };
    Fidelity {
        vectors: Some(VectorReport {
            pairs: 64,
            sample: Some("9c1f0a52d3e4b687".to_owned()),
            agreement: Some(agreement),
            norms: Some(norms),
            ..VectorReport::default()
        }),
        ranking: None,
        invariance: Some(InvarianceReport {
            pairs: 16,
            identical: 16,
            incomparable: 0,
            max_difference: Some(0.0),
            cosine_min: Some(1.0),
        }),
    }
}

/// A run of these engines.
pub(crate) fn of(engines: Vec<EngineReport>) -> Report {
    let lengths: Vec<usize> = (0..2000).map(|at| 8 + at % 17).collect();
    let names: Vec<String> = engines.iter().map(|engine| engine.name.clone()).collect();
    Report {
        schema_version: SCHEMA_VERSION,
        infa: "0.1.0".to_owned(),
        title: Some("bge-small on a CPU".to_owned()),
        config: Some("cpu-bge-small".to_owned()),
        started: "2026-11-21T20:00:00Z".to_owned(),
        seconds: 754.0,
        command: ["infa", "bench", "bench-configs/cpu-bge-small.toml"].map(str::to_owned).into(),
        machine: Machine {
            system: "Linux 6.1".to_owned(),
            architecture: "x86_64".to_owned(),
            cpu: Some("AMD EPYC 9B14".to_owned()),
            cpu_flags: ["avx2", "avx512f", "avx512_vnni"].map(str::to_owned).into(),
            cores_allowed: 2,
            cores: 4,
            memory_bytes: 16 << 30,
            virtual_machine: Some(true),
            load_average: Some([0.5, 0.25, 0.125]),
            gemm_gflops: Some(500.0),
            onnxruntime: Some("1.24.1".to_owned()),
            gpus: vec![],
        },
        model: ModelReport {
            id: "BAAI/bge-small-en-v1.5".to_owned(),
            revision: Some("5c38ec7c405ec4b44b94cc5a9bb96e735b38267a".to_owned()),
            architecture: Some("bert".to_owned()),
            dimensions: Some(384),
            max_length: Some(512),
            flop_per_token: Some(42_467_328.0),
            attention_flop_per_token_and_position: Some(18_432.0),
            files: vec![FileHash {
                name: "model.safetensors".to_owned(),
                bytes: 133_466_304,
                sha256: "3c9f31".to_owned(),
            }],
        },
        workload: Workload {
            task: Task::Embed,
            dataset: "words:tokens=16,texts=2000".to_owned(),
            seed: 42,
            texts: 2000,
            distinct: 1998,
            inputs_per_request: 10,
            requests: 200,
            load: "8 clients".to_owned(),
            end: "200 requests".to_owned(),
            rounds: (3, 10),
            stable: 0.02,
            tokenizer: Some("BAAI/bge-small-en-v1.5".to_owned()),
            lengths: LengthHistogram::of(&lengths, Some(512)),
        },
        baseline: names.first().cloned(),
        reference: names.first().cloned(),
        machine_cost_per_hour: Some(0.25),
        order: vec![names],
        engines,
        interrupted: false,
        notes: vec!["The weights are random: the speed is that of trained ones.".to_owned()],
        all_columns: false,
    }
}

/// Eight engines on a CPU: one is unstable, one has wrong vectors, one could not be started.
pub(crate) fn engines() -> Report {
    let mut torch = engine("torch", 2_000.0);
    torch.figures.speed_up = None;
    torch.fidelity = Some(vectors(1.0, 1.0));
    let mut int8 = engine("onnx:int8", 22_100.0);
    int8.fidelity = Some(vectors(0.9801, 0.9942));
    int8.resources.peak_memory_bytes = Some(1_200_000_000);
    let mut openvino = engine("openvino", 8_023.0);
    openvino.state = EngineState::Unstable { half_width: Some(0.084) };
    let mut infinity = engine("infinity=http://127.0.0.1:7997", 5_760.0);
    infinity.tokens.reported = Some(104_000);
    infinity.figures.gflops = None;
    infinity.fidelity.as_mut().unwrap().invariance = Some(InvarianceReport {
        pairs: 16,
        identical: 1,
        incomparable: 0,
        max_difference: Some(0.000_25),
        cosine_min: Some(0.999_96),
    });
    infinity.failures =
        vec![FailureReport { kind: "status 500".to_owned(), count: 2, example: "HTTP 500: out of memory".to_owned() }];
    let mut fastembed = engine("fastembed", 5_290.0);
    fastembed.tokens.truncated = Some(12);
    let failed = lost(
        "tei",
        "start",
        "not available",
        "text-embeddings-router is not on the PATH; build it, or name a server that runs: tei=http://HOST:PORT",
    );
    of(vec![
        torch,
        engine("onnx", 8_700.0),
        int8,
        openvino,
        engine("ctranslate2", 7_352.0),
        fastembed,
        infinity,
        failed,
    ])
}

fn lost(name: &str, stage: &str, kind: &str, message: &str) -> EngineReport {
    EngineReport {
        state: EngineState::Failed { stage: stage.to_owned(), kind: kind.to_owned(), message: message.to_owned() },
        ..EngineReport::new(name, format!("{name}=http://127.0.0.1:9"))
    }
}

/// No engine was measured to its end.
pub(crate) fn failures() -> Report {
    let mut died =
        lost("ctranslate2", "round 3", "the worker ended", "the worker ended with signal 9 (SIGKILL): killed");
    died.figures.tokens_per_second = Some(Figure { interval: None, count: 1, ..figure(7000.0) });
    died.answered = 400;
    died.failures =
        vec![FailureReport { kind: "the worker ended".to_owned(), count: 8, example: "the worker ended".to_owned() }];
    let mut busy = lost("cohere", "warm-up", "status 429", "HTTP 429: rate limit");
    busy.dropped = 3;
    busy.failures = vec![
        FailureReport { kind: "status 429".to_owned(), count: 1000, example: "HTTP 429: rate limit".to_owned() },
        FailureReport { kind: "timeout".to_owned(), count: 1, example: "no complete reply within 30s".to_owned() },
    ];
    let mut waiting = lost("openai", "", "", "");
    waiting.state = EngineState::NotMeasured;
    let mut report = of(vec![lost("tei", "first request", "no connection", "connection refused"), died, busy, waiting]);
    report.interrupted = true;
    report
}

/// A sweep and a search.
pub(crate) fn sweep() -> Report {
    let step = |load: f64, rate: f64| CurveStep {
        load,
        requests_per_second: Some(rate),
        inputs_per_second: Some(rate * 10.0),
        tokens_per_second: Some(rate * 160.0),
        p50_ms: Some(1000.0 * load / rate),
        p99_ms: Some(2500.0 * load / rate),
        max_ms: Some(4000.0 * load / rate),
        failure_rate: 0.0,
    };
    let mut onnx = lost("onnx", "", "", "");
    onnx.state = EngineState::Once;
    onnx.answered = 9000;
    let steps: Vec<_> =
        [(1.0, 30.0), (2.0, 58.0), (4.0, 60.0), (8.0, 61.0), (16.0, 60.5)].map(|(load, rate)| step(load, rate)).into();
    onnx.curve =
        Some(Curve { kind: CurveKind::Concurrency, steps, best: Some(3), held: None, stop: "found".to_owned() });
    let mut infinity = lost("infinity", "", "", "");
    infinity.state = EngineState::Once;
    infinity.answered = 4000;
    let mut steps: Vec<_> =
        [(10.0, 10.0), (20.0, 20.0), (40.0, 31.0), (30.0, 29.5)].map(|(load, rate)| step(load, rate)).into();
    steps[2].failure_rate = 0.125;
    infinity.curve = Some(Curve {
        kind: CurveKind::Search,
        steps,
        best: None,
        held: Some(HeldRate { quantile: 0.99, latency_ms: 2600.0, holds: Some(30.0), fails: Some(40.0) }),
        stop: "limit".to_owned(),
    });
    of(vec![onnx, infinity])
}

/// Rankings instead of vectors.
pub(crate) fn rerank() -> Report {
    let ranked = |name, rate, least, mean, overlap| {
        let mut engine = engine(name, rate);
        let ranking = RankingReport {
            queries: 3,
            sample: Some("1b7e44d09a3c5f21".to_owned()),
            tau: vec![Some(mean), Some(least), None],
            tau_mean: Some(mean),
            tau_min: Some(least),
            top_k: 10,
            overlap_mean: Some(1.0),
            overlap_min: Some(overlap),
            max_difference: Some(0.125),
            ..RankingReport::default()
        };
        engine.fidelity = Some(Fidelity { vectors: None, ranking: Some(ranking), invariance: None });
        engine
    };
    let mut report = of(vec![ranked("torch", 2000.0, 1.0, 1.0, 1.0), ranked("onnx:int8", 9000.0, 0.75, 0.9375, 0.8)]);
    report.workload.task = Task::Rerank;
    report
}

/// The characters that a peer, a file or a command line can put into a report.
pub(crate) const HOSTILE: &str =
    "<script>alert(1)</script></style></title>--> \"'`&|\\ \x1b[2J\u{9b}\0\u{202e}\r\n=1+1 _x_ @me";

/// A report whose every text is hostile, except those of the format itself.
pub(crate) fn hostile() -> Report {
    fn replace(value: &mut serde_json::Value, key: &str) {
        match value {
            serde_json::Value::String(text)
                if !["state", "task"].contains(&key) && !["concurrency", "search"].contains(&text.as_str()) =>
            {
                // Names stay distinct.
                *text = format!("{HOSTILE}{text}");
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(|value| replace(value, key)),
            serde_json::Value::Object(fields) => {
                let map = key == "details";
                let taken = std::mem::take(fields);
                for (key, mut value) in taken {
                    replace(&mut value, &key);
                    fields.insert(if map { format!("{HOSTILE}{key}") } else { key }, value);
                }
            }
            _ => {}
        }
    }
    let mut engines = engines().engines;
    engines.extend(failures().engines);
    engines.extend(sweep().engines);
    engines.extend(rerank().engines);
    let mut report = of(engines);
    report.machine.gpus = vec![gpu()];
    let mut json = serde_json::to_value(report).unwrap();
    replace(&mut json, "");
    serde_json::from_value(json).unwrap()
}

fn gpu() -> Gpu {
    Gpu {
        name: "NVIDIA L4".to_owned(),
        memory_bytes: 24 << 30,
        driver: "580.1".to_owned(),
        cuda: Some("13.0".to_owned()),
    }
}

/// A report with all kinds of results.
pub(crate) fn full() -> Report {
    let mut report = engines();
    report.engines.extend(rerank().engines);
    report.engines.extend(sweep().engines);
    report.engines.extend(failures().engines);
    report.machine.gpus = vec![gpu()];
    report
}
