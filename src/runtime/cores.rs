//! The number of cores that this process may use.

use std::num::NonZero;

/// Cores this process may use: what its affinity mask and cgroup quota leave of the machine (at least 1).
///
/// The standard library reads both: `sched_getaffinity`, and the CPU quota of cgroup v1 and v2 rounded down.
pub fn usable() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The number of online cores of the machine, if the system reports it.
pub fn online() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        let list = std::fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
        parse_cpu_list(list.trim())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Counts the CPUs of a kernel list such as `0-3,8,10-11`.
#[cfg(any(test, target_os = "linux"))]
fn parse_cpu_list(list: &str) -> Option<usize> {
    let mut count = 0;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        count += last.checked_sub(first)? + 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_cpu_lists() {
        assert_eq!(parse_cpu_list("0-3,8,10-11"), Some(7));
        assert_eq!(parse_cpu_list("0"), Some(1));
        assert_eq!(parse_cpu_list("3-1"), None);
        assert_eq!(parse_cpu_list(""), None);
    }
}
