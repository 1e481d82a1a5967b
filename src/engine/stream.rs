//! A long job as a stream: inputs are read, computed in windows and handed on in input order, in bounded memory.
//!
//! Three things overlap: reading, computing (a window's tokenisation with its predecessor's inference), and writing.
//! A window is everything that has been read when there is room for one, up to a limit: a slow pipe gets its results at
//! once, a large file gets large windows, with many texts of the same length. The limit follows the pace of the engine,
//! so that with a slow one, too, results come every few seconds.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{TextError, TextErrorKind};
use crate::fetch::Cancel;

/// Most texts in a window.
const WINDOW_TEXTS: usize = 4096;
/// Bytes of text after which the first window is full; it is small so that the first results come soon.
const FIRST_WINDOW_BYTES: usize = 1 << 10;
/// Factor between a window and the next, until the first results show the pace.
const GROWTH: usize = 4;
/// The same for later windows, at least and at most. More would not make more texts of equal length; it would only take
/// longer.
const WINDOW_BYTES: RangeInclusive<usize> = 32 << 10..=512 << 10;
/// Target time of a window.
const WINDOW_SECONDS: f64 = 2.0;
/// Windows between reading and writing: one computing, one ready to follow, one being written.
const WINDOWS: usize = 3;
/// Time that a window that is not full waits for more.
const LINGER: Duration = Duration::from_millis(4);
/// Interval of checks for an interruption.
const TICK: Duration = Duration::from_millis(50);

/// An input with what the caller wants to know of it when its result comes; or the reason why there is no input.
pub(crate) struct Item<T, I> {
    /// Handed back with the result.
    pub tag: T,
    /// The input: a text, say.
    pub input: Result<I, TextError>,
    /// Bytes of text in it.
    pub bytes: usize,
}

/// Computes the inputs of a window: one result each, in order.
pub(crate) type Work<I, O> = Arc<dyn Fn(Vec<I>) -> Vec<Result<O, TextError>> + Send + Sync>;

/// The reason that a stream ended early.
#[derive(Debug)]
pub(crate) enum StreamError<R, W> {
    /// Reading failed; everything read before has been handed on.
    Read(R),
    Write(W),
    /// The system has no thread left for the work.
    Thread(std::io::Error),
    /// The engine has ended; everything before that has been handed on.
    Ended(TextError),
    /// The user interrupted; the results so far are complete up to a point, in order.
    Cancelled,
}

/// A receiver of results, in input order.
pub(crate) trait Sink<T, O> {
    type Error;

    /// Takes the result of the next input.
    fn take(&mut self, tag: T, result: Result<O, TextError>) -> Result<(), Self::Error>;

    /// A window is through: what was taken should become visible.
    fn settle(&mut self) -> Result<(), Self::Error>;
}

/// A window that is computed.
struct Window<T, O> {
    results: Vec<(T, Result<O, TextError>)>,
    /// Bytes of its texts.
    bytes: usize,
}

/// The limit for the next windows, when one of `bytes` was finished `seconds` after its predecessor.
fn paced(limit: usize, bytes: usize, seconds: f64) -> usize {
    let fitting = (bytes as f64 / seconds.max(1e-3) * WINDOW_SECONDS) as usize;
    fitting.clamp(limit / 2, limit * 2).clamp(*WINDOW_BYTES.start(), *WINDOW_BYTES.end())
}

struct State<T, I, O, R> {
    /// Read, but not in a window yet.
    pending: Vec<Item<T, I>>,
    bytes: usize,
    /// Bytes of text after which the next window is full.
    limit: usize,
    /// Arrival of the oldest of `pending`.
    since: Option<Instant>,
    /// Reading is over, by the end or by an error.
    end: Option<Result<(), R>>,
    /// Windows that are computed, by number.
    finished: BTreeMap<u64, Window<T, O>>,
    stopped: bool,
}

impl<T, I, O, R> State<T, I, O, R> {
    fn full(&self) -> bool {
        self.pending.len() >= WINDOW_TEXTS || self.bytes >= self.limit
    }
}

struct Shared<T, I, O, R> {
    state: Mutex<State<T, I, O, R>>,
    changed: Condvar,
}

