//! Scheduling: tasks of any callers that have equal token length run together, on whichever worker is free.

mod fair_queue;
pub mod queue;
mod rate;
pub mod scheduler;
