//! The output of a process, line by line: without control codes, the last lines kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Longest line, in bytes, before it counts as two.
const MAX_LINE: usize = 8192;

/// The last lines of a process; all clones share them.
#[derive(Clone)]
pub(super) struct OutputLines {
    /// Stands before the lines in the log.
    name: Arc<str>,
    /// Lines that are kept, and characters of each.
    most: (usize, usize),
    kept: Arc<Mutex<VecDeque<String>>>,
}

impl OutputLines {
    /// Keeps the last `lines` lines of the process `name`, up to `characters` of each.
    pub(crate) fn new(name: &str, lines: usize, characters: usize) -> Self {
        Self { name: name.into(), most: (lines, characters), kept: Arc::default() }
    }

    /// Takes what a stream gave next; `line` is what it has of the line that is not over yet.
    pub(crate) fn read(&self, line: &mut Vec<u8>, bytes: &[u8]) {
        for &byte in bytes {
            // Progress bars go back to the beginning of their line.
            let is_end = matches!(byte, b'\n' | b'\r');
            if is_end || line.len() == MAX_LINE {
                self.add(line);
                line.clear();
            }
            if !is_end {
                line.push(byte);
            }
        }
    }

    pub(crate) fn add(&self, line: &[u8]) {
        let (lines, characters) = self.most;
        let line = printable(&String::from_utf8_lossy(line), characters);
        if line.is_empty() {
            return;
        }
        tracing::debug!("{}: {line}", self.name);
        let mut kept = self.lock();
        if kept.len() == lines {
            kept.pop_front();
        }
        kept.push_back(line);
    }

    /// The lines that are kept, oldest first.
    pub(crate) fn last(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line without colours, control characters, and what is beyond `most` characters.
pub(super) fn printable(line: &str, most: usize) -> String {
    let mut printable = String::new();
    let mut characters = line.chars();
    let mut taken = 0;
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            // ESC [ parameters letter; of others only the escape itself goes.
            if characters.as_str().starts_with('[') {
                characters.find(|c| c.is_ascii_alphabetic());
            }
        } else if taken == most {
            printable.push('…');
            break;
        } else if c == '\t' || !c.is_control() {
            printable.push(c);
            taken += 1;
        }
    }
    printable.truncate(printable.trim_end().len());
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<String> {
        let (output, mut line) = (OutputLines::new("x", 50, 1000), Vec::new());
        output.read(&mut line, text);
        output.add(&line);
        output.last()
    }

    #[test]
    fn lines_are_made_harmless() {
        assert_eq!(
            read(b"a\r\n\n\x1b[32mINFO\x1b[0m:  b\x07\n 10%\r 20%\rrest"),
            ["a", "INFO:  b", " 10%", " 20%", "rest"]
        );
        assert_eq!(read(b"\xff\n"), ["\u{fffd}"]);
        assert_eq!(read(b""), [""; 0]);
        assert_eq!(printable("a \x1b[1;31mred\x1b[0m\x07 b\t\x1b[K", 240), "a red b");
        assert_eq!(printable("\x1b[\x1b[1m\x1b[ä", 240), "");
        assert_eq!(printable(&"ä".repeat(1000), 240).chars().count(), 241);
    }

    #[test]
    fn only_the_last_are_kept() {
        let many: String = (0..1000).map(|i| format!("line {i}\n")).collect();
        let lines = read(many.as_bytes());
        assert_eq!((lines.len(), lines[0].as_str(), lines[49].as_str()), (50, "line 950", "line 999"));
        // A line without an end needs no memory without end.
        let lines = read(&vec![b'x'; 1_000_000]);
        assert!(lines.len() <= 50 && lines.iter().all(|line| line.chars().count() <= 1001));
    }
}