impl<T, I, O, R> Shared<T, I, O, R> {
    fn lock(&self) -> MutexGuard<'_, State<T, I, O, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, State<T, I, O, R>>, time: Duration) -> MutexGuard<'a, State<T, I, O, R>> {
        self.changed.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Changes the state and notifies all waiting threads.
    fn change(&self, change: impl FnOnce(&mut State<T, I, O, R>)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Does `work` on everything `items` yields, handing results to `sink` in order.
///
/// The threads it starts are not waited for when it ends early: one may be blocked on a terminal or in a computation.
pub(crate) fn stream<T, I, O, R, S>(
    work: &Work<I, O>,
    items: impl Iterator<Item = Result<Item<T, I>, R>> + Send + 'static,
    cancel: &Cancel,
    sink: &mut S,
) -> Result<(), StreamError<R, S::Error>>
where
    T: Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
    R: Send + 'static,
    S: Sink<T, O>,
{
    let state = State {
        pending: Vec::new(),
        bytes: 0,
        limit: FIRST_WINDOW_BYTES,
        since: None,
        end: None,
        finished: BTreeMap::new(),
        stopped: false,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
    let reading = Arc::clone(&shared);
    thread("reader", move || read(items, &reading)).map_err(StreamError::Thread)?;
    let result = drive(work, &shared, cancel, sink);
    shared.change(|state| state.stopped = true);
    result
}

/// The reader's thread: fills `pending`, and waits while it is full.
fn read<T, I, O, R>(items: impl Iterator<Item = Result<Item<T, I>, R>>, shared: &Shared<T, I, O, R>) {
    /// Marks the end of reading even after a panic, so that other threads do not wait forever.
    struct End<'a, T, I, O, R>(&'a Shared<T, I, O, R>);
    impl<T, I, O, R> Drop for End<'_, T, I, O, R> {
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
        state.bytes += item.bytes;
        state.since.get_or_insert_with(Instant::now);
        state.pending.push(item);
        // The first starts the clock of a window, the last closes it; the others change nothing for waiting threads.
        let news = state.pending.len() == 1 || state.full();
        drop(state);
        if news {
            shared.changed.notify_all();
        }
    }
}

/// The caller's thread: starts windows, and hands on finished ones in order.
fn drive<T, I, O, R, S>(
    work: &Work<I, O>,
    shared: &Arc<Shared<T, I, O, R>>,
    cancel: &Cancel,
    sink: &mut S,
) -> Result<(), StreamError<R, S::Error>>
where
    T: Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
    R: Send + 'static,
    S: Sink<T, O>,
{
    let (mut started, mut written) = (0, 0);
    let mut finished = Instant::now();
    let mut state = shared.lock();
    loop {
        if cancel.is_cancelled() {
            return Err(StreamError::Cancelled);
        }
        if let Some(Window { results, bytes }) = state.finished.remove(&written) {
            state.limit = paced(state.limit, bytes, finished.elapsed().as_secs_f64());
            finished = Instant::now();
            drop(state);
            for (tag, result) in results {
                // Writing a window may take longer than an interrupted user should wait.
                if cancel.is_cancelled() {
                    return Err(StreamError::Cancelled);
                }
                match result {
                    Err(error) if error.kind() == TextErrorKind::Ended => return Err(StreamError::Ended(error)),
                    result => sink.take(tag, result).map_err(StreamError::Write)?,
                }
            }
            sink.settle().map_err(StreamError::Write)?;
            written += 1;
            state = shared.lock();
            continue;
        }
        let waited = state.since.map_or(Duration::ZERO, |since| since.elapsed());
        let ready = !state.pending.is_empty() && (state.full() || state.end.is_some() || waited >= LINGER);
        if ready && started - written < WINDOWS as u64 {
            let (window, bytes) = (std::mem::take(&mut state.pending), std::mem::take(&mut state.bytes));
            state.since = None;
            drop(state);
            shared.changed.notify_all();
            start(Arc::clone(work), window, bytes, started, Arc::clone(shared)).map_err(StreamError::Thread)?;
            started += 1;
            state = shared.lock();
            if written == 0 {
                state.limit = (state.limit * GROWTH).min(*WINDOW_BYTES.start());
            }
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

/// Computes one window on a thread of its own.
fn start<T, I, O, R>(
    work: Work<I, O>,
    window: Vec<Item<T, I>>,
    bytes: usize,
    number: u64,
    shared: Arc<Shared<T, I, O, R>>,
) -> std::io::Result<()>
where
    T: Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
    R: Send + 'static,
{
    thread("window", move || {
        let mut inputs = Vec::with_capacity(window.len());
        let mut tags = Vec::with_capacity(window.len());
        for Item { tag, input, .. } in window {
            tags.push((tag, input.map(|input| inputs.push(input))));
        }
        let results = catch_unwind(AssertUnwindSafe(|| work(inputs)));
        let mut results = results.unwrap_or_default().into_iter();
        let results = tags
            .into_iter()
            .map(|(tag, input)| {
                let lost = || Err(TextError::internal("the engine failed on the window that held this text"));
                (tag, input.and_then(|()| results.next().unwrap_or_else(lost)))
            })
            .collect();
        shared.change(|state| _ = state.finished.insert(number, Window { results, bytes }));
    })
}

/// A thread that is not waited for. `std::thread::spawn` would panic where the system has none left.
fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_the_pace() {
        let (least, most) = (*WINDOW_BYTES.start(), *WINDOW_BYTES.end());
        // A fast engine: doubled until it is at its most.
        assert_eq!(paced(least, least, 0.01), 2 * least);
        assert_eq!(paced(most, most, 0.01), most);
        // 100 kB a second: two seconds of it.
        assert_eq!(paced(150_000, 100_000, 1.0), 200_000);
        // A slow one, or a pipe that trickles: halved until it is at its least.
        assert_eq!(paced(most, 1000, 60.0), most / 2);
        assert_eq!(paced(least, 1000, 60.0), least);
    }
}
