//! How far a target can be driven: sweeps until it is saturated, searches for the highest rate that keeps a promise.

mod highest_rate;
mod steps;
mod sweep;

pub use highest_rate::{Goal, HighestRate, RateSearch};
pub use steps::{Step, Stop};
pub use sweep::{Axis, Sweep, Swept};
