//! The limits of a target: sweeps up to saturation, searches for the highest rate that keeps a latency.

mod highest_rate;
mod steps;
mod sweep;

pub(crate) use highest_rate::{Goal, HighestRate, RateSearch};
pub(crate) use steps::{Step, Stop};
pub(crate) use sweep::{Axis, Sweep, Swept};
