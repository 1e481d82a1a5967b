//! Processes by the sysinfo crate, for other systems.

use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::Process;

/// The processes of this machine that this one can see.
pub(in super::super) struct Processes(System);

impl Processes {
    /// True if [`Process::children`] is known.
    pub(crate) const ADDS_CHILDREN: bool = false;

    pub(crate) fn new() -> Self {
        Self(System::new())
    }

    /// The ids of all processes.
    pub(crate) fn all(&mut self) -> Vec<u32> {
        let kind = ProcessRefreshKind::nothing().without_tasks();
        self.0.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        self.0.processes().keys().map(|pid| pid.as_u32()).collect()
    }

    /// One process; `None` if it has ended.
    pub(crate) fn read(&mut self, pid: u32) -> Option<Process> {
        let pid = Pid::from_u32(pid);
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.0.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
        let process = self.0.process(pid)?;
        Some(Process {
            parent: process.parent().map_or(0, Pid::as_u32),
            started: process.start_time(),
            own: Duration::from_millis(process.accumulated_cpu_time()),
            children: Duration::ZERO,
            resident: process.memory(),
        })
    }

    pub(crate) fn proportional(&mut self, _pid: u32) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there() {
        let mut processes = Processes::new();
        let pid = std::process::id();
        assert!(processes.all().contains(&pid));
        let process = processes.read(pid).unwrap();
        assert!(process.resident > 100_000 && process.started > 0 && process.parent > 0, "{process:?}");
        assert_eq!((process.children, processes.proportional(pid)), (Duration::ZERO, None));
    }
}
