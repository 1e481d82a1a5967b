//! Waiting until a request is due.
//!
//! tokio's timer counts whole milliseconds and rounds up: at the latencies of small models that would be a good part of
//! what is measured. A thread that sleeps wakes within some 50 µs, without keeping a core busy.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::phase::Timer;

/// This long before a request is due the thread takes over: more than tokio's timer is late.
const HAND_OVER: Duration = Duration::from_millis(2);

/// Waits until requests are due.
#[derive(Debug)]
pub struct Pacer {
    /// To the thread, where there is one; it ends with the pacer.
    thread: Option<mpsc::Sender<Wait>>,
}

#[derive(Debug)]
struct Wait {
    due: Instant,
    over: oneshot::Sender<()>,
}

impl Pacer {
    /// With such a timer. Without a thread to be had, a fine one is a coarse one.
    pub fn new(timer: Timer) -> Self {
        let thread = (timer == Timer::Fine).then(|| {
            let (sender, waits) = mpsc::channel::<Wait>();
            let sleep = move || {
                for Wait { due, over } in waits {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    // Whoever waited may have stopped waiting.
                    let _ = over.send(());
                }
            };
            thread::Builder::new().name("pacer".into()).spawn(sleep).ok().map(|_| sender)
        });
        Self { thread: thread.flatten() }
    }

    /// Waits until then; never returns before.
    pub async fn until(&self, due: Instant) {
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
