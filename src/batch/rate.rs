//! Throughput of the workers, from their most recent groups.

use std::time::Duration;

/// Tokens a second of one worker, recent work counting most.
#[derive(Debug, Default)]
pub(super) struct Rate {
    tokens: f64,
    seconds: f64,
}

/// Seconds of work after which older work counts for little.
const MEMORY: f64 = 5.0;

impl Rate {
    /// Adds a group of `tokens` tokens that took a worker `time`.
    pub(crate) fn add(&mut self, tokens: usize, time: Duration) {
        self.tokens += tokens as f64;
        self.seconds += time.as_secs_f64();
        if self.seconds > MEMORY {
            let keep = MEMORY / self.seconds;
            self.tokens *= keep;
            self.seconds *= keep;
        }
    }

    /// Tokens that one worker computes in `time`; `None` until something was computed.
    pub(crate) fn tokens_in(&self, time: Duration) -> Option<usize> {
        (self.tokens > 0.0).then(|| (self.tokens / self.seconds.max(1e-6) * time.as_secs_f64()) as usize)
    }

    /// The time that `workers` workers need for `tokens` tokens, bounded to between a second and a minute, as it
    /// becomes `Retry-After`.
    pub(crate) fn time_for(&self, tokens: usize, workers: usize) -> Duration {
        let rate =
            if self.tokens > 0.0 { self.tokens / self.seconds.max(1e-6) * workers.max(1) as f64 } else { 1000.0 };
        Duration::from_secs_f64((tokens as f64 / rate).clamp(1.0, 60.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_for_what_waits() {
        let mut rate = Rate::default();
        assert_eq!(rate.time_for(5000, 2), Duration::from_secs(5), "nothing is known yet");
        for _ in 0..100 {
            rate.add(1000, Duration::from_secs(1));
        }
        assert_eq!(rate.time_for(20_000, 2), Duration::from_secs(10));
        assert_eq!(rate.time_for(0, 2), Duration::from_secs(1));
        assert_eq!(rate.time_for(usize::MAX, 2), Duration::from_secs(60));
        for _ in 0..100 {
            rate.add(10_000, Duration::from_secs(1));
        }
        assert!(rate.time_for(200_000, 2) < Duration::from_secs(11), "old work is forgotten");
        assert_eq!(Rate::default().tokens_in(Duration::from_secs(1)), None);
        let mut even = Rate::default();
        even.add(4000, Duration::from_secs(2));
        assert_eq!(even.tokens_in(Duration::from_millis(20)), Some(40));
    }
}
