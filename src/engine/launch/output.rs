//! What a server writes on its stdout and stderr: read at once, so that it never waits for us; the last lines are kept.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::error::LastLines;

/// As many lines are kept.
const LINES: usize = 50;
/// As much of a line.
const CHARACTERS: usize = 1000;
/// Longest line, in bytes, before it counts as two.
const LONGEST: usize = 8192;

/// The last lines of a server, of both its streams as they came.
#[derive(Clone)]
pub(super) struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Whether there is nothing more to come.
    ended: watch::Sender<bool>,
}

impl Default for Output {
    fn default() -> Self {
        Self { lines: Arc::default(), ended: watch::channel(false).0 }
    }
}

impl Output {
    /// Reads `stream` to its end, in a thread of its own.
    pub fn read(&self, name: String, stream: impl Read + Send + 'static) -> std::io::Result<()> {
        let output = self.clone();
        std::thread::Builder::new().name("launch-output".into()).spawn(move || {
            output.follow(&name, stream);
            output.ended.send_replace(true);
        })?;
        Ok(())
    }

    /// Waits until all has been read, at most so long: what the server left behind may hold its streams open.
    pub async fn ended(&self, limit: Duration) {
        let mut ended = self.ended.subscribe();
        let _ = tokio::time::timeout(limit, ended.wait_for(|ended| *ended)).await;
    }

    /// What was said last.
    pub fn last(&self) -> LastLines {
        LastLines(self.lines().iter().cloned().collect())
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, name: &str, mut stream: impl Read) {
        let (mut buffer, mut line) = ([0; LONGEST], Vec::new());
        loop {
            let read = match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            for &byte in &buffer[..read] {
                // Progress bars go back to the beginning of their line.
                if matches!(byte, b'\n' | b'\r') || line.len() == LONGEST {
                    self.take(name, &line);
                    line.clear();
                }
                if !matches!(byte, b'\n' | b'\r') {
                    line.push(byte);
                }
            }
        }
        self.take(name, &line);
    }

    fn take(&self, name: &str, line: &[u8]) {
        let line = plain(&String::from_utf8_lossy(line));
        if line.is_empty() {
            return;
        }
        tracing::debug!("{name}: {line}");
        let mut lines = self.lines();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// A line without colours, control characters, and what is too much of it.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut characters = line.chars();
    let mut taken = 0;
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            // ESC [ parameters letter; of others only the escape itself goes.
            if characters.as_str().starts_with('[') {
                characters.find(|c| c.is_ascii_alphabetic());
            }
        } else if taken == CHARACTERS {
            plain.push('…');
            break;
        } else if c == '\t' || !c.is_control() {
            plain.push(c);
            taken += 1;
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<String> {
        let output = Output::default();
        output.follow("x", text);
        output.last().0
    }

    #[test]
    fn lines_are_made_harmless() {
        assert_eq!(
            read(b"a\r\n\n\x1b[32mINFO\x1b[0m:  b\x07\n 10%\r 20%\rrest"),
            ["a", "INFO:  b", " 10%", " 20%", "rest"]
        );
        assert_eq!(read(b"\xff\n"), ["\u{fffd}"]);
        assert_eq!(read(b""), [""; 0]);
    }

    #[test]
    fn only_the_last_are_kept() {
        let many: String = (0..1000).map(|i| format!("line {i}\n")).collect();
        let lines = read(many.as_bytes());
        assert_eq!((lines.len(), lines[0].as_str(), lines[49].as_str()), (50, "line 950", "line 999"));
        // A line without an end needs no memory without end.
        let lines = read(&vec![b'x'; 1_000_000]);
        assert!(lines.len() <= LINES && lines.iter().all(|line| line.chars().count() <= CHARACTERS + 1));
    }
}
