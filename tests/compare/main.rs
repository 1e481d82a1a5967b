//! `infa compare` on result files, the whole binary: verdicts, thresholds, outputs, and files that are none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../cli/run.rs"]
#[allow(dead_code)]
mod run;

#[path = "../remote/fake.rs"]
#[allow(dead_code)]
mod fake;

mod broken;
mod engines;
mod exports;
mod kinds;
mod thresholds;
mod vectors;

use std::path::{Path, PathBuf};

use run::Infa;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// A run of one engine with these rounds of tokens a second.
pub(crate) fn report(rates: &[f64]) -> Json {
    let rounds: Vec<Json> = rates
        .iter()
        .enumerate()
        .map(|(round, rate)| {
            json!({
                "round": round, "seconds": 10.0, "requests": 100, "failed": 0, "window": false,
                "tokens_per_second": rate, "requests_per_second": rate / 100.0,
                "p50_ms": 1e5 / rate, "p99_ms": 3e5 / rate,
            })
        })
        .collect();
    json!({
        "schema_version": 1,
        "infa": "0.1.0",
        "started": format!("2026-11-21T20:00:{:02}Z", rates.len()),
        "seconds": 60.0,
        "command": ["infa", "bench"],
        "machine": {
            "system": "Linux", "architecture": "x86_64", "cpu": "A processor", "cpu_flags": ["avx2"],
            "cores_allowed": 2, "cores": 2, "memory_bytes": 1u64 << 33, "gpus": [],
        },
        "model": {"id": "a/model", "files": [{"name": "model.safetensors", "bytes": 1, "sha256": "00"}]},
        "workload": {
            "task": "embed", "dataset": "words", "seed": 0, "texts": 10, "distinct": 10, "inputs_per_request": 1,
            "requests": 10, "load": "4 clients", "end": "10 requests", "rounds": [3, 10], "stable": 0.02,
        },
        "engines": [{
            "name": "onnx", "spec": "onnx", "details": {}, "state": {"state": "stable", "half_width": 0.01},
            "figures": {}, "rounds": rounds, "latencies": [], "answered": 100, "dropped": 0, "failures": [],
            "tokens": {}, "resources": {"peak_memory_bytes": 1u64 << 28},
            "fidelity": {"vectors": {
                "pairs": 64, "nan": 0, "infinite": 0, "zero": 0, "dimension_mismatches": 0, "unsound_references": 0,
                "agreement": {
                    "compared": 64, "cosine_min": 0.9995, "cosine_p1": 0.9996, "cosine_mean": 0.9999,
                    "max_difference": 0.001, "norm_drift_max": 0.0, "norm_drift_mean": 0.0,
                },
            }},
        }],
        "order": [], "interrupted": false, "notes": [],
    })
}

/// Ten rounds of this rate that differ by about 1 %.
pub(crate) fn noisy(rate: f64) -> Vec<f64> {
    [1.002, 0.988, 1.011, 0.994, 1.006, 0.985, 1.013, 0.999, 1.008, 0.992].map(|noise| rate * noise).into()
}

/// Files in a directory of their own.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn temporary() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn report(&self, name: &str, report: &Json) -> PathBuf {
        self.write(name, report.to_string())
    }
}

/// `infa compare` of these files.
pub(crate) fn compare<P: AsRef<Path>>(files: &[P]) -> Infa {
    run::infa(["compare"]).args(files.iter().map(|file| file.as_ref()))
}
