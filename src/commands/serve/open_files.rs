//! How many files, sockets among them, the server may have open.

/// More than any server needs; some systems allow for a billion, and programs that are started by others close them all.
const ENOUGH: u64 = 1 << 20;

/// Raises the soft limit of open files to the hard one: each connection is a file, and shells allow for 1024.
pub(super) fn raise_limit() {
    #[cfg(unix)]
    {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the struct is this function's own and lives until the call returns.
        if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
            return;
        }
        let wanted = limit.rlim_max.min(ENOUGH);
        if limit.rlim_cur < wanted {
            let raised = libc::rlimit { rlim_cur: wanted, ..limit };
            // SAFETY: as above; the call only reads the struct.
            let outcome = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) };
            tracing::debug!(from = limit.rlim_cur, to = wanted, outcome, "limit of open files");
        }
    }
}
