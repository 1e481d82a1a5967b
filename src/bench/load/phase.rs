//! A phase: the load, and its end.

use std::fmt;
use std::time::Duration;

use crate::plural::counted;

/// The most clients of a closed loop, and the most requests in flight.
pub(crate) const MAX_IN_FLIGHT: usize = 100_000;
/// The highest rate of an open loop, in requests a second.
pub(crate) const MAX_RATE: f64 = 1e6;
pub(crate) const MAX_PHASE: Duration = Duration::from_hours(30 * 24);

/// The arrival of requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Clients that each send the next request when the last one is answered: the target sets the pace. A request is
    /// due when its client is free, so a target that stalls gets fewer requests: for latencies, prefer an open loop.
    Closed { concurrency: usize },
    /// An open loop: requests come evenly, independent of replies.
    Constant {
        /// Requests a second.
        rate: f64,
    },
    /// An open loop of many independent clients: gaps are exponential.
    Poisson {
        /// Requests a second, on average.
        rate: f64,
    },
    /// An open loop whose rate changes evenly; such a phase ends by time.
    Ramp {
        /// Requests a second at the beginning.
        from: f64,
        /// Requests a second at the end.
        to: f64,
    },
    /// One job: all requests are there from the start, and the target decides how many are in flight. A request is due
    /// when it is sent.
    Offline,
}

impl Load {
    /// True if requests come at their times, independent of replies.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Constant { .. } | Self::Poisson { .. } | Self::Ramp { .. })
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { concurrency } => f.write_str(&counted(*concurrency, "client")),
            Self::Constant { rate } => write!(f, "{rate}/s"),
            Self::Poisson { rate } => write!(f, "{rate}/s (Poisson)"),
            Self::Ramp { from, to } => write!(f, "{from}/s to {to}/s"),
            Self::Offline => f.write_str("offline"),
        }
    }
}

/// The time after which no more requests are sent. [`Limits`] decide how long those in flight are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    After(Duration),
    Requests(usize),
}

/// Limits that end every phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The longest time from sending a request to its answer; then it has failed.
    pub timeout: Duration,
    /// The longest wait for all answers after the last request was due; requests still in flight then have failed.
    pub drain: Duration,
    /// The most requests in flight in an open loop; further ones are dropped, and counted as dropped.
    pub in_flight: usize,
    /// The phase gives up after this many failures without an answer in between.
    pub failures_in_a_row: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let (timeout, drain) = (Duration::from_secs(60), Duration::from_secs(60));
        Self { timeout, drain, in_flight: 10_000, failures_in_a_row: 1000 }
    }
}

/// The clock that waits for due requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Timer {
    /// tokio's timer: to the millisecond, never early. Tests can pause it.
    #[default]
    Coarse,
    /// A thread of its own: to about a tenth of a millisecond, never early.
    Fine,
}

/// A stretch of load with one way to end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phase {
    pub(super) load: Load,
    pub(super) end: End,
    pub limits: Limits,
    /// Index of the first request to send; the others follow, over and over again.
    pub first: usize,
    /// The seed of [`Load::Poisson`].
    pub seed: u64,
    pub timer: Timer,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum PhaseError {
    /// No clients, or too many.
    #[error("{0} clients: from 1 to {MAX_IN_FLIGHT} are possible")]
    Concurrency(usize),
    /// The rate is not a positive number.
    #[error("a rate of {0}/s: above 0 and up to {MAX_RATE} are possible")]
    Rate(f64),
    /// No time, or too much.
    #[error("a phase of {}: it must last more than 0 s and at most 30 days", humantime::format_duration(*.0))]
    Duration(Duration),
    #[error("a phase of no requests")]
    NoRequests,
    /// A ramp without its length.
    #[error("a ramp ends after a time, not after a number of requests")]
    RampWithoutTime,
}

impl Phase {
    /// A phase with default limits, from the first request on, seed 0 and the coarse timer.
    pub(crate) fn new(load: Load, end: End) -> Result<Self, PhaseError> {
        let rate = |rate: f64, lowest: bool| {
            let valid = (rate > 0.0 || (lowest && rate == 0.0)) && rate <= MAX_RATE;
            if valid { Ok(()) } else { Err(PhaseError::Rate(rate)) }
        };
        match load {
            Load::Closed { concurrency } if !(1..=MAX_IN_FLIGHT).contains(&concurrency) => {
                return Err(PhaseError::Concurrency(concurrency));
            }
            Load::Constant { rate: of } | Load::Poisson { rate: of } => rate(of, false)?,
            Load::Ramp { from, to } => {
                rate(from, true)?;
                rate(to, from > 0.0)?;
                if matches!(end, End::Requests(_)) {
                    return Err(PhaseError::RampWithoutTime);
                }
            }
            Load::Closed { .. } | Load::Offline => {}
        }
        match end {
            End::Requests(0) => Err(PhaseError::NoRequests),
            End::After(duration) if duration.is_zero() || duration > MAX_PHASE => Err(PhaseError::Duration(duration)),
            _ => Ok(Self { load, end, limits: Limits::default(), first: 0, seed: 0, timer: Timer::default() }),
        }
    }

    pub(crate) fn with_load(&self, load: Load) -> Result<Self, PhaseError> {
        let Self { load: _, end, limits, first, seed, timer } = *self;
        Ok(Self { limits, first, seed, timer, ..Self::new(load, end)? })
    }

    /// The same phase with `clients` clients and `requests` requests, at least one of each, from request `first` on.
    pub(in super::super) fn of_clients(&self, clients: usize, requests: usize, first: usize) -> Self {
        let load = Load::Closed { concurrency: clients.clamp(1, MAX_IN_FLIGHT) };
        Self { load, end: End::Requests(requests.max(1)), first, ..self.clone() }
    }

    pub(crate) fn load(&self) -> Load {
        self.load
    }

    pub(crate) fn end(&self) -> End {
        self.end
    }

    /// The time in which the requests of an open loop are due: that of the phase, or that of its number of requests at
    /// its rate.
    pub(super) fn due(&self) -> Duration {
        match (self.end, self.load) {
            (End::After(duration), _) => duration,
            (End::Requests(requests), Load::Constant { rate } | Load::Poisson { rate }) => {
                Duration::try_from_secs_f64(requests as f64 / rate).unwrap_or(MAX_PHASE)
            }
            (End::Requests(_), _) => Duration::ZERO,
        }
    }
}
