//! Waiting until a request is due.
//!
//! tokio's timer counts whole milliseconds and rounds up: at the latencies of small models that is a good part of the
//! measured time. A sleeping thread wakes within some 50 µs, without keeping a core busy.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::phase::Timer;

/// The thread takes over this long before a request is due: more than the delay of tokio's timer.
const HAND_OVER: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(crate) struct Pacer {
    /// The channel to the thread, if there is one; the thread ends with the pacer.
    thread: Option<mpsc::Sender<Wait>>,
}

#[derive(Debug)]
struct Wait {
    due: Instant,
    over: oneshot::Sender<()>,
}

impl Pacer {
    /// A pacer with this timer. If the system gives no thread, a fine timer is a coarse one.
    pub(crate) fn new(timer: Timer) -> Self {
        let thread = (timer == Timer::Fine).then(|| {
            let (sender, waits) = mpsc::channel::<Wait>();
            let sleep = move || {
                for Wait { due, over } in waits {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    // The request may have been given up.
                    let _ = over.send(());
                }
            };
            thread::Builder::new().name("pacer".into()).spawn(sleep).ok().map(|_| sender)
        });
        Self { thread: thread.flatten() }
    }

    /// Waits until this time; never returns before.
    pub(crate) async fn until(&self, due: Instant) {
        let Some(thread) = &self.thread else {
            return sleep_until(due).await;
        };
        let now = Instant::now();
        if due <= now {
            return;
        }
        if due > now + HAND_OVER {
            sleep_until(due - HAND_OVER).await;
        }
        let (over, waited) = oneshot::channel();
        if thread.send(Wait { due, over }).is_err() || waited.await.is_err() {
            sleep_until(due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_early() {
        let pacer = Pacer::new(Timer::Fine);
        assert!(pacer.thread.is_some());
        for micros in [0, 30, 700, 1500, 3700] {
            let due = Instant::now() + Duration::from_micros(micros);
            pacer.until(due).await;
            assert!(Instant::now() >= due);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_coarse_one_keeps_to_the_paused_clock() {
        let due = Instant::now() + Duration::from_millis(7);
        Pacer::new(Timer::Coarse).until(due).await;
        assert_eq!(Instant::now(), due);
    }
}
