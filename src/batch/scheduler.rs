//! Workers that take groups from one bounded queue; a free worker takes the next group at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::grouping::Grouping;
use super::queue::{Queue, Task};
use super::rate::Rate;

/// The limits of the queue and of its groups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most tokens in a group.
    pub group_tokens: usize,
    /// Most tasks in a group.
    pub group_tasks: usize,
    /// The tasks that form a group.
    pub grouping: Grouping,
    /// Most tokens that wait; what is larger than that is taken only while nothing waits.
    pub queue_tokens: usize,
    /// Tokens after which a caller's turn is over if others wait.
    pub turn_tokens: usize,
}

/// The waiting and running work, and the failures so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub tasks: usize,
    pub tokens: usize,
    /// Most tokens that may wait.
    pub capacity: usize,
    pub running: usize,
    /// Tasks that left the queue because their caller had gone away.
    pub abandoned: u64,
    pub panicked: u64,
}

impl std::ops::Add for Stats {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tasks: self.tasks + other.tasks,
            tokens: self.tokens.saturating_add(other.tokens),
            capacity: self.capacity.saturating_add(other.capacity),
            running: self.running + other.running,
            abandoned: self.abandoned + other.abandoned,
            panicked: self.panicked + other.panicked,
        }
    }
}

/// There is no room in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full")]
pub struct Full {
    /// Estimated time until the waiting work is done.
    pub retry_after: Duration,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
    workers: usize,
}

struct State<T> {
    queue: Queue<T>,
    /// Tokens that were let in and are not in the queue yet.
    reserved: usize,
    running: usize,
    /// Workers that wait for tasks.
    idle: usize,
    abandoned: u64,
    panicked: u64,
    rate: Rate,
    closed: bool,
    /// Workers that are there or may still come.
    alive: usize,
}

impl<T: Task> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that there is room for `tokens` more tokens, beside the `reserved` ones.
    fn room(&self, state: &State<T>, reserved: usize, tokens: usize) -> Result<(), Full> {
        let waiting = state.queue.tokens().saturating_add(reserved);
        if waiting == 0 || waiting.saturating_add(tokens) <= self.capacity {
            return Ok(());
        }
        Err(Full { retry_after: state.rate.time_for(waiting, self.workers) })
    }
}

/// Maximum time of a group while small requests arrive beside larger ones.
const SHORT: Duration = Duration::from_millis(20);

pub(crate) struct Scheduler<T: Task> {
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
}

/// The work on a group of tasks. Dropping a task without a result must complete it.
pub(crate) type Run<W, T> = Arc<dyn Fn(&mut W, Vec<T>) -> Memory + Send + Sync>;

/// The worker's memory, as a group found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    Enough,
    /// The group did not fit in one go: later groups are to be half as large.
    Exceeded,
}

impl<T: Task> Scheduler<T> {
    /// Starts `threads` workers, each with a state of type `W` (a session, say). The first ones get those of `first`; each
    /// of the others makes its own state on its own thread, and if it cannot, there is one worker less. A worker that
    /// panics gets a fresh state. `make` takes the worker's number.
    ///
    /// # Errors
    /// The system's, if not even one thread can be started.
    pub(crate) fn new<W: Send + 'static, E: std::fmt::Display>(
        threads: usize,
        bounds: Bounds,
        first: Vec<W>,
        make: impl Fn(usize) -> Result<W, E> + Send + Sync + 'static,
        run: Run<W, T>,
    ) -> std::io::Result<Self> {
        let threads = threads.max(1);
        let state = State {
            queue: Queue::new(bounds.group_tokens, bounds.turn_tokens, bounds.grouping)
                .with_most_tasks(bounds.group_tasks),
            reserved: 0,
            running: 0,
            idle: 0,
            abandoned: 0,
            panicked: 0,
            rate: Rate::default(),
            closed: false,
            alive: threads,
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            capacity: bounds.queue_tokens,
            workers: threads,
        };
        let (shared, make) = (Arc::new(shared), Arc::new(make));
        let mut first = first.into_iter();
        let mut handles = Vec::new();
        for number in 0..threads {
            let (shared_here, make, run, ready) =
                (Arc::clone(&shared), Arc::clone(&make), Arc::clone(&run), first.next());
            let body = move || {
                let alive = Alive(&shared_here);
                match ready.map_or_else(|| make(number), Ok) {
                    Ok(worker) => work(alive.0, worker, &|| make(number), run.as_ref()),
                    Err(e) => tracing::warn!("worker {number} cannot start, going on with the others: {e}"),
                }
            };
            match std::thread::Builder::new().name(format!("worker-{number}")).spawn(body) {
                Ok(handle) => handles.push(handle),
                Err(e) if number == 0 => return Err(e),
                Err(e) => {
                    drop(Alive(&shared));
                    tracing::warn!("worker {number} cannot start, going on with the others: {e}");
                }
            }
        }
        Ok(Self { shared, threads: handles })
    }

    /// Reserves room for about `tokens` tokens, before their number is known exactly.
    pub(crate) fn admit(&self, tokens: usize) -> Result<Admission<T>, Full> {
        let mut state = self.shared.lock();
        self.shared.room(&state, state.reserved, tokens)?;
        state.reserved = state.reserved.saturating_add(tokens);
        Ok(Admission { shared: Arc::clone(&self.shared), tokens })
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.shared.lock();
        Stats {
            tasks: state.queue.tasks(),
            tokens: state.queue.tokens(),
            capacity: self.shared.capacity,
            running: state.running,
            abandoned: state.abandoned,
            panicked: state.panicked,
        }
    }
}

