//! The process behind a worker: how it is started, heard and ended.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::PythonError;
use crate::engine::output_lines::OutputLines;

/// The program of the interpreter.
const SCRIPT: &str = include_str!("worker.py");
/// Lines of stderr that are kept.
const KEPT_LINES: usize = 8;
/// Characters of each, and of a line that an installer writes.
pub(super) const KEPT_CHARACTERS: usize = 240;
/// Time to wait for the end of a process, and of its stderr.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A running process and its descendants. Dropping it ends them.
pub(super) struct Process {
    // Before the child, which is reaped after it is dropped: until then no other process can have its id.
    group: Group,
    child: Child,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    lines: OutputLines,
    listener: JoinHandle<()>,
}

impl Process {
    /// Starts the worker script with `python`.
    pub(crate) fn start(python: &Path, engine: &str) -> Result<Self, PythonError> {
        let fail = |e: std::io::Error| PythonError::Spawn { python: python.to_owned(), reason: e.to_string() };
        let mut command = Command::new(python);
        command
            .args(["-u", "-c", SCRIPT])
            .env("HF_HUB_OFFLINE", "1")
            .env("TRANSFORMERS_OFFLINE", "1")
            .env("HF_HUB_DISABLE_TELEMETRY", "1")
            .env("DO_NOT_TRACK", "1")
            // NNCF then sends nothing.
            .env("NNCF_CI", "1")
            .env("HF_HUB_DISABLE_PROGRESS_BARS", "1")
            // Texts are tokenised by as many threads as compute, set by the setup message.
            .env("TOKENIZERS_PARALLELISM", "true")
            .env("PYTHONIOENCODING", "utf-8:backslashreplace")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own: Ctrl-C is for infa alone, and what the process starts ends with it.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(fail)?;
        let group = Group::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let lines = OutputLines::new(engine, KEPT_LINES, KEPT_CHARACTERS);
        let hear = listen(stderr, lines.clone());
        Ok(Self { group, child, stdin, stdout, lines, listener: tokio::spawn(hear) })
    }

    /// Its id, while it was not waited for.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end of a process that closed its stdout; if it does not end, it is ended. How it ended, and its
    /// last lines.
    pub(crate) async fn end(mut self) -> (String, Vec<String>) {
        drop(self.stdin.take());
        let status = match tokio::time::timeout(END_TIMEOUT, self.child.wait()).await {
            Ok(status) => {
                // The leader is reaped; what it started may still be there, and keeps the group's id alive.
                status.map_or_else(|e| e.to_string(), said)
            }
            Err(_) => "it closed its output and went on".to_owned(),
        };
        self.group.kill();
        let _ = tokio::time::timeout(END_TIMEOUT, self.child.wait()).await;
        // Another process that holds stderr open must not block this.
        let _ = tokio::time::timeout(END_TIMEOUT, &mut self.listener).await;
        (status, self.lines.last())
    }

    /// Ends it at once. Its last lines.
    pub(crate) async fn kill(mut self) -> Vec<String> {
        self.group.kill();
        let _ = tokio::time::timeout(END_TIMEOUT, self.child.wait()).await;
        let _ = tokio::time::timeout(END_TIMEOUT, &mut self.listener).await;
        self.lines.last()
    }
}

/// The process group that a child leads, ended when it is dropped.
pub(super) struct Group(Option<u32>);

impl Group {
    /// The handle of a child just started as the leader of a group of its own.
    pub(crate) fn of(child: &Child) -> Self {
        Self(child.id())
    }

    fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.take().and_then(|id| i32::try_from(id).ok()).filter(|&id| id > 1) {
            // SAFETY: sends a signal, touches no memory. The group is that of a child which is only now waited for, or
            // was a moment ago.
            unsafe { libc::killpg(id, libc::SIGKILL) };
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `exit status: 1`, or the signal.
fn said(status: ExitStatus) -> String {
    let text = status.to_string();
    text.strip_prefix("exit status: ").map(|code| format!("exit status {code}")).unwrap_or(text)
}

/// Reads stderr to its end: logs every line, keeps the last.
async fn listen(stderr: Option<impl AsyncRead + Unpin>, lines: OutputLines) {
    let Some(mut stderr) = stderr else { return };
    let (mut buffer, mut line) = ([0; 4096], Vec::new());
    while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
        lines.read(&mut line, &buffer[..n]);
    }
    lines.add(&line);
}
