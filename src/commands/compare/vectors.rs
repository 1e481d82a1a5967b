//! Saved vectors against one another: files → comparison → table, exports.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::super::exports::Exports;
use super::{Error, Outcome, World};
use crate::cli::CompareArgs;
use crate::compare::vectors::{
    self, SCHEMA_VERSION, VectorRow, VectorSet, VectorSetReport, VectorThreshold, VectorsReport,
};
use crate::input::vectors::{SavedRow, SavedVectors, read};

/// Bytes of a file that tell a result file from one of vectors.
const HEAD: u64 = 4096;

/// Whether these are files of vectors, rather than results of runs: one is, by its extension or else by its first bytes,
/// and none is a result file.
pub(super) fn are_in(files: &[PathBuf]) -> bool {
    let kinds: Vec<Kind> = files.iter().map(|file| Kind::of(file)).collect();
    kinds.contains(&Kind::Vectors) && !kinds.contains(&Kind::Run)
}

#[derive(PartialEq)]
enum Kind {
    Vectors,
    Run,
    Unknown,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("npy" | "npz" | "jsonl" | "ndjson" | "csv" | "parquet") => return Self::Vectors,
            // What is no regular file can be read once only.
            _ if !path.is_file() => return Self::Unknown,
            _ => {}
        }
        let mut head = Vec::new();
        // What cannot be read is said when it is read.
        let _ = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        let text = String::from_utf8_lossy(&head);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with('{') && text.contains("\"schema_version\"") {
            Self::Run
        } else if head.starts_with(b"\x93NUMPY")
            || head.starts_with(b"PAR1")
            || (text.starts_with(['{', '[']) && text.contains("\"embedding\""))
        {
            Self::Vectors
        } else {
            Self::Unknown
        }
    }
}

/// Compares the first file with each of the others.
pub(super) fn run(args: CompareArgs, world: &World) -> Result<Outcome, Error> {
    let CompareArgs { files, base, baseline, fail_if, force: _, metrics, exports, asked: _ } = args;
    let wrong = |flag, reason: &str| Error::Flag { flag, reason: reason.to_owned() };
    for (flag, given) in
        [("--base", !base.is_empty()), ("--baseline", baseline.is_some()), ("--metrics", !metrics.is_empty())]
    {
        if given {
            return Err(wrong(flag, "it is for result files, and these are saved vectors"));
        }
    }
    let thresholds = fail_if.into_iter().map(|fail_if| fail_if.vectors.map_err(|reason| wrong("--fail-if", reason)));
    let thresholds: Vec<VectorThreshold> = thresholds.collect::<Result<_, _>>()?;
    let exports = Exports::of_report(exports, vectors::json, vectors::document)?;
    let report = compare(&files, world)?;
    exports.finish(&report, vectors::document, world)?;
    Ok(judge(&thresholds, &report, world))
}

/// The last words, and the exit status.
fn judge(thresholds: &[VectorThreshold], report: &VectorsReport, world: &World) -> Outcome {
    let mut outcome = Outcome::Done;
    for (threshold, comparison) in thresholds.iter().flat_map(|t| report.comparisons.iter().map(move |c| (t, c))) {
        if let (true, figure) = threshold.crossed(comparison) {
            outcome = Outcome::ThresholdCrossed;
            let figure = figure.map_or_else(|| "it is not known".to_owned(), |figure| figure.to_string());
            let line = format!("{threshold}: crossed by {}: {figure}", comparison.candidate.name);
            world.bars.printer().error(&line, None);
        }
    }
    outcome
}

/// Of the others one at a time is in memory.
fn compare(files: &[PathBuf], world: &World) -> Result<VectorsReport, Error> {
    let [first, others @ ..] = files else {
        return Err(Error::Flag { flag: "FILE", reason: "no file to compare".into() });
    };
    if others.is_empty() {
        let reason = "vectors are compared with those of another file: name a second one";
        return Err(Error::Flag { flag: "FILE", reason: reason.into() });
    }
    let reference = set(read(first)?);
    let mut comparisons = Vec::with_capacity(others.len());
    for file in others {
        let candidate = set(read(file)?);
        comparisons.push(vectors::compare(&reference, &candidate)?);
        if world.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
    }
    let (infa, reference) = (env!("CARGO_PKG_VERSION").to_owned(), VectorSetReport::of(&reference));
    Ok(VectorsReport { schema_version: SCHEMA_VERSION, infa, reference, comparisons, thresholds: Vec::new() })
}

fn set(saved: SavedVectors) -> VectorSet {
    let SavedVectors { name, rows, numbers } = saved;
    let row = |SavedRow { index, id, place }| VectorRow { index, id, place };
    VectorSet { name, rows: rows.into_iter().map(row).collect(), numbers }
}
