//! A long job as a stream: inputs are read, embedded in windows and handed on in input order, in bounded memory.
//!
//! Three things overlap: reading, embedding (a window's tokenisation with its predecessor's inference), and writing.
//! A window is whatever has been read when there is room for one, up to a limit: a pipe that trickles gets answers at
//! once, a large file gets large windows, in which many texts have the same length.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Embedding, Engine, TextError};
use crate::fetch::Cancel;

/// Most texts in a window.
const WINDOW_TEXTS: usize = 4096;
/// Bytes of text after which a window is full.
const WINDOW_BYTES: usize = 8 << 20;
/// Windows between reading and writing: one computing, one ready to follow, one being written.
const WINDOWS: usize = 3;
/// How long a window that is not full waits for more.
const LINGER: Duration = Duration::from_millis(4);
/// How often an interruption is looked for.
const TICK: Duration = Duration::from_millis(50);

/// A text with what the caller wants to know of it when its vector comes; or the reason why there is no text.
pub struct Item<T> {
    /// Handed back with the result.
    pub tag: T,
    /// The text.
    pub text: Result<String, TextError>,
}

/// Why a stream ended early.
#[derive(Debug)]
pub enum StreamError<R, W> {
    /// Reading failed; everything read before has been handed on.
    Read(R),
    /// The receiver of results failed.
    Write(W),
    /// Somebody asked to stop; what was handed on before is a beginning of the results, in order.
    Cancelled,
}

/// A receiver of results, in input order.
pub trait Sink<T> {
    /// Why it may fail.
    type Error;

    /// Takes the result of the next input.
    fn take(&mut self, tag: T, result: Result<Embedding, TextError>) -> Result<(), Self::Error>;

    /// A window is through: what was taken should become visible.
    fn settle(&mut self) -> Result<(), Self::Error>;
}

type Window<T> = Vec<(T, Result<Embedding, TextError>)>;

struct State<T, R> {
    /// Read, but not in a window yet.
    pending: Vec<Item<T>>,
    bytes: usize,
    /// When the oldest of `pending` came.
    since: Option<Instant>,
    /// Reading is over, by the end or by an error.
    end: Option<Result<(), R>>,
    /// Windows that are computed, by number.
    finished: BTreeMap<u64, Window<T>>,
    /// Nobody wants more.
    stopped: bool,
}

impl<T, R> State<T, R> {
    fn full(&self) -> bool {
        self.pending.len() >= WINDOW_TEXTS || self.bytes >= WINDOW_BYTES
    }
}

struct Shared<T, R> {
    state: Mutex<State<T, R>>,
    changed: Condvar,
}

