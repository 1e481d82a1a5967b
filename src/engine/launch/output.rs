//! The output of a server, both stdout and stderr: read at once, so that it never blocks; the last lines are kept.

use std::io::Read;
use std::time::Duration;

use tokio::sync::watch;

use super::error::LastLines;
use crate::engine::output_lines::OutputLines;

/// Lines that are kept, and characters of each.
const KEPT: (usize, usize) = (50, 1000);

/// The last lines of a server, of both its streams as they came.
#[derive(Clone)]
pub(super) struct Output {
    lines: OutputLines,
    /// True at the end of the output.
    ended: watch::Sender<bool>,
}

impl Output {
    pub(crate) fn new(name: &str) -> Self {
        Self { lines: OutputLines::new(name, KEPT.0, KEPT.1), ended: watch::channel(false).0 }
    }

    /// Reads `stream` to its end, in a thread of its own.
    pub(crate) fn read(&self, mut stream: impl Read + Send + 'static) -> std::io::Result<()> {
        let output = self.clone();
        std::thread::Builder::new().name("launch-output".into()).spawn(move || {
            let (mut buffer, mut line) = ([0; 4096], Vec::new());
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => output.lines.read(&mut line, &buffer[..read]),
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            output.lines.add(&line);
            output.ended.send_replace(true);
        })?;
        Ok(())
    }

    /// Waits until all has been read, at most so long: what the server left behind may hold its streams open.
    pub(crate) async fn ended(&self, limit: Duration) {
        let mut ended = self.ended.subscribe();
        let _ = tokio::time::timeout(limit, ended.wait_for(|ended| *ended)).await;
    }

    pub(crate) fn last(&self) -> LastLines {
        LastLines(self.lines.last())
    }
}
