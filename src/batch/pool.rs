//! Worker threads that take jobs from one queue: whoever is free takes the next, so nobody waits for a slow one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// A job: runs on some worker, with that worker's own state.
pub type Job<W> = Box<dyn FnOnce(&mut W) + Send>;

struct Queue<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    jobs: VecDeque<Job<W>>,
    closed: bool,
}

impl<W> Queue<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool of threads, each with a state of type `W` (a session, say).
pub struct WorkerPool<W> {
    queue: Arc<Queue<W>>,
    threads: Vec<JoinHandle<()>>,
}

impl<W: Send + 'static> WorkerPool<W> {
    /// Starts `threads` workers. The first gets `first`; each of the others makes its own state on its own thread, and
    /// if it cannot, the pool has one worker less.
    ///
    /// # Errors
    /// The system's, if not even one thread can be started.
    pub fn new<E: std::fmt::Display>(
        threads: usize,
        first: W,
        make: impl Fn() -> Result<W, E> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let state = State { jobs: VecDeque::new(), closed: false };
        let queue = Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new() });
        let make = Arc::new(make);
        let mut first = Some(first);
        let mut handles = Vec::new();
        for number in 0..threads.max(1) {
            let (queue, make, ready) = (Arc::clone(&queue), Arc::clone(&make), first.take());
            let body = move || match ready.map_or_else(|| make(), Ok) {
                Ok(worker) => work(&queue, worker),
                Err(e) => tracing::warn!("worker {number} cannot start, going on with the others: {e}"),
            };
            match std::thread::Builder::new().name(format!("worker-{number}")).spawn(body) {
                Ok(handle) => handles.push(handle),
                Err(e) if number == 0 => return Err(e),
                Err(e) => tracing::warn!("worker {number} cannot start, going on with the others: {e}"),
            }
        }
        Ok(Self { queue, threads: handles })
    }

    /// Puts jobs at the end of the queue.
    pub fn submit(&self, jobs: impl IntoIterator<Item = Job<W>>) {
        self.queue.lock().jobs.extend(jobs);
        self.queue.changed.notify_all();
    }
}

fn work<W>(queue: &Queue<W>, mut worker: W) {
    loop {
        let mut state = queue.lock();
        let job = loop {
            if let Some(job) = state.jobs.pop_front() {
                break job;
            }
            if state.closed {
                return;
            }
            state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        // A job answers for its own panics; one that gets out must not take the worker along.
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut worker))) {
            tracing::error!("a job panicked: {panic:?}");
        }
    }
}

impl<W> Drop for WorkerPool<W> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.closed = true;
        state.jobs.clear();
        drop(state);
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn every_job_runs_once_though_a_worker_fails_and_a_job_panics() {
        let made = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&made);
        let pool = WorkerPool::new(4, 0u32, move || {
            let mut made = counter.lock().unwrap_or_else(PoisonError::into_inner);
            *made += 1;
            if *made == 2 { Err("no memory") } else { Ok(0) }
        })
        .unwrap();
        let (sender, receiver) = mpsc::channel();
        pool.submit((0..100).map(|i| -> Job<u32> {
            let sender = sender.clone();
            Box::new(move |_| {
                assert!(i != 50, "planted");
                let _ = sender.send(i);
            })
        }));
        drop(sender);
        let mut seen: Vec<i32> = receiver.iter().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).filter(|&i| i != 50).collect::<Vec<_>>());
    }
}
