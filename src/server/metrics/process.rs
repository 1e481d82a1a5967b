//! Figures of the process from the operating system.

/// Resident bytes of the process; `None` if the system does not report them.
pub(crate) fn resident_memory() -> Option<i64> {
    resident_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// The number in a line such as `VmRSS:     1234 kB`.
fn resident_in(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(resident_in("Name:\tinfa\nVmHWM:\t    9 kB\nVmRSS:\t   1234 kB\nThreads:\t2\n"), Some(1_263_616));
        assert_eq!(resident_in("Name:\tinfa\n"), None);
        assert_eq!(resident_in("VmRSS:\t many kB\n"), None);
        #[cfg(target_os = "linux")]
        assert!(resident_memory().is_some_and(|bytes| bytes > 100_000));
    }
}
