//! The processes of this machine, as the system reports them.

#[cfg(target_os = "linux")]
mod linux;
mod memory;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code, reason = "there for its tests alone"))]
mod portable;
mod process;

#[cfg(target_os = "linux")]
pub(super) use linux::Processes;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Processes;
pub(super) use process::Process;
