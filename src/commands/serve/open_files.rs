//! The limit of open files, sockets included.

/// More than any server needs. Some systems allow a billion, and programs that close all possible files on start take
/// long then.
const MAX_FILES: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one: each connection is a file, and shells allow 1024.
pub(super) fn raise_limit() {
    #[cfg(unix)]
    {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the struct is local and lives until the call returns.
        if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
            return;
        }
        let wanted = limit.rlim_max.min(MAX_FILES);
        if limit.rlim_cur < wanted {
            let raised = libc::rlimit { rlim_cur: wanted, ..limit };
            // SAFETY: as above; the call only reads the struct.
            let outcome = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) };
            tracing::debug!(from = limit.rlim_cur, to = wanted, outcome, "limit of open files");
        }
    }
}
