//! The process behind a worker: how it is started, heard and ended.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::PythonError;

/// What the interpreter runs.
const SCRIPT: &str = include_str!("worker.py");
/// Lines of stderr that are kept.
const KEPT_LINES: usize = 8;
const KEPT_CHARACTERS: usize = 240;
/// How long the end of a process, and of its stderr, is waited for.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A running process and all that it starts. Dropped, it ends, whatever it does.
pub(super) struct Process {
    // Before the child, which is reaped after it is dropped: until then no other process can have its id.
    group: Group,
    child: Child,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    lines: Lines,
    listener: JoinHandle<()>,
}

impl Process {
    /// Starts the worker script with `python`.
    pub fn start(python: &Path, engine: &str) -> Result<Self, PythonError> {
        let fail = |e: std::io::Error| PythonError::Spawn { python: python.to_owned(), reason: e.to_string() };
        let mut command = Command::new(python);
        command
            .args(["-u", "-c", SCRIPT])
            .env("HF_HUB_OFFLINE", "1")
            .env("TRANSFORMERS_OFFLINE", "1")
            .env("HF_HUB_DISABLE_TELEMETRY", "1")
            .env("DO_NOT_TRACK", "1")
            .env("HF_HUB_DISABLE_PROGRESS_BARS", "1")
            // Texts are tokenised by as many threads as compute, told by the setup.
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
        let lines = Lines::default();
        let hear = listen(stderr, lines.clone(), engine.to_owned());
        Ok(Self { group, child, stdin, stdout, lines, listener: tokio::spawn(hear) })
    }

    /// Its id, while it was not waited for.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the end of a process that closed its stdout; if it does not end, it is ended. How it ended, and its
    /// last lines.
    pub async fn end(mut self) -> (String, Vec<String>) {
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
        // Whoever else holds stderr open does not hold this up.
        let _ = tokio::time::timeout(END_TIMEOUT, &mut self.listener).await;
        (status, self.lines.last())
    }

    /// Ends it at once. Its last lines.
    pub async fn kill(mut self) -> Vec<String> {
        self.group.kill();
        let _ = tokio::time::timeout(END_TIMEOUT, self.child.wait()).await;
        let _ = tokio::time::timeout(END_TIMEOUT, &mut self.listener).await;
        self.lines.last()
    }
}

/// The process group that a child leads, ended when it is dropped.
pub(super) struct Group(Option<u32>);

impl Group {
    /// That of a child that was just started as the leader of a group of its own.
    pub fn of(child: &Child) -> Self {
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

/// The last lines of a stream.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<VecDeque<String>>>);

impl Lines {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn last(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Reads stderr to its end: logs every line, keeps the last.
async fn listen(stderr: Option<impl AsyncRead + Unpin>, lines: Lines, engine: String) {
    let Some(mut stderr) = stderr else { return };
    let mut line = Vec::new();
    let end = |line: &mut Vec<u8>| {
        let text = printable(&String::from_utf8_lossy(line));
        line.clear();
        if !text.is_empty() {
            tracing::debug!("{engine}: {text}");
            lines.push(text);
        }
    };
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
        for &byte in &buffer[..n] {
            // Progress bars return to the beginning of their line.
            if matches!(byte, b'\n' | b'\r') {
                end(&mut line);
            } else if line.len() < KEPT_CHARACTERS * 4 {
                line.push(byte);
            }
        }
    }
    end(&mut line);
}

/// A line without control characters or terminal colours, and not too long.
pub(super) fn printable(line: &str) -> String {
    let mut clean = String::new();
    let mut parts = line.trim().split("\x1b[");
    clean.push_str(parts.next().unwrap_or_default());
    for part in parts {
        // An escape sequence ends with the first character that is neither a parameter nor between two.
        clean.push_str(part.trim_start_matches(|c: char| matches!(c, ' '..='?')).get(1..).unwrap_or_default());
    }
    clean.chars().filter(|c| !c.is_control()).take(KEPT_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_harmless() {
        assert_eq!(printable(" a \x1b[1;31mred\x1b[0m\x07 b\t\x1b[K"), "a red b");
        assert_eq!(printable("\x1b[\x1b[1m\x1b[ä"), "");
        assert_eq!(printable(&"ä".repeat(1000)).chars().count(), KEPT_CHARACTERS);
    }
}
