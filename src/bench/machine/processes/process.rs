//! A process at one moment.

use std::time::Duration;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Process {
    /// The process that started it or took it over.
    pub parent: u32,
    /// When it began, on a clock of the system's own: tells it from a later process of the same number.
    pub started: u64,
    /// Processor time of its threads, in user and system mode.
    pub own: Duration,
    /// Processor time of its children that have ended and that it has waited for, and of theirs; zero where the system
    /// does not add it up (`Processes::ADDS_CHILDREN`).
    pub children: Duration,
    /// Resident set size (RSS) in bytes: pages in RAM, shared ones included.
    pub resident: u64,
}