impl<T, R> Shared<T, R> {
    fn lock(&self) -> MutexGuard<'_, State<T, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State<T, R>>, time: Duration) -> MutexGuard<'a, State<T, R>> {
        self.changed.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes the state and tells everyone.
    fn change(&self, change: impl FnOnce(&mut State<T, R>)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Embeds everything `items` yields, handing results to `sink` in order.
///
/// The threads it starts are not waited for when it ends early: one may be blocked on a terminal or in a computation.
pub fn stream<T, R, S>(
    engine: &Arc<dyn Engine>,
    items: impl Iterator<Item = Result<Item<T>, R>> + Send + 'static,
    cancel: &Cancel,
    sink: &mut S,
) -> Result<(), StreamError<R, S::Error>>
where
    T: Send + 'static,
    R: Send + 'static,
    S: Sink<T>,
{
    let state =
        State { pending: Vec::new(), bytes: 0, since: None, end: None, finished: BTreeMap::new(), stopped: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
    let reading = Arc::clone(&shared);
    std::thread::spawn(move || read(items, &reading));
    let result = drive(engine, &shared, cancel, sink);
    shared.change(|state| state.stopped = true);
    result
}

/// The reader's thread: fills `pending`, and waits while it is full.
fn read<T, R>(items: impl Iterator<Item = Result<Item<T>, R>>, shared: &Shared<T, R>) {
    /// Reading ends even if it ends in a panic: nobody must wait for it for ever.
    struct End<'a, T, R>(&'a Shared<T, R>);
    impl<T, R> Drop for End<'_, T, R> {
        fn drop(&mut self) {
            self.0.change(|state| _ = state.end.get_or_insert(Ok(())));
        }
    }
    let end = End(shared);
    for item in items {
        let item = match item {
            Ok(item) => item,
            Err(e) => return end.0.change(|state| state.end = Some(Err(e))),
        };
        let mut state = shared.lock();
        while state.full() && !state.stopped {
            state = shared.wait(state, TICK);
        }
        if state.stopped {
            return;
        }
        state.bytes += item.text.as_ref().map_or(0, String::len);
        state.since.get_or_insert_with(Instant::now);
        state.pending.push(item);
        // The first starts the clock of a window, the last closes it; those between change nothing for anybody.
        let news = state.pending.len() == 1 || state.full();
        drop(state);
        if news {
            shared.changed.notify_all();
        }
    }
}

/// The caller's thread: starts windows, and hands on finished ones in order.
fn drive<T, R, S>(
    engine: &Arc<dyn Engine>,
    shared: &Arc<Shared<T, R>>,
    cancel: &Cancel,
    sink: &mut S,
) -> Result<(), StreamError<R, S::Error>>
where
    T: Send + 'static,
    R: Send + 'static,
    S: Sink<T>,
{
    let (mut started, mut written) = (0, 0);
    let mut state = shared.lock();
    loop {
        if cancel.is_cancelled() {
            return Err(StreamError::Cancelled);
        }
        if let Some(window) = state.finished.remove(&written) {
            drop(state);
            for (tag, result) in window {
                // A window can take longer to write than whoever asked to stop is ready to wait.
                if cancel.is_cancelled() {
                    return Err(StreamError::Cancelled);
                }
                sink.take(tag, result).map_err(StreamError::Write)?;
            }
            sink.settle().map_err(StreamError::Write)?;
            written += 1;
            state = shared.lock();
            continue;
        }
        let waited = state.since.map_or(Duration::ZERO, |since| since.elapsed());
        let ready = !state.pending.is_empty() && (state.full() || state.end.is_some() || waited >= LINGER);
        if ready && started - written < WINDOWS as u64 {
            let window = std::mem::take(&mut state.pending);
            (state.bytes, state.since) = (0, None);
            drop(state);
            shared.changed.notify_all();
            start(Arc::clone(engine), window, started, Arc::clone(shared));
            started += 1;
            state = shared.lock();
            continue;
        }
        if state.pending.is_empty() && started == written {
            match state.end.take() {
                Some(Ok(())) => return Ok(()),
                Some(Err(e)) => return Err(StreamError::Read(e)),
                None => {}
            }
        }
        let time = if state.since.is_some() && !ready { LINGER.saturating_sub(waited) } else { TICK };
        state = shared.wait(state, time.max(Duration::from_micros(100)));
    }
}

/// Embeds one window on a thread of its own.
fn start<T: Send + 'static, R: Send + 'static>(
    engine: Arc<dyn Engine>,
    window: Vec<Item<T>>,
    number: u64,
    shared: Arc<Shared<T, R>>,
) {
    std::thread::spawn(move || {
        let texts: Vec<&str> = window.iter().filter_map(|item| item.text.as_deref().ok()).collect();
        let results = catch_unwind(AssertUnwindSafe(|| engine.embed(&texts)));
        let mut results = results.unwrap_or_default().into_iter();
        let done = window
            .into_iter()
            .map(|item| {
                let lost = || Err(TextError("the engine failed on the window that held this text".into()));
                (item.tag, item.text.and_then(|_| results.next().unwrap_or_else(lost)))
            })
            .collect();
        shared.change(|state| _ = state.finished.insert(number, done));
    });
}
