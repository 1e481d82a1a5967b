//! Loads: the times of requests, and the end of a phase.

mod arrivals;
mod clients;
mod drive;
mod pacer;
mod phase;
#[cfg(test)]
mod tests;

pub(crate) use drive::run;
pub(crate) use phase::{End, Limits, Load, MAX_IN_FLIGHT, MAX_RATE, Phase, PhaseError, Timer};
