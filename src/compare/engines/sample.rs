//! A report for tests.

use super::report::{EngineChecked, EngineThresholdReport};
use super::{
    EngineOnTexts, EngineOutcome, EnginesReport, EnginesTask, EnginesWorkload, SCHEMA_VERSION, Stability,
    VectorStability,
};
use crate::bench::report::sample;
use crate::compare::vectors::{VectorRow, VectorSet, VectorSetReport, compare_in_order};
use crate::stats::fidelity::InvarianceReport;

const DIMENSIONS: usize = 16;

/// Vectors with noise of this size.
fn set(name: &str, noise: f32) -> VectorSet {
    let (mut base, mut rng) = (fastrand::Rng::with_seed(1), fastrand::Rng::with_seed(2));
    let numbers: Vec<f32> = (0..200 * DIMENSIONS).map(|_| base.f32() - 0.5 + noise * (rng.f32() - 0.5)).collect();
    let row = |at: usize| VectorRow {
        index: None,
        id: None,
        text: None,
        place: Some(at * DIMENSIONS..(at + 1) * DIMENSIONS),
    };
    VectorSet { name: name.into(), rows: (0..200).map(row).collect(), numbers }
}

/// Two engines beside the reference, and two that have nothing to show.
pub(super) fn report() -> EnginesReport {
    let run = sample::of(vec![]);
    let reference = set("torch", 0.0);
    let engine = |name: &str, noise: f32, rate: f64| {
        let mut engine = EngineOnTexts::new(name.to_owned(), name.to_owned());
        let vectors = set(name, noise);
        engine.outcome = EngineOutcome::Answered;
        engine.version = Some("1.2.3".to_owned());
        engine.details.insert("dtype".to_owned(), "float32".to_owned());
        (engine.load_seconds, engine.inputs_per_s, engine.tokens_per_s) = (Some(1.5), Some(rate), Some(9.0 * rate));
        engine.vectors = Some(VectorSetReport::of(&vectors));
        engine.against = (noise > 0.0).then(|| compare_in_order(&reference, &vectors));
        let same = InvarianceReport { pairs: 16, identical: 16, cosine_min: Some(1.0), ..Default::default() };
        engine.stability = Some(Stability::Vectors(VectorStability { alone: same.clone(), concurrent: same }));
        engine
    };
    let mut failed = EngineOnTexts::new("tei".to_owned(), "tei=http://127.0.0.1:9".to_owned());
    failed.outcome = EngineOutcome::Failed {
        stage: "start".to_owned(),
        kind: "no connection".to_owned(),
        message: "connection refused".to_owned(),
    };
    let checked =
        |engine: &str, crossed| EngineChecked { engine: engine.to_owned(), crossed, found: "0.98".into(), doubt: None };
    EnginesReport {
        schema_version: SCHEMA_VERSION,
        infa: "0.1.0".to_owned(),
        started: run.started,
        seconds: 12.0,
        interrupted: false,
        machine: run.machine,
        model: run.model,
        workload: EnginesWorkload {
            task: EnginesTask::Embed,
            files: vec!["texts.txt".to_owned()],
            inputs: 200,
            documents: None,
            batch: 32,
            concurrency: 4,
            samples: 16,
            seed: 7,
            lengths: None,
        },
        reference: Some("torch".to_owned()),
        engines: vec![
            engine("torch", 0.0, 100.0),
            engine("onnx", 1e-4, 400.0),
            engine("onnx:int8", 0.08, 900.0),
            failed,
            EngineOnTexts::new("ollama".to_owned(), "ollama".to_owned()),
        ],
        thresholds: vec![EngineThresholdReport {
            threshold: "cosine_min<0.999".to_owned(),
            checked: vec![checked("onnx", Some(false)), checked("onnx:int8", Some(true)), checked("tei", None)],
        }],
        warnings: vec!["tei failed".to_owned()],
    }
}
