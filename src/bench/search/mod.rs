//! The limits of a target: sweeps up to saturation, searches for the highest rate that keeps a latency.

mod highest_rate;
mod steps;
mod sweep;

pub use highest_rate::{Goal, HighestRate, RateSearch};
pub use steps::{Step, Stop};
pub use sweep::{Axis, Sweep, Swept};
