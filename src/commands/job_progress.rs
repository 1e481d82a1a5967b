//! The progress of a job as JSON on stderr, an object a second.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ui::Printer;

const PERIOD: Duration = Duration::from_secs(1);

/// Prints progress until it is dropped, and then once more.
pub(super) struct JobProgress {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
    printer: Printer,
    start: Instant,
    total: Option<u64>,
}

#[derive(Clone, Copy)]
pub(super) struct State {
    /// Rows of an earlier process.
    pub before: u64,
    /// Bytes of input that had been read for these.
    pub skipped: u64,
    pub rows: u64,
    pub failed: u64,
    /// Bytes of input that are through.
    pub bytes: u64,
    pub ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobProgress {
    /// Begins with `state`; `total`: bytes of input, if known.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start(printer: Printer, state: State, total: Option<u64>) -> std::io::Result<Self> {
        let (state, ended, start) = (Mutex::new(state), Condvar::new(), Instant::now());
        let shared = Arc::new(Shared { state, ended, printer, start, total });
        let printing = Arc::clone(&shared);
        let body = move || {
            let mut state = printing.lock();
            while !state.ended {
                (state, _) = printing
                    .ended
                    .wait_timeout_while(state, PERIOD, |state| !state.ended)
                    .unwrap_or_else(PoisonError::into_inner);
                let now = *state;
                drop(state);
                printing.printer.line(&line(now, printing.start.elapsed().as_secs_f64(), printing.total));
                state = printing.lock();
            }
        };
        let thread = std::thread::Builder::new().name("progress".into()).spawn(body)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
    }
}

impl Drop for JobProgress {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One line of progress.
fn line(state: State, seconds: f64, total: Option<u64>) -> String {
    let State { before, skipped, rows, failed, bytes, ended } = state;
    let tenths = |number: f64| (number * 10.0).round() / 10.0;
    let read = bytes.saturating_sub(skipped);
    let left = match total {
        _ if ended => None,
        Some(total) if read > 0 && rows > before => {
            Some(tenths(seconds * total.saturating_sub(bytes) as f64 / read as f64))
        }
        _ => None,
    };
    json!({
        "rows": rows,
        "failed": failed,
        "bytes": bytes,
        "total_bytes": total,
        "rows_per_second": tenths(rows.saturating_sub(before) as f64 / seconds.max(1e-9)),
        "seconds": tenths(seconds),
        "seconds_left": left,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_counts_what_this_process_did() {
        let state = State { before: 100, skipped: 1000, rows: 300, failed: 1, bytes: 3000, ended: false };
        let expected = "{\"rows\":300,\"failed\":1,\"bytes\":3000,\"total_bytes\":5000,\"rows_per_second\":50.0,\
                        \"seconds\":4.0,\"seconds_left\":4.0}";
        assert_eq!(line(state, 4.0, Some(5000)), expected);
        assert!(
            line(state, 4.0, None)
                .ends_with("\"total_bytes\":null,\"rows_per_second\":50.0,\"seconds\":4.0,\"seconds_left\":null}")
        );
        assert!(line(State { rows: 100, ..state }, 4.0, Some(5000)).ends_with("\"seconds_left\":null}"));
    }
}
