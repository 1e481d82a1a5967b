//! Threads that tokenise: a little of each request in turn, so that a small one does not wait for a large one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::engine::{Pending, SubmitError, Times};

/// Time after which a request lets others in.
const TURN: Duration = Duration::from_millis(1);

/// The items of a request, and what is done with each.
pub(super) struct Opened<R> {
    pub count: usize,
    /// Makes the result of an item, by its index.
    pub each: Box<dyn Fn(usize) -> R + Send + Sync>,
}

pub(super) struct Tokenizers {
    threads: rayon::ThreadPool,
    queue: Arc<Queue>,
}

/// Requests with work left, each at most once for each thread; after a turn a request goes to the end.
type Queue = Mutex<VecDeque<Arc<dyn Turn>>>;

/// A request, with results of any type.
trait Turn: Send + Sync {
    /// Works for about [`TURN`]. Returns how many threads more can work on it at once.
    fn work(&self) -> usize;
}

impl Tokenizers {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system has no threads left.
    pub(crate) fn new(count: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("tokenizer-{i}"));
        Ok(Self { threads: builder.build()?, queue: Arc::default() })
    }

    /// Begins a request: `open` gives its items, and `finish` gets their results in order, on one of the threads.
    /// Neither is called once `cancel` is set.
    pub(crate) fn start<R: Send + 'static>(
        &self,
        cancel: Arc<Cancel>,
        open: impl FnOnce() -> Result<Opened<R>, SubmitError> + Send + 'static,
        finish: impl FnOnce(Result<Vec<R>, SubmitError>) + Send + 'static,
    ) {
        self.begin(cancel, usize::MAX, open, finish);
    }

    fn begin<R: Send + 'static>(
        &self,
        cancel: Arc<Cancel>,
        at_once: usize,
        open: impl FnOnce() -> Result<Opened<R>, SubmitError> + Send + 'static,
        finish: impl FnOnce(Result<Vec<R>, SubmitError>) + Send + 'static,
    ) {
        let threads = self.threads.current_num_threads().min(at_once);
        let request = Request {
            cancel,
            threads,
            open: Mutex::new(Some(Box::new(open))),
            items: OnceLock::new(),
            finish: Mutex::new(Some(Box::new(finish))),
        };
        lock(&self.queue).push_back(Arc::new(request));
        let queue = Arc::clone(&self.queue);
        self.threads.spawn(move || turn(&queue));
    }
}

impl Tokenizers {
    /// Runs a job on the tokenizer threads, at most `at_once` at a time; `held` is dropped at its end. `complete` makes
    /// the reply.
    pub(crate) fn start_alone<R: Send + 'static, T: Send + 'static>(
        &self,
        opened: Opened<R>,
        at_once: usize,
        held: impl Send + 'static,
        complete: impl FnOnce(Vec<R>, Times) -> T + Send + 'static,
    ) -> Pending<T> {
        let (start, cancel) = (Instant::now(), Arc::<Cancel>::default());
        let (sender, receiver) = oneshot::channel();
        cancel.hold(held);
        let finish = move |results: Result<Vec<R>, SubmitError>| {
            let times = Times { tokenize: start.elapsed(), ..Times::default() };
            // Without a receiver, the results are not wanted any more.
            let _ = sender.send(results.map(|results| complete(results, times)));
        };
        self.begin(Arc::clone(&cancel), at_once, || Ok(opened), finish);
        Pending::arriving(receiver, cancel.on_drop())
    }
}

/// The turn of the request that has waited longest.
fn turn(queue: &Arc<Queue>) {
    let Some(request) = lock(queue).pop_front() else { return };
    // A request whose work panics is dropped, with its `finish`.
    let more = catch_unwind(AssertUnwindSafe(|| request.work())).unwrap_or(0);
    for _ in 0..more {
        lock(queue).push_back(Arc::clone(&request));
        let queue = Arc::clone(queue);
        // On one of these threads, so it stays among them.
        rayon::spawn(move || turn(&queue));
    }
}

struct Request<R> {
    cancel: Arc<Cancel>,
    threads: usize,
    open: Mutex<Option<Open<R>>>,
    items: OnceLock<Items<R>>,
    finish: Mutex<Option<Finish<R>>>,
}