/// Room in the queue for the tasks of one caller.
pub(crate) struct Admission<T: Task> {
    shared: Arc<Shared<T>>,
    tokens: usize,
}

impl<T: Task> Admission<T> {
    /// Puts the caller's tasks into the queue, all or none; where there is no room for them, they come back.
    pub(crate) fn submit(self, tasks: Vec<T>) -> Result<Ticket<T>, (Full, Vec<T>)> {
        let tokens = tasks.iter().map(Task::tokens).sum();
        let mut state = self.shared.lock();
        if tokens > self.tokens
            && let Err(full) = self.shared.room(&state, state.reserved.saturating_sub(self.tokens), tokens)
        {
            drop(state);
            return Err((full, tasks));
        }
        if state.closed {
            drop(state);
            return Ok(Ticket { shared: Arc::clone(&self.shared), caller: u64::MAX });
        }
        let caller = state.queue.add(tasks, Instant::now());
        drop(state);
        self.shared.changed.notify_all();
        Ok(Ticket { shared: Arc::clone(&self.shared), caller })
    }
}

impl<T: Task> Drop for Admission<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.reserved = state.reserved.saturating_sub(self.tokens);
    }
}

/// The tasks of one caller. Dropping it removes the waiting ones from the queue.
pub(crate) struct Ticket<T: Task> {
    shared: Arc<Shared<T>>,
    caller: u64,
}

impl<T: Task> Drop for Ticket<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let left = state.queue.remove(self.caller);
        state.abandoned += left.len() as u64;
        drop(state);
        // Without the lock, as dropping a task may run code of its own.
        drop(left);
    }
}

/// A live worker; when the last one ends, the queue closes and waiting tasks are dropped.
struct Alive<'a, T: Task>(&'a Shared<T>);

impl<T: Task> Drop for Alive<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.alive -= 1;
        if state.alive == 0 {
            state.closed = true;
            let left = std::mem::replace(&mut state.queue, Queue::new(1, 1, Grouping::Equal));
            drop(state);
            drop(left);
        }
    }
}

fn work<W, T: Task, E: std::fmt::Display>(
    shared: &Shared<T>,
    mut worker: W,
    make: &dyn Fn() -> Result<W, E>,
    run: &(dyn Fn(&mut W, Vec<T>) -> Memory + Send + Sync),
) {
    loop {
        let mut state = shared.lock();
        let group = loop {
            if state.closed {
                return;
            }
            let idle = state.idle;
            if let Some(group) = state.queue.take(Instant::now(), idle) {
                break group;
            }
            state.idle += 1;
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        };
        let count = group.len();
        state.running += count;
        let budget = state.queue.budget();
        drop(state);
        let tokens = group.iter().map(Task::tokens).sum();
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut worker, group)));
        let mut state = shared.lock();
        state.running -= count;
        state.rate.add(tokens, start.elapsed());
        if let Some(short) = state.rate.tokens_in(SHORT) {
            state.queue.set_short(short);
        }
        state.panicked += u64::from(outcome.is_err());
        let smaller = match outcome {
            Ok(Memory::Exceeded) => state.queue.halve_budget(budget),
            _ => None,
        };
        drop(state);
        if let Some(smaller) = smaller {
            tracing::warn!(
                "there is not enough memory for {budget} tokens at a time: going on with {smaller}; --batch-tokens sets \
                 fewer from the start"
            );
        }
        if outcome.is_err() {
            match make() {
                Ok(fresh) => {
                    tracing::error!("a worker panicked; a fresh one takes its place");
                    worker = fresh;
                }
                Err(e) => tracing::error!("a worker panicked, and there can be no fresh one, so it goes on: {e}"),
            }
        }
    }
}

