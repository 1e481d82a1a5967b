//! One of those that are compared: a program that embeds the texts, run as a process.

use std::ffi::OsString;
use std::io::Read as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::Args;
use crate::shared::process::{embed_times, without_settings};
use crate::stock::Kind;
use crate::workload::{Agreement, Workload};

/// A program and its arguments.
pub(crate) struct Side {
    pub name: String,
    /// Whether it is infa, and not a baseline.
    pub ours: bool,
    pub int8: bool,
    /// Whether its vectors must be those of stock float32.
    pub exact: bool,
    /// The file it writes.
    pub output: PathBuf,
    library: PathBuf,
    program: PathBuf,
    arguments: Vec<OsString>,
}

/// What one run took.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// From the first text read to the last row written.
    pub seconds: f64,
    /// Until the model was loaded.
    pub load: f64,
    /// The whole process.
    pub whole: f64,
    /// Peak resident memory in MiB.
    pub memory: f64,
    pub agreement: Agreement,
}

impl Side {
    pub(crate) fn infa(
        dtype: &str,
        batch_tokens: Option<NonZero<usize>>,
        args: &Args,
        library: &Path,
        texts: &Path,
        output: &Path,
    ) -> Self {
        let mut arguments: Vec<OsString> = vec!["embed".into(), "--model-id".into(), args.model.clone().into()];
        arguments.extend(["--dtype".into(), dtype.into(), "--threads".into(), args.threads.to_string().into()]);
        arguments.extend(["--offline".into(), "--output".into(), output.into()]);
        if let Some(batch) = batch_tokens {
            arguments.extend(["--batch-tokens".into(), batch.to_string().into()]);
        }
        arguments.push(texts.into());
        let group = batch_tokens.map(|batch| format!(", {batch} tokens a group")).unwrap_or_default();
        Self {
            name: format!("infa {dtype}{group}"),
            ours: true,
            int8: dtype == "int8",
            exact: matches!(dtype, "float32" | "auto"),
            output: output.into(),
            library: library.into(),
            program: env!("CARGO_BIN_EXE_infa").into(),
            arguments,
        }
    }

    pub(crate) fn stock(kind: Kind, this: &Path, args: &Args, library: &Path, texts: &Path, output: &Path) -> Self {
        let mut arguments: Vec<OsString> = vec!["--worker".into(), output.into(), "--stock".into(), kind.name().into()];
        arguments.extend(["--model".into(), args.model.clone().into(), "--texts".into(), texts.into()]);
        arguments.extend(["--threads".into(), args.threads.to_string().into()]);
        arguments.extend(["--stock-batch".into(), args.stock_batch.to_string().into()]);
        Self {
            name: format!("stock {}", kind.name()),
            ours: false,
            int8: kind.is_int8(),
            exact: !kind.is_int8(),
            output: output.into(),
            library: library.into(),
            program: this.into(),
            arguments,
        }
    }

    /// Embeds all texts.
    pub(crate) fn run(&self, workload: &Workload) -> Result<Sample> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env("ORT_DYLIB_PATH", &self.library);
        without_settings(&mut command);
        // What an earlier run wrote must not be taken for this one's.
        if self.output.exists() {
            std::fs::remove_file(&self.output)?;
        }
        let start = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut reported = String::new();
        child.stderr.take().context("no stderr")?.read_to_string(&mut reported)?;
        let (success, memory) = wait(&child)?;
        let whole = start.elapsed().as_secs_f64();
        ensure!(success, "{} failed:\n{reported}", self.name);
        let (seconds, load) =
            embed_times(&reported).with_context(|| format!("{}: no times in:\n{reported}", self.name))?;
        ensure!(seconds + load < whole && workload.tokens > 0, "{}: {seconds} and {load} of {whole} s", self.name);
        Ok(Sample { seconds, load, whole, memory, agreement: Agreement::default() })
    }
}

/// Waits for a child, which the standard library must not do itself: whether it ended well, and its peak resident
/// memory in MiB.
fn wait(child: &std::process::Child) -> Result<(bool, f64)> {
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: plain numbers, for which zero is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a child of this process that nobody waited for; both pointers are to locals of the right type.
    let waited = unsafe { libc::wait4(pid, &mut status, 0, &mut usage) };
    ensure!(waited == pid, "wait4: {}", std::io::Error::last_os_error());
    let unit = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };
    let success = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    Ok((success, usage.ru_maxrss as f64 * unit / (1024.0 * 1024.0)))
}
