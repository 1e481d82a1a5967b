//! The machine: its limits, and what a record says of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use infa::parts::runtime::{cores, library};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Files that a thousand slow sockets and everything else need, in client and server alike.
const OPEN_FILES: u64 = 4096;

/// Where and with what something was measured.
#[derive(Serialize)]
pub(crate) struct Machine {
    /// Start of the run.
    date: String,
    processor: String,
    cores: usize,
    versions: BTreeMap<&'static str, String>,
}

impl Machine {
    /// This machine, and the ONNX Runtime at `path`.
    pub(crate) fn this(path: &Path) -> Result<Self> {
        let processor = fs::read_to_string("/proc/cpuinfo")?;
        let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let mut versions = BTreeMap::from([("infa", env!("CARGO_PKG_VERSION").to_owned())]);
        versions.insert("onnxruntime", library::check(path)?);
        let commit = Command::new("git").args(["describe", "--always", "--dirty"]).output();
        if let Some(commit) = commit.ok().filter(|ran| ran.status.success()) {
            versions.insert("commit", String::from_utf8_lossy(&commit.stdout).trim().to_owned());
        }
        Ok(Self {
            date: OffsetDateTime::now_utc().replace_nanosecond(0)?.format(&Rfc3339)?,
            processor: processor.context("/proc/cpuinfo: no model name")?.1.to_owned(),
            cores: cores::usable(),
            versions,
        })
    }
}

/// Allows this process, and those that it starts, as many open files as the system lets them have.
pub(crate) fn raise_open_files() -> Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local of the right type.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the same.
    let raised = read == 0 && unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } == 0;
    ensure!(raised, "open files: {}", std::io::Error::last_os_error());
    ensure!(limit.rlim_cur >= OPEN_FILES, "{} open files are not enough (ulimit -n)", limit.rlim_cur);
    Ok(())
}
