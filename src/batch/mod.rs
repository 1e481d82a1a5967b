//! Scheduling: tasks of any callers that have equal token length run together, on whichever worker is free.

mod fair_queue;
pub(crate) mod queue;
mod rate;
pub(crate) mod scheduler;
