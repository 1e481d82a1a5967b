//! Single processes, as the system tells.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code, reason = "there for its tests alone"))]
mod portable;

use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use linux::Processes;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Processes;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Who started it, or took it over.
    pub parent: u32,
    /// When it began, on a clock of the system's own: tells it from a later process of the same number.
    pub started: u64,
    /// Processor time of its threads, in user and system mode.
    pub own: Duration,
    /// Processor time of its children that have ended and that it has waited for, and of theirs; zero where the system
    /// does not add it up ([`Processes::ADDS_CHILDREN`]).
    pub children: Duration,
    /// Bytes in RAM, shared ones included.
    pub resident: u64,
}

/// What of a process's memory others have, too; in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sharing {
    /// Bytes in RAM.
    pub resident: u64,
    /// Each page divided by the number of processes that have it (PSS).
    pub proportional: u64,
    /// Pages that another process has, too.
    pub shared: u64,
}
