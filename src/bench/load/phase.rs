//! One stretch of load: how requests come, and when it is over.

use std::fmt;
use std::time::Duration;

use crate::plural::counted;

/// Most clients of a closed loop, and most requests in flight.
pub const MOST_IN_FLIGHT: usize = 100_000;
/// Highest rate of an open loop, in requests a second.
pub const HIGHEST_RATE: f64 = 1e6;
/// Longest phase.
pub const LONGEST_PHASE: Duration = Duration::from_hours(30 * 24);

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Clients that each send the next request when the last one is answered: the target sets the pace. A request is
    /// due when its client is free, so a target that stalls is asked less: for latencies, prefer an open loop.
    Closed {
        /// How many clients.
        concurrency: usize,
    },
    /// An open loop: requests come evenly, whether or not the last ones are answered.
    Constant {
        /// Requests a second.
        rate: f64,
    },
    /// An open loop of many clients who know nothing of each other: gaps are exponential.
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
    /// One job: all requests are there from the start, and as many are in flight as the target wants. A request is due
    /// when it is sent.
    Offline,
}

impl Load {
    /// Whether requests come at their times, whatever the target does.
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

/// When no more requests are sent. Those that are in flight are waited for, as [`Limits`] say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After this time.
    After(Duration),
    /// After this many requests.
    Requests(usize),
}

/// What keeps a phase from going on for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait for one answer, from when the request was sent; then it has failed.
    pub timeout: Duration,
    /// Longest wait for all answers after the last request was due; what is then in flight has failed.
    pub drain: Duration,
    /// Most requests in flight in an open loop; what is due beyond is dropped, and counted as dropped.
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

/// How the time until a request is due is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timer {
    /// With tokio's timer: to the millisecond, never early. Tests can pause it.
    #[default]
    Coarse,
    /// With a thread that does nothing else: to about a tenth of a millisecond, never early.
    Fine,
}

/// One stretch of load with one way to end.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    pub(super) load: Load,
    pub(super) end: End,
    /// What keeps it from going on for ever.
    pub limits: Limits,
    /// Index of the first request it sends; the others follow, and round again.
    pub first: usize,
    /// Decides when the requests of [`Load::Poisson`] come.
    pub seed: u64,
    /// How exactly the requests of an open loop are sent when they are due.
    pub timer: Timer,
}

/// Why there can be no such phase.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PhaseError {
    /// No clients, or too many.
    #[error("{0} clients: from 1 to {MOST_IN_FLIGHT} are possible")]
    Concurrency(usize),
    /// The rate is not a positive number.
    #[error("a rate of {0}/s: above 0 and up to {HIGHEST_RATE} are possible")]
    Rate(f64),
    /// No time, or too much.
    #[error("a phase of {}: it must last more than 0 s and at most 30 days", humantime::format_duration(*.0))]
    Duration(Duration),
    /// No requests.
    #[error("a phase of no requests")]
    NoRequests,
    /// A ramp without its length.
    #[error("a ramp ends after a time, not after a number of requests")]
    RampWithoutTime,
}

impl Phase {
    /// A phase with the usual limits, from the first request on, seed 0 and the coarse timer.
    pub fn new(load: Load, end: End) -> Result<Self, PhaseError> {
        let rate = |rate: f64, lowest: bool| {
            let valid = (rate > 0.0 || (lowest && rate == 0.0)) && rate <= HIGHEST_RATE;
            if valid { Ok(()) } else { Err(PhaseError::Rate(rate)) }
        };
        match load {
            Load::Closed { concurrency } if !(1..=MOST_IN_FLIGHT).contains(&concurrency) => {
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
            End::After(duration) if duration.is_zero() || duration > LONGEST_PHASE => {
                Err(PhaseError::Duration(duration))
            }
            _ => Ok(Self { load, end, limits: Limits::default(), first: 0, seed: 0, timer: Timer::default() }),
        }
    }

    /// The same with another load.
    pub fn with_load(&self, load: Load) -> Result<Self, PhaseError> {
        let Self { load: _, end, limits, first, seed, timer } = *self;
        Ok(Self { limits, first, seed, timer, ..Self::new(load, end)? })
    }

    /// The same phase with `clients` clients and `requests` requests, at least one of each, from request `first` on.
    pub(in super::super) fn of_clients(&self, clients: usize, requests: usize, first: usize) -> Self {
        let load = Load::Closed { concurrency: clients.clamp(1, MOST_IN_FLIGHT) };
        Self { load, end: End::Requests(requests.max(1)), first, ..self.clone() }
    }

    /// How its requests come.
    pub fn load(&self) -> Load {
        self.load
    }

    /// When no more are sent.
    pub fn end(&self) -> End {
        self.end
    }
}