type Open<R> = Box<dyn FnOnce() -> Result<Opened<R>, SubmitError> + Send>;

type Finish<R> = Box<dyn FnOnce(Result<Vec<R>, SubmitError>) + Send>;

struct Items<R> {
    opened: Opened<R>,
    /// The next item that no thread has taken.
    next: AtomicUsize,
    results: Mutex<Results<R>>,
}

struct Results<R> {
    places: Vec<Option<R>>,
    /// Number of empty places.
    missing: usize,
}

impl<R: Send> Turn for Request<R> {
    fn work(&self) -> usize {
        if self.cancel.is_set() {
            self.drop_all();
            return 0;
        }
        let open = lock(&self.open).take();
        let first = open.is_some();
        match open.map(|open| open()) {
            Some(Ok(opened)) => {
                let places = (0..opened.count).map(|_| None).collect();
                let results = Results { places, missing: opened.count };
                let _ = self.items.set(Items { opened, next: AtomicUsize::new(0), results: Mutex::new(results) });
            }
            Some(Err(refusal)) => self.finish(Err(refusal)),
            None => {}
        }
        let Some(items) = self.items.get() else { return 0 };
        let left = self.some_of(items);
        // After the first turn, all threads take part.
        left.min(if first { self.threads } else { 1 })
    }
}

impl<R> Request<R> {
    /// Works on items for one turn. Returns how many no thread has taken.
    fn some_of(&self, items: &Items<R>) -> usize {
        let (count, begun) = (items.opened.count, Instant::now());
        let mut made = Vec::new();
        loop {
            if self.cancel.is_set() {
                self.drop_all();
                return 0;
            }
            let index = items.next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            made.push((index, (items.opened.each)(index)));
            if begun.elapsed() >= TURN {
                break;
            }
        }
        let mut results = lock(&items.results);
        // A thread that came too late for an item finds none missing, too, while another hands the results out.
        let last = results.missing == made.len() && (count == 0 || !made.is_empty());
        results.missing -= made.len();
        for (index, result) in made {
            if let Some(place) = results.places.get_mut(index) {
                *place = Some(result);
            }
        }
        if last {
            let all = std::mem::take(&mut results.places);
            drop(results);
            self.finish(Ok(all.into_iter().flatten().collect()));
        }
        count.saturating_sub(items.next.load(Ordering::Relaxed))
    }

    /// Hands out the results; a second call does nothing.
    fn finish(&self, results: Result<Vec<R>, SubmitError>) {
        let finish = lock(&self.finish).take();
        if let Some(finish) = finish
            && !self.cancel.is_set()
        {
            finish(results);
        }
    }

    /// Frees what the request holds, though it may stand in the queue a while longer.
    fn drop_all(&self) {
        drop(lock(&self.open).take());
        drop(lock(&self.finish).take());
    }
}

/// Set if the results are no longer needed; holds the values to drop then.
#[derive(Default)]
pub(super) struct Cancel {
    set: AtomicBool,
    held: Mutex<Option<Box<dyn Send>>>,
}

impl Cancel {
    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Keeps `ticket` until the results are not wanted any more.
    pub(crate) fn hold(&self, ticket: impl Send + 'static) {
        let mut held = lock(&self.held);
        if !self.is_set() {
            *held = Some(Box::new(ticket));
        }
    }
}

struct CancelOnDrop(Arc<Cancel>);

