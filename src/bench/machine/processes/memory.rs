//! The memory of several processes together.
//!
//! One process counts with its resident set (RSS). The sum of several resident sets would count a page once for each
//! process that maps it (workers forked from one parent), so the sum of their proportional sets (PSS) counts there. PSS
//! also divides pages that processes outside map: another engine that maps the same weights would make these look
//! smaller. So the largest resident set is the least that counts, and a process alone never counts with its PSS.

use std::sync::Once;

use super::Processes;

static UNREADABLE: Once = Once::new();

impl Processes {
    /// Bytes in RAM of these processes; `None` if all have ended. A process whose PSS cannot be read counts with its RSS.
    pub(crate) fn memory(&mut self, pids: &[u32]) -> Option<u64> {
        let alive: Vec<(u32, u64)> = pids.iter().filter_map(|&pid| Some((pid, self.read(pid)?.resident))).collect();
        let largest = alive.iter().map(|&(_, resident)| resident).max()?;
        if alive.len() == 1 {
            return Some(largest);
        }
        let sum: u64 = alive.iter().map(|&(pid, _)| self.part(pid)).sum();
        Some(sum.max(largest))
    }

    /// The part of a process in the sum.
    fn part(&mut self, pid: u32) -> u64 {
        let proportional = self.proportional(pid);
        // It may have ended meanwhile.
        let part = proportional.or_else(|| Some(self.read(pid)?.resident)).unwrap_or(0);
        if proportional.is_none() && part > 0 {
            UNREADABLE.call_once(|| {
                tracing::warn!(
                    "proportional memory (PSS) of process {pid} cannot be read: pages that processes of an engine share \
                     count once for each of them"
                );
            });
        }
        part
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Processes 1, 2, ... with resident and proportional sets in kB; a PSS of `None` cannot be read.
    fn memory(sets: &[(u64, Option<u64>)], pids: &[u32]) -> Option<u64> {
        let dir = tempfile::tempdir().unwrap();
        for (pid, (resident, proportional)) in (1..).zip(sets) {
            let path = dir.path().join(format!("{pid}"));
            std::fs::create_dir(&path).unwrap();
            let stat = format!("{pid} (a) S 1 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 1000000 {resident} 0 0");
            std::fs::write(path.join("stat"), stat).unwrap();
            if let Some(kilobytes) = proportional {
                std::fs::write(path.join("smaps_rollup"), format!("Pss: {kilobytes} kB\n")).unwrap();
            }
        }
        Processes::under(dir.path().to_owned(), 100, 1024).memory(pids).map(|bytes| bytes / 1024)
    }

    #[test]
    fn pages_count_once() {
        assert_eq!(memory(&[], &[1]), None);
        assert_eq!(memory(&[(100, Some(50))], &[]), None);
        // Alone, with any pages that other processes map as well.
        assert_eq!(memory(&[(100, Some(50))], &[1]), Some(100));
        // Three that share 90 with one another.
        assert_eq!(memory(&[(100, Some(40)); 3], &[1, 2, 3]), Some(120));
        // 90 are shared with many others: no less than the largest.
        assert_eq!(memory(&[(100, Some(11)), (95, Some(11))], &[1, 2]), Some(100));
        // An ended process counts nothing; one that cannot be read counts with its resident set.
        assert_eq!(memory(&[(100, Some(40)), (100, Some(70))], &[1, 2, 3]), Some(110));
        assert_eq!(memory(&[(100, Some(40)), (100, None)], &[1, 2]), Some(140));
    }
}
