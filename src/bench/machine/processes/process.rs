use std::time::Duration;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Process {
    /// The process that started it or adopted it.
    pub parent: u32,
    /// Its start, on a clock of the system: distinguishes it from a later process with the same id.
    pub started: u64,
    /// Processor time of its threads, in user and system mode.
    pub own: Duration,
    /// Processor time of its ended children that it has waited for, and of theirs; zero if the system does not add it
    /// up (`Processes::ADDS_CHILDREN`).
    pub children: Duration,
    /// Resident set size (RSS) in bytes: pages in RAM, shared ones included.
    pub resident: u64,
}
