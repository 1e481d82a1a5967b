//! Loads: the times of requests, and the end of a phase.

mod arrivals;
mod clients;
mod drive;
mod pacer;
mod phase;
#[cfg(test)]
mod tests;

pub use drive::run;
pub use phase::{End, HIGHEST_RATE, Limits, Load, MOST_IN_FLIGHT, Phase, PhaseError, Timer};
