//! The energy of processor packages and GPUs in joules, by their own counters.
//!
//! Packages: the powercap interface of Linux (`Documentation/power/powercap/powercap.rst`), for Intel's RAPL and AMD's.
//! A zone `intel-rapl:N` named `package-…` is a whole package; `psys` counts the platform with the packages in it,
//! `core`, `uncore` and `dram` are parts or neighbours, and `intel-rapl-mmio:N` are the same packages once more. Since
//! the kernels of 2020 only root may read the counters, as they reveal the work of other users (CVE-2020-8694).

use std::path::{Path, PathBuf};

use super::gpus::Gpus;

const POWERCAP: &str = "/sys/class/powercap";

pub(super) struct Energy {
    packages: Vec<Package>,
    /// The number of GPUs with a readable counter.
    gpus: usize,
}

struct Package {
    /// `energy_uj`: microjoules, from 0 up to `largest`, and again from 0.
    path: PathBuf,
    largest: u64,
    last: u64,
    /// Microjoules since it was first read.
    total: u64,
}

impl Energy {
    /// The counters that can be read.
    pub(crate) fn new(gpus: Option<&Gpus>) -> Self {
        Self { packages: packages_under(Path::new(POWERCAP)), gpus: gpus.map_or(0, Gpus::with_energy) }
    }

    /// Joules of all counters together since an arbitrary start: only differences of two readings matter. `None` if
    /// there is no counter, or one could not be read. It must be read more often than a counter wraps around, which
    /// takes some minutes at full load.
    pub(crate) fn read(&mut self, gpus: Option<&Gpus>) -> Option<f64> {
        if self.packages.is_empty() && self.gpus == 0 {
            return None;
        }
        let mut joules = 0.0;
        for package in &mut self.packages {
            joules += package.read()? as f64 * 1e-6;
        }
        if self.gpus > 0 {
            joules += gpus?.joules(self.gpus)?;
        }
        Some(joules)
    }
}

impl Package {
    fn open(zone: &Path) -> Option<Self> {
        let path = zone.join("energy_uj");
        let last = number_in(&path)?;
        Some(Self { largest: number_in(&zone.join("max_energy_range_uj"))?, last, total: 0, path })
    }

    /// Microjoules since it was opened.
    fn read(&mut self) -> Option<u64> {
        let now = number_in(&self.path)?;
        let since = match now.checked_sub(self.last) {
            Some(since) => since,
            // The counter has wrapped around: from the last reading to its end, one step to 0, and on.
            None => self.largest.saturating_sub(self.last).saturating_add(1).saturating_add(now),
        };
        self.last = now;
        self.total = self.total.saturating_add(since);
        Some(self.total)
    }
}

/// The packages with readable counters. If one of several cannot be read, none counts: a part would look like all.
fn packages_under(powercap: &Path) -> Vec<Package> {
    let entries = std::fs::read_dir(powercap).into_iter().flatten().flatten();
    let zones = entries.filter(|entry| {
        let number = entry.file_name().to_str().and_then(|name| name.strip_prefix("intel-rapl:").map(str::to_owned));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    });
    let packages = zones.map(|entry| entry.path()).filter(|zone| {
        std::fs::read_to_string(zone.join("name")).is_ok_and(|name| name.trim_end().starts_with("package"))
    });
    packages.map(|zone| Package::open(&zone)).collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn number_in(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(root: &Path, zone: &str, name: &str, microjoules: &str) {
        let dir = root.join(zone);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("name"), format!("{name}\n")).unwrap();
        std::fs::write(dir.join("energy_uj"), format!("{microjoules}\n")).unwrap();
        std::fs::write(dir.join("max_energy_range_uj"), "999999\n").unwrap();
    }

    fn energy(root: &Path) -> Energy {
        Energy { packages: packages_under(root), gpus: 0 }
    }

    #[test]
    fn packages_count_and_their_parts_do_not() {
        let dir = tempfile::tempdir().unwrap();
        for (name, of) in [
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:1", "package-1"),
            ("intel-rapl:2", "psys"),
            ("intel-rapl:0:0", "core"),
            ("intel-rapl-mmio:0", "package-0"),
            ("intel-rapl", "package"),
        ] {
            zone(dir.path(), name, of, "1000");
        }
        let mut energy = energy(dir.path());
        assert_eq!(energy.packages.len(), 2);
        assert_eq!(energy.read(None), Some(0.0));
        for name in ["intel-rapl:0", "intel-rapl:1", "intel-rapl:2", "intel-rapl:0:0", "intel-rapl-mmio:0"] {
            std::fs::write(dir.path().join(name).join("energy_uj"), "501000").unwrap();
        }
        assert_eq!(energy.read(None), Some(1.0));
    }

    #[test]
    fn a_counter_that_goes_round_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        zone(dir.path(), "intel-rapl:0", "package-0", "999990");
        let mut energy = energy(dir.path());
        for (now, total) in [(999_999, 9e-6), (5, 15e-6), (999_999, 1.000_009), (0, 1.000_01)] {
            std::fs::write(dir.path().join("intel-rapl:0/energy_uj"), now.to_string()).unwrap();
            let joules = energy.read(None).unwrap();
            assert!((joules - total).abs() < 1e-9, "{now}: {joules}, not {total}");
        }
    }

    #[test]
    fn unreadable_counters_give_no_energy() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(energy(dir.path()).read(None), None);
        assert_eq!(energy(&dir.path().join("nowhere")).read(None), None);
        zone(dir.path(), "intel-rapl:0", "package-0", "1");
        zone(dir.path(), "intel-rapl:1", "package-1", "not a number");
        assert!(energy(dir.path()).packages.is_empty());
        // One that vanishes while it is counted.
        std::fs::write(dir.path().join("intel-rapl:1/energy_uj"), "1").unwrap();
        let mut energy = energy(dir.path());
        assert_eq!(energy.packages.len(), 2);
        std::fs::remove_dir_all(dir.path().join("intel-rapl:1")).unwrap();
        assert_eq!(energy.read(None), None);
    }
}
