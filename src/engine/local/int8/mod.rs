//! A model in int8: calibrated and quantised the first time, its quality measured, and kept in the cache.

mod answer;
mod calibration;
mod check;
mod quantise;
mod report;
mod store;

pub(crate) use calibration::{MAX_CALIBRATION_TEXTS, SENTENCES};
pub use quantise::Int8Options;
pub(super) use quantise::graph;
pub(crate) use report::Report;
pub(crate) use store::reports;
