//! Scheduling: tasks of any callers run together, on whichever worker is free.

mod fair_queue;
pub(crate) mod grouping;
pub(crate) mod queue;
mod rate;
pub(crate) mod scheduler;
