//! The memory limit of this process's cgroup.
//!
//! Limits hold for a group and all groups below it: the smallest on the way from the root counts. Version 2 keeps them in
//! `memory.max` (`Documentation/admin-guide/cgroup-v2.rst`), version 1 in `memory.limit_in_bytes`, where "no limit" is a
//! number larger than any memory (`cgroup-v1/memory.rst`).

use std::path::{Path, PathBuf};

/// The limit in bytes; `None` if there is none. `root` stands for `/`.
pub(super) fn memory_limit(root: &Path) -> Option<u64> {
    let groups = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounted = root.join("sys/fs/cgroup");
    groups.lines().flat_map(|line| limits_of(line, &mounted)).min()
}

/// The limits of a line `number:controllers:path` of `/proc/self/cgroup`.
fn limits_of(line: &str, mounted: &Path) -> Vec<u64> {
    let mut fields = line.splitn(3, ':');
    let (Some(number), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
        return Vec::new();
    };
    let (mounted, file) = match controllers {
        // Version 2 is mounted there, or, beside version 1, below `unified`.
        "" if number == "0" => match mounted.join("unified") {
            unified if unified.is_dir() => (unified, "memory.max"),
            _ => (mounted.to_owned(), "memory.max"),
        },
        _ if controllers.split(',').any(|name| name == "memory") => (mounted.join("memory"), "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    // In a container the path may be that of the host, while the mount is the group itself: then only the mount's root
    // is visible.
    let path: PathBuf = path.split('/').filter(|part| !part.is_empty() && *part != "..").collect();
    let groups = path.ancestors().map(|group| mounted.join(group).join(file));
    let texts = groups.filter_map(|file| std::fs::read_to_string(file).ok());
    // "max" is not a number.
    texts.filter_map(|text| text.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(groups: &str, files: &[(&str, &str)]) -> Option<u64> {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        };
        write("proc/self/cgroup", groups);
        files.iter().for_each(|(path, text)| write(path, text));
        memory_limit(dir.path())
    }

    #[test]
    fn version_2_counts_every_group_on_the_way() {
        let own = ("sys/fs/cgroup/a/b/memory.max", "max");
        assert_eq!(limit("0::/a/b", &[own]), None);
        assert_eq!(limit("0::/a/b", &[own, ("sys/fs/cgroup/a/memory.max", "5000")]), Some(5000));
        let files =
            [("sys/fs/cgroup/a/b/memory.max", "7000"), ("sys/fs/cgroup/a/memory.max", "5000"), ("x/memory.max", "1")];
        assert_eq!(limit("0::/a/b", &files), Some(5000));
        assert_eq!(limit("0::/", &[("sys/fs/cgroup/memory.max", "4096")]), Some(4096));
        // The host's path, seen from inside.
        assert_eq!(limit("0::/../docker/12ab", &[("sys/fs/cgroup/memory.max", "4096")]), Some(4096));
    }

    #[test]
    fn version_1_and_both_together() {
        let groups = "9:name=systemd:/\n4:cpu,memory:/job/1\n1:cpu:/\n0::/";
        let files = [
            ("sys/fs/cgroup/memory/job/1/memory.limit_in_bytes", "9223372036854771712"),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "123456789"),
            ("sys/fs/cgroup/cpu/memory.limit_in_bytes", "1"),
        ];
        assert_eq!(limit(groups, &files), Some(123_456_789));
        assert_eq!(limit(groups, &[files[0], ("sys/fs/cgroup/unified/memory.max", "77")]), Some(77));
    }

    #[test]
    fn text_that_is_not_a_cgroup_limits_nothing() {
        for groups in ["", "nonsense", "0::", "4:memory", "x:y:z"] {
            assert_eq!(limit(groups, &[]), None, "{groups}");
        }
        assert_eq!(memory_limit(Path::new("/no such directory")), None);
    }
}
