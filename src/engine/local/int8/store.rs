//! Quantised weights in the cache: `int8/<hash of the model's weights>/<hash of all else>/`, with a report.
//!
//! What cannot be read is made anew; where nothing can be written, nothing is kept, and one warning says so.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::calibration::Texts;
use super::report::Report;
use crate::engine::local::weights_hash::hash_of;
use crate::fetch::digest::{Hasher, sha256_file};
use crate::fetch::{Cancel, publish, readable_by_all, staging_directory};
use crate::graph::int8::file::Quantised;
use crate::graph::int8::{Arithmetic, Int8Weights, VERSION};
use crate::graph::{GraphError, Request};
use crate::model::Model;
use crate::model::weights::{Access, Weights};
use crate::regular_file;

/// The part of the cache.
const ROOM: &str = "int8";
const WEIGHTS: &str = "weights.safetensors";
const REPORT: &str = "report.json";
/// Digits of a hash that name a directory.
const DIGITS: usize = 24;

/// The place of one model's quantised weights.
pub(super) struct Store {
    dir: PathBuf,
    access: Access,
}

/// The content of a place.
pub(super) struct Found {
    pub dir: PathBuf,
    pub weights: Int8Weights,
    pub report: Report,
}

/// Quantised weights on their way to their place.
pub(super) struct Staged<'s> {
    store: &'s Store,
    dir: tempfile::TempDir,
}

impl Store {
    /// The place below `cache` of everything that decides about the weights.
    pub(crate) fn new(
        cache: &Path,
        model: &Model,
        weights: &Weights,
        request: &Request,
        texts: &Texts,
        arithmetic: Arithmetic,
        access: Access,
    ) -> Self {
        let mut hasher = Hasher::new();
        // Without the instruction set: its numbers are those of all of them.
        let Request { output, token_types, attention_mask, operators, kernels: _, precision: _, padded: _ } = *request;
        let graph = format!("{output:?} {token_types} {attention_mask} {operators:?}");
        let settings = format!("{VERSION} {} {graph} {:?} {}", arithmetic.name(), model.adapter, model.config);
        hasher.update(settings.as_bytes());
        for tokens in texts.calibration.iter().chain(&texts.check) {
            for id in tokens.ids.iter().chain(&tokens.types).chain(&[-1]) {
                hasher.update(&id.to_le_bytes());
            }
        }
        Self { dir: of_model(cache, weights).join(&hasher.finish()[..DIGITS]), access }
    }

    /// The stored weights, if they are complete.
    pub(crate) fn find(&self) -> Option<Found> {
        self.look().unwrap_or_else(|reason| {
            tracing::warn!("{} cannot be used, and is made anew: {reason}", self.dir.display());
            None
        })
    }

    /// The stored weights, or the reason that they cannot be used.
    fn look(&self) -> Result<Option<Found>, String> {
        let report = match regular_file::read(&self.dir.join(REPORT), regular_file::SETTINGS) {
            Ok(report) => report,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.to_string()),
        };
        let report: Report = serde_json::from_slice(&report).map_err(|e| format!("{REPORT}: {e}"))?;
        let path = self.dir.join(WEIGHTS);
        let sum = sha256_file(&path, &Cancel::new()).map_err(|e| e.to_string())?;
        if sum != report.sha256 {
            return Err(format!("{WEIGHTS} has another SHA-256 than {REPORT} says"));
        }
        let weights = Weights::open_by(&path, self.access).and_then(|file| Int8Weights::read(&file));
        let weights = weights.map_err(|e| e.to_string())?;
        Ok(Some(Found { dir: self.dir.clone(), weights, report }))
    }

    /// Writes the weights beside their place.
    pub(crate) fn stage(&self, quantised: &Quantised) -> Option<Staged<'_>> {
        let stage = || -> Result<_, String> {
            let dir = staging_directory(&self.dir).map_err(|e| e.to_string())?;
            let path = dir.path().join(WEIGHTS);
            quantised.write(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let finish = |file: File| {
                // The safetensors crate writes a temporary file, which only its owner may read.
                readable_by_all(&file)?;
                // Synced before the report is written; otherwise the weights could be incomplete after a crash.
                file.sync_all()
            };
            File::open(&path).and_then(finish).map_err(|e| format!("{}: {e}", path.display()))?;
            Ok(Staged { store: self, dir })
        };
        stage().map_err(|e| not_kept(&e)).ok()
    }
}

impl Staged<'_> {
    pub(crate) fn weights(&self) -> Result<Int8Weights, GraphError> {
        Ok(Int8Weights::read(&Weights::open(&self.dir.path().join(WEIGHTS))?)?)
    }

    /// Puts the weights in their place, with `report`.
    pub(crate) fn publish(self, report: &Report) -> Option<Found> {
        let publish = || -> Result<(), String> {
            let sha256 = sha256_file(&self.dir.path().join(WEIGHTS), &Cancel::new()).map_err(|e| e.to_string())?;
            let report = Report { sha256, ..report.clone() };
            // If another process was faster, its files may be in use, and are equal.
            if matches!(self.store.look(), Ok(Some(there)) if there.report.sha256 == report.sha256) {
                return Ok(());
            }
            let text = serde_json::to_vec_pretty(&report).map_err(|e| e.to_string())?;
            std::fs::write(self.dir.path().join(REPORT), text).map_err(|e| e.to_string())?;
            publish(self.dir, &self.store.dir).map_err(|e| e.to_string())
        };
        publish().map_err(|e| not_kept(&e)).ok()?;
        self.store.find()
    }
}

fn not_kept(reason: &str) {
    tracing::warn!("the int8 weights cannot be kept in the cache, and are made anew each time: {reason}");
}

/// The folder of a model's quantised weights, for all outputs.
fn of_model(cache: &Path, weights: &Weights) -> PathBuf {
    cache.join(ROOM).join(&hash_of(weights)[..DIGITS])
}

/// The reports of what there is in `cache` of the model with these `weights`, made by this version.
pub(crate) fn reports(cache: &Path, weights: &Weights) -> Vec<Report> {
    if !cache.join(ROOM).is_dir() || crate::threads::start_pool().is_err() {
        // Nothing to hash the weights for, or with.
        return Vec::new();
    }
    let Ok(entries) = std::fs::read_dir(of_model(cache, weights)) else { return Vec::new() };
    let mut reports: Vec<Report> = entries
        .filter_map(|entry| {
            let report = entry.ok()?.path().join(REPORT);
            serde_json::from_slice(&regular_file::read(&report, regular_file::SETTINGS).ok()?).ok()
        })
        .filter(|report: &Report| report.version == VERSION)
        .collect();
    reports.sort_by(|a, b| (&a.output, a.own_texts).cmp(&(&b.output, b.own_texts)));
    reports
}