impl Cancel {
    /// A value that sets it on drop.
    pub(crate) fn on_drop(self: &Arc<Self>) -> Box<dyn Send + Sync> {
        Box::new(CancelOnDrop(Arc::clone(self)))
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let held = {
            let mut held = lock(&self.0.held);
            self.0.set.store(true, Ordering::Release);
            held.take()
        };
        drop(held);
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn opened(count: usize, each: impl Fn(usize) -> usize + Send + Sync + 'static) -> Opened<usize> {
        Opened { count, each: Box::new(each) }
    }

    fn start(tokenizers: &Tokenizers, opened: Opened<usize>) -> Pending<Vec<usize>> {
        tokenizers.start_alone(opened, usize::MAX, (), |results, _| results)
    }

    fn wait<T>(pending: Pending<T>) -> Result<T, SubmitError> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pending)
    }

    fn results(pending: Pending<Vec<usize>>) -> Vec<usize> {
        wait(pending).unwrap()
    }

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for threads in [1, 4] {
            let tokenizers = Tokenizers::new(threads).unwrap();
            for count in [0, 1, 3, 1000] {
                let pending = start(&tokenizers, opened(count, |i| i * 2));
                assert_eq!(results(pending), (0..count).map(|i| i * 2).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_small_request_does_not_wait_for_a_large_one() {
        let tokenizers = Tokenizers::new(1).unwrap();
        let ((begun, first), (go, gate)) = (mpsc::channel(), mpsc::channel::<()>());
        let gate = Mutex::new(gate);
        let done = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&done);
        let large = start(
            &tokenizers,
            opened(50, move |i| {
                // The first item waits until the small request is there; each takes a turn.
                if i == 0 {
                    let _ = (begun.send(()), lock(&gate).recv());
                }
                std::thread::sleep(2 * TURN);
                counted.fetch_add(1, Ordering::SeqCst);
                i
            }),
        );
        first.recv().unwrap();
        let seen = Arc::clone(&done);
        let small = start(&tokenizers, opened(1, move |_| seen.load(Ordering::SeqCst)));
        go.send(()).unwrap();
        assert_eq!(results(small), [1], "items of the large request that came first");
        assert_eq!(results(large).len(), 50);
    }

    #[test]
    fn what_is_given_up_is_not_worked_on_and_frees_what_it_holds() {
        let tokenizers = Tokenizers::new(1).unwrap();
        let (begun, first) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let (held, freed) = mpsc::channel::<()>();
        let done = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&done);
        let pending = tokenizers.start_alone(
            opened(100, move |i| {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = (begun.send(()), lock(&wait).recv());
                i
            }),
            usize::MAX,
            held,
            |results, _| results,
        );
        first.recv().unwrap();
        drop(pending);
        assert!(freed.recv().is_err(), "freed at once");
        drop(go);
        // The next request is done after the turn of the one that was given up.
        assert_eq!(results(start(&tokenizers, opened(1, |i| i))), [0]);
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_panic_ends_its_own_request_alone() {
        let tokenizers = Tokenizers::new(2).unwrap();
        let planted = opened(10, |i| if i == 3 { std::panic::panic_any("planted") } else { i });
        assert!(matches!(wait(start(&tokenizers, planted)), Err(SubmitError::Gone)));
        assert_eq!(results(start(&tokenizers, opened(3, |i| i))), [0, 1, 2]);
    }

    /// One thread has made the last item and is about to hand the results out; another, which found no item left, comes
    /// between. It must not end the request with nothing.
    #[test]
    fn a_thread_without_an_item_ends_no_request() {
        let (sender, receiver) = mpsc::channel();
        let finish: Finish<usize> = Box::new(move |results| sender.send(results.map(|all| all.len()).ok()).unwrap());
        let items = OnceLock::new();
        let taken = Results { places: Vec::new(), missing: 0 };
        let opened = Opened { count: 2, each: Box::new(|i| i) };
        assert!(items.set(Items { opened, next: AtomicUsize::new(2), results: Mutex::new(taken) }).is_ok());
        let request = Request {
            cancel: Arc::default(),
            threads: 2,
            open: Mutex::default(),
            items,
            finish: Mutex::new(Some(finish)),
        };
        assert_eq!(request.work(), 0);
        assert!(receiver.try_recv().is_err());
        request.finish(Ok(vec![7, 8]));
        assert_eq!(receiver.try_recv(), Ok(Some(2)));
    }

    /// And one without any item ends all the same.
    #[test]
    fn a_request_without_items_ends() {
        let (sender, receiver) = mpsc::channel();
        let tokenizers = Tokenizers::new(2).unwrap();
        let each: Box<dyn Fn(usize) -> usize + Send + Sync> = Box::new(|i| i);
        let finish =
            move |results: Result<Vec<usize>, SubmitError>| sender.send(results.map(|all| all.len()).ok()).unwrap();
        tokenizers.start(Arc::default(), move || Ok(Opened { count: 0, each }), finish);
        assert_eq!(receiver.recv(), Ok(Some(0)));
    }
}
