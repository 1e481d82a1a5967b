//! A model in int8: calibrated and quantised the first time, its quality measured, and kept in the cache.

mod answer;
mod calibration;
mod check;
mod quantise;
mod report;
mod store;

pub(crate) use calibration::{MAX_CALIBRATION_TEXTS, SENTENCES};
pub(super) use quantise::graph;
pub use quantise::{Int8Options, for_file};
pub(crate) use report::Report;
pub(crate) use store::reports;