impl<T: Task> Drop for Scheduler<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let left = std::mem::replace(&mut state.queue, Queue::new(1, 1, Grouping::Equal));
        drop(state);
        drop(left);
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // The last handle to an engine may be dropped by one of its own workers.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[derive(Debug)]
    struct Number(usize, mpsc::Sender<usize>);

    impl Task for Number {
        fn tokens(&self) -> usize {
            10
        }
    }

    const ENDLESS: Bounds = Bounds {
        group_tokens: 40,
        group_tasks: usize::MAX,
        grouping: Grouping::Equal,
        queue_tokens: usize::MAX,
        turn_tokens: 1000,
    };

    fn tell(_: &mut u32, group: Vec<Number>) -> Memory {
        for Number(number, sender) in group {
            assert!(number != 50, "planted");
            let _ = sender.send(number);
        }
        Memory::Enough
    }

    #[test]
    fn every_task_runs_once_though_a_worker_fails_and_another_panics() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let make = move |_| if counter.fetch_add(1, Ordering::SeqCst) == 1 { Err("no memory") } else { Ok(0) };
        let one = Bounds { group_tokens: 1, ..ENDLESS };
        let scheduler = Scheduler::new(4, one, vec![0], make, Arc::new(tell)).unwrap();
        let (sender, receiver) = mpsc::channel();
        let tasks = (0..100).map(|i| Number(i, sender.clone())).collect();
        drop(sender);
        let ticket = scheduler.admit(1000).unwrap().submit(tasks).unwrap();
        let mut seen: Vec<usize> = receiver.iter().collect();
        drop(ticket);
        // The last sender goes while the worker unwinds, which is before the panic is counted.
        while scheduler.stats().panicked == 0 {
            std::thread::yield_now();
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..100).filter(|&i| i != 50).collect::<Vec<_>>());
        assert_eq!((scheduler.stats().tasks, scheduler.stats().panicked), (0, 1));
        drop(scheduler);
        // Three beside the first at the start, and one after the panic.
        assert_eq!(made.load(Ordering::SeqCst), 4);
    }

    /// A scheduler whose one worker waits for a word before each group.
    fn held(queue_tokens: usize) -> (Scheduler<Number>, mpsc::Sender<()>) {
        let (go, wait) = mpsc::channel::<()>();
        let run = move |wait: &mut mpsc::Receiver<()>, group: Vec<Number>| {
            let _ = wait.recv();
            tell(&mut 0, group)
        };
        let bounds = Bounds { queue_tokens, ..ENDLESS };
        let make = |_| Err::<mpsc::Receiver<()>, _>("only one");
        (Scheduler::new(1, bounds, vec![wait], make, Arc::new(run)).unwrap(), go)
    }

    /// Waits until so much waits and runs: tasks, tokens, running.
    fn wait_for(scheduler: &Scheduler<Number>, expected: [usize; 3]) {
        while depth(scheduler) != expected {
            std::thread::yield_now();
        }
    }

    fn depth(scheduler: &Scheduler<Number>) -> [usize; 3] {
        let Stats { tasks, tokens, running, .. } = scheduler.stats();
        [tasks, tokens, running]
    }

    #[test]
    fn admission_is_all_or_nothing() {
        let (scheduler, go) = held(100);
        let (sender, receiver) = mpsc::channel();
        let tasks = |count: usize| (0..count).map(|i| Number(i, sender.clone())).collect::<Vec<_>>();
        // Larger than the queue, but nothing waits.
        let large = scheduler.admit(500).unwrap().submit(tasks(50)).unwrap();
        wait_for(&scheduler, [46, 460, 4]);
        assert!(scheduler.admit(1).is_err());
        drop(large);
        assert_eq!(depth(&scheduler), [0, 0, 4]);
        assert_eq!(scheduler.stats().abandoned, 46);
        // Reserved tokens count, and an estimate that was too low is detected.
        let (half, rest) = (scheduler.admit(60).unwrap(), scheduler.admit(40).unwrap());
        assert!(scheduler.admit(1).is_err_and(|full| full.retry_after >= Duration::from_secs(1)));
        assert!(rest.submit(tasks(5)).is_err());
        let ticket = half.submit(tasks(6)).unwrap();
        assert_eq!(scheduler.stats().tokens, 60);
        for _ in 0..3 {
            go.send(()).unwrap();
        }
        drop(sender);
        assert_eq!(receiver.iter().count(), 4 + 6);
        drop(ticket);
    }

    #[test]
    fn cancelled_work_never_runs() {
        let (scheduler, go) = held(usize::MAX);
        let (sender, receiver) = mpsc::channel();
        let one = |i| vec![Number(i, sender.clone())];
        let first = scheduler.admit(10).unwrap().submit(one(1)).unwrap();
        wait_for(&scheduler, [0, 0, 1]);
        let second = scheduler.admit(10).unwrap().submit(one(2)).unwrap();
        let third = scheduler.admit(10).unwrap().submit(one(3)).unwrap();
        drop(second);
        drop(go);
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 3]);
        drop((first, third));
    }

    #[test]
    fn groups_are_smaller_for_good_once_memory_was_exceeded_down_to_the_least_budget() {
        let (sizes, seen) = mpsc::channel();
        let run = move |_: &mut u32, group: Vec<Number>| {
            let _ = sizes.send(group.len());
            if group.len() > 20 { Memory::Exceeded } else { Memory::Enough }
        };
        let make = |_| Err::<u32, _>("only one");
        let bounds = Bounds { group_tokens: 1200, ..ENDLESS };
        let scheduler = Scheduler::new(1, bounds, vec![0], make, Arc::new(run)).unwrap();
        let (sender, _receiver) = mpsc::channel();
        let tasks = (0..240).map(|i| Number(i, sender.clone())).collect();
        let ticket = scheduler.admit(2400).unwrap().submit(tasks).unwrap();
        wait_for(&scheduler, [0, 0, 0]);
        drop((ticket, scheduler));
        assert_eq!(seen.iter().collect::<Vec<_>>(), [120, 60, 30, 30]);
    }
}
