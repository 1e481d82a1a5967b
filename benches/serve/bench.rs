//! What all scenarios work with: the texts, and `infa embed` to compare with.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rayon::prelude::*;
use serde::Deserialize;
use tempfile::TempDir;

use crate::Args;
use crate::pool::Pool;
use crate::shared::process::{embed_times, find_library, without_settings};

/// One invocation of the benchmark.
pub(crate) struct Bench {
    pub args: Args,
    pub library: PathBuf,
    /// All texts, in the file's order.
    pub texts: Vec<String>,
    folder: TempDir,
}

/// What `infa embed` made of some texts.
pub(crate) struct Offline {
    /// From the first text read to the last row written; the model was loaded before.
    pub seconds: f64,
    pub rows: Vec<Line>,
}

/// A line of its output.
#[derive(Deserialize)]
pub(crate) struct Line {
    pub embedding: Vec<f32>,
    pub tokens: usize,
}

impl Bench {
    pub(crate) fn new(args: Args) -> Result<Self> {
        let file = args.texts.clone().unwrap_or_else(|| args.model.join("texts.txt"));
        let texts = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let count = args.count.unwrap_or(usize::MAX);
        let texts: Vec<String> = texts.lines().filter(|text| !text.is_empty()).take(count).map(String::from).collect();
        ensure!(!texts.is_empty(), "{} is empty", file.display());
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        Ok(Self { args, library: find_library()?, texts, folder })
    }

    /// A folder that goes when the benchmark ends.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `infa`, as a program, with this model; flags may follow.
    pub(crate) fn infa(&self, command: &str, model: &Path) -> Command {
        let mut infa = Command::new(env!("CARGO_BIN_EXE_infa"));
        infa.env("ORT_DYLIB_PATH", &self.library).stdin(Stdio::null()).stdout(Stdio::null());
        without_settings(&mut infa);
        infa.arg(command).arg("--model-id").arg(model).arg("--offline");
        infa.args(["--dtype", &self.args.dtype, "--threads", &self.args.threads.to_string()]);
        infa
    }

    /// `infa embed` on these texts, as JSON lines to a file. Blocks.
    pub(crate) fn offline(&self, texts: &[String]) -> Result<Offline> {
        self.offline_with(&self.args.model, texts)
    }

    /// The same with another model.
    pub(crate) fn offline_with(&self, model: &Path, texts: &[String]) -> Result<Offline> {
        let (input, output) = (self.folder().join("texts.txt"), self.folder().join("vectors.jsonl"));
        std::fs::write(&input, texts.join("\n"))?;
        // What an earlier run wrote must not be taken for this one's.
        if output.exists() {
            std::fs::remove_file(&output)?;
        }
        let mut embed = self.infa("embed", model);
        let ran = embed.arg("--output").arg(&output).arg(&input).stderr(Stdio::piped()).output()?;
        let reported = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.success(), "infa embed failed:\n{reported}");
        let (seconds, _) = embed_times(&reported).with_context(|| format!("infa embed: no times in:\n{reported}"))?;
        let lines = std::fs::read_to_string(&output)?;
        let lines: Vec<&str> = lines.lines().collect();
        ensure!(lines.len() == texts.len(), "infa embed: {} vectors of {} texts", lines.len(), texts.len());
        let rows = lines.par_iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?;
        Ok(Offline { seconds, rows })
    }

    /// The texts, with the vectors that replies are compared with. Blocks.
    pub(crate) fn pool(&self, texts: Vec<String>) -> Result<Pool> {
        let rows = self.offline(&texts)?.rows;
        Pool::new(texts, rows, self.args.dtype == "int8")
    }
}
