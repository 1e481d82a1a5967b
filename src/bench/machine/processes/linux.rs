//! Processes of Linux, from `/proc` (proc(5)).

use std::path::PathBuf;
use std::time::Duration;

use super::Process;

/// The processes of this machine that this one can see.
pub(in super::super) struct Processes {
    /// `/proc`.
    root: PathBuf,
    ticks_per_second: u64,
    page_bytes: u64,
}

impl Processes {
    /// True if [`Process::children`] is known.
    pub(crate) const ADDS_CHILDREN: bool = true;

    /// The processes under `/proc`.
    pub(crate) fn new() -> Self {
        let setting = |name, otherwise| {
            // SAFETY: takes a number and returns one (sysconf(3)).
            let value = unsafe { libc::sysconf(name) };
            u64::try_from(value).ok().filter(|&value| value > 0).unwrap_or(otherwise)
        };
        Self::under("/proc".into(), setting(libc::_SC_CLK_TCK, 100), setting(libc::_SC_PAGESIZE, 4096))
    }

    /// The processes under another directory of the same form.
    pub(crate) fn under(root: PathBuf, ticks_per_second: u64, page_bytes: u64) -> Self {
        Self { root, ticks_per_second, page_bytes }
    }

    /// The ids of all processes.
    pub(crate) fn all(&mut self) -> Vec<u32> {
        let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// One process; `None` if it has ended.
    pub(crate) fn read(&mut self, pid: u32) -> Option<Process> {
        let stat = std::fs::read(self.root.join(pid.to_string()).join("stat")).ok()?;
        self.parse_stat(&stat)
    }

    /// Proportional set size (PSS) in bytes: each page divided by the number of processes that map it. `None` if this
    /// process may not read it. The kernel walks all pages of the process, which takes about 12 ms a GiB.
    pub(crate) fn proportional(&mut self, pid: u32) -> Option<u64> {
        parse_proportional(&std::fs::read_to_string(self.root.join(pid.to_string()).join("smaps_rollup")).ok()?)
    }

    /// `PID (name) state parent …`: the name may contain spaces and parentheses, too.
    fn parse_stat(&self, stat: &[u8]) -> Option<Process> {
        let name_end = stat.iter().rposition(|&byte| byte == b')')?;
        let fields: Vec<&str> = std::str::from_utf8(&stat[name_end + 1..]).ok()?.split_ascii_whitespace().collect();
        // Numbered as in proc_pid_stat(5), where the state is field 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let time = |ticks: u64| Duration::from_secs_f64(ticks as f64 / self.ticks_per_second as f64);
        Some(Process {
            parent: u32::try_from(field(4)?).ok()?,
            started: field(22)?,
            own: time(field(14)?.checked_add(field(15)?)?),
            children: time(field(16)?.checked_add(field(17)?)?),
            resident: field(24)?.checked_mul(self.page_bytes)?,
        })
    }
}

/// The line `Pss: N kB` of `smaps_rollup`, in bytes.
fn parse_proportional(text: &str) -> Option<u64> {
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("Pss:"))?.trim().strip_suffix("kB")?;
    kilobytes.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, rest: &str) -> Vec<u8> {
        format!("7 ({name}) S {rest}").into_bytes()
    }

    #[test]
    fn the_fields_of_stat_are_found_behind_any_name() {
        let processes = Processes::under("/nowhere".into(), 100, 4096);
        // Fields 4 to 24, each of them another number.
        let rest = "4 5 6 7 8 9 10 11 12 13 140 15 16 17 18 19 20 21 22 23 24 25";
        let expected = Process {
            parent: 4,
            started: 22,
            own: Duration::from_millis(1550),
            children: Duration::from_millis(330),
            resident: 24 * 4096,
        };
        for name in ["sleep", "a b) S 1 2", "()", ""] {
            assert_eq!(processes.parse_stat(&stat(name, rest)), Some(expected), "{name}");
        }
        let invalid = [&b"7 (\xff\xfe) S "[..], rest.as_bytes()].concat();
        assert_eq!(processes.parse_stat(&invalid), Some(expected));
    }

    #[test]
    fn malformed_stat_gives_no_process() {
        let processes = Processes::under("/nowhere".into(), 100, 4096);
        for text in [&b""[..], b"7 (sleep", b"7 (sleep) S 4 5", b"7 (sleep) S a b c d"] {
            assert_eq!(processes.parse_stat(text), None);
        }
        let huge = "4 5 6 7 8 9 10 11 12 13 18446744073709551615 15 16 17 18 19 20 21 22 23 24";
        assert_eq!(processes.parse_stat(&stat("x", huge)), None);
    }

    #[test]
    fn proportional_set_sizes_are_read_in_bytes() {
        let text = "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss: 1616 kB\nPss:   396 kB\nPss_Anon: 116 kB\n";
        assert_eq!(parse_proportional(text), Some(396 << 10));
        for text in
            ["", "Rss: 1616 kB\n", "Pss: 396\n", "Pss: 99999999999999999999 kB\n", "Pss: 18446744073709551615 kB"]
        {
            assert_eq!(parse_proportional(text), None, "{text}");
        }
    }

    #[test]
    fn this_process_is_there() {
        let mut processes = Processes::new();
        let pid = std::process::id();
        assert!(processes.all().contains(&pid));
        let process = processes.read(pid).unwrap();
        assert_eq!(process.parent, std::os::unix::process::parent_id());
        assert!(process.resident > 100_000);
        assert!(processes.proportional(pid).is_none_or(|bytes| bytes > 100_000));
    }
}
