//! The processes of engines: those that were started for them, and all their descendants.
//!
//! Processor time of a tree is the time of its processes, and of children that they have waited for, which the system
//! adds to their parents'. A process that has ended without a parent in the tree to wait for it keeps its last known
//! time.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::processes::{Process, Processes};

pub(super) struct ProcessTrees {
    processes: Processes,
    trees: Vec<ProcessTree>,
    /// Processes outside of all trees, so that each is read once.
    unrelated: HashSet<u32>,
}

#[derive(Default)]
struct ProcessTree {
    members: BTreeMap<u32, Process>,
    /// Time of ended processes that no member has waited for.
    exited: Duration,
}

impl ProcessTree {
    fn refresh(&mut self, processes: &mut Processes) {
        let mut exited = Vec::new();
        self.members.retain(|&pid, member| match processes.read(pid).filter(|now| now.started == member.started) {
            Some(now) => {
                *member = now;
                true
            }
            None => {
                exited.push(*member);
                false
            }
        });
        for process in exited {
            // A living parent has waited for it: the system has added its time to the parent's.
            let waited_for = Processes::ADDS_CHILDREN && self.members.contains_key(&process.parent);
            if !waited_for {
                self.exited += process.own + process.children;
            }
        }
    }
}

impl ProcessTrees {
    /// The trees of the processes `roots` of each engine; ended ones are left out.
    pub(crate) fn new(mut processes: Processes, roots: &[&[u32]]) -> Self {
        let trees = roots.iter().map(|roots| {
            let members = roots.iter().filter_map(|&pid| Some((pid, processes.read(pid)?))).collect();
            ProcessTree { members, exited: Duration::ZERO }
        });
        let trees = trees.collect();
        let mut trees = Self { processes, trees, unrelated: HashSet::new() };
        trees.find_new();
        trees
    }

    /// Finds processes that have been started since. A member of a tree stays there, even if its parent ends.
    pub(crate) fn find_new(&mut self) {
        let all: HashSet<u32> = self.processes.all().into_iter().collect();
        self.unrelated.retain(|pid| all.contains(pid));
        let known = |pid: &u32| self.unrelated.contains(pid) || self.trees.iter().any(|t| t.members.contains_key(pid));
        let new: Vec<u32> = all.iter().copied().filter(|pid| !known(pid)).collect();
        let mut new: Vec<(u32, Process)> =
            new.into_iter().filter_map(|pid| Some((pid, self.processes.read(pid)?))).collect();
        // Process ids wrap around: a child may come before its parent.
        loop {
            let before = new.len();
            new.retain(|&(pid, process)| {
                let tree = self.trees.iter_mut().find(|tree| tree.members.contains_key(&process.parent));
                tree.map(|tree| tree.members.insert(pid, process)).is_none()
            });
            if new.len() == before {
                break;
            }
        }
        self.unrelated.extend(new.into_iter().map(|(pid, _)| pid));
    }

    /// Processor time of an engine's processes since they began; `None` if it never had one.
    pub(crate) fn cpu_time(&mut self, engine: usize) -> Option<Duration> {
        let tree = self.trees.get_mut(engine)?;
        tree.refresh(&mut self.processes);
        let time = tree.members.values().map(|process| process.own + process.children).sum::<Duration>() + tree.exited;
        (!tree.members.is_empty() || tree.exited > Duration::ZERO).then_some(time)
    }

    /// Ids of the processes of an engine that were alive at the last look.
    pub(crate) fn members(&self, engine: usize) -> Vec<u32> {
        self.trees.get(engine).map(|tree| tree.members.keys().copied().collect()).unwrap_or_default()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    const TICKS: u64 = 100;

    /// A directory like `/proc`, whose processes a test makes, changes and ends.
    struct Proc(tempfile::TempDir);

    impl Proc {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, pid: u32) -> std::path::PathBuf {
            self.0.path().join(pid.to_string())
        }

        /// `times`: own and of children, in ticks.
        fn set(&self, pid: u32, parent: u32, started: u64, times: [u64; 2]) {
            let [own, children] = times;
            let stat = format!(
                "{pid} (a) b) S {parent} 0 0 0 -1 0 0 0 0 0 {own} 0 {children} 0 20 0 1 0 {started} 1000000 1 0 0"
            );
            std::fs::create_dir_all(self.path(pid)).unwrap();
            std::fs::write(self.path(pid).join("stat"), stat).unwrap();
        }

        fn end(&self, pid: u32) {
            std::fs::remove_dir_all(self.path(pid)).unwrap();
        }

        fn trees(&self, roots: &[&[u32]]) -> ProcessTrees {
            std::fs::create_dir_all(self.0.path().join("self")).unwrap();
            std::fs::write(self.0.path().join("uptime"), "1 1").unwrap();
            ProcessTrees::new(Processes::under(Path::new(self.0.path()).to_owned(), TICKS, 1), roots)
        }
    }

    fn seconds(time: Option<Duration>) -> f64 {
        time.unwrap().as_secs_f64()
    }

    #[test]
    fn a_tree_is_all_that_descends_from_its_roots() {
        let proc = Proc::new();
        // Ids that have wrapped around: children before their parents.
        for (pid, parent) in [(1, 0), (500, 1), (40, 500), (7, 40), (600, 1), (8, 600), (90, 1)] {
            proc.set(pid, parent, 5, [100, 0]);
        }
        let mut trees = proc.trees(&[&[500], &[], &[600, 90, 12345]]);
        assert_eq!(trees.members(0), [7, 40, 500]);
        assert_eq!(trees.members(2), [8, 90, 600]);
        assert!(trees.members(1).is_empty() && trees.cpu_time(1).is_none() && trees.cpu_time(9).is_none());
        assert_eq!(seconds(trees.cpu_time(0)), 3.0);
        proc.set(41, 7, 6, [50, 0]);
        trees.find_new();
        assert_eq!(trees.members(0), [7, 40, 41, 500]);
        assert_eq!(seconds(trees.cpu_time(0)), 3.5);
    }

    #[test]
    fn time_of_children_that_were_waited_for_counts_once() {
        let proc = Proc::new();
        proc.set(10, 1, 5, [100, 0]);
        proc.set(11, 10, 6, [300, 0]);
        let mut trees = proc.trees(&[&[10]]);
        assert_eq!(seconds(trees.cpu_time(0)), 4.0);
        proc.end(11);
        proc.set(10, 1, 5, [110, 350]);
        assert_eq!(seconds(trees.cpu_time(0)), 4.6);
        // A child that no sample has seen.
        proc.set(10, 1, 5, [110, 450]);
        assert_eq!(seconds(trees.cpu_time(0)), 5.6);
    }

    #[test]
    fn ended_processes_keep_their_time() {
        let proc = Proc::new();
        proc.set(10, 1, 5, [100, 0]);
        proc.set(11, 10, 6, [300, 0]);
        proc.set(12, 11, 7, [500, 0]);
        let mut trees = proc.trees(&[&[10]]);
        proc.end(11);
        // Its child has another parent now, and still belongs here.
        proc.set(12, 1, 7, [600, 0]);
        proc.set(10, 1, 5, [100, 300]);
        trees.find_new();
        assert_eq!(seconds(trees.cpu_time(0)), 10.0);
        proc.end(12);
        assert_eq!(seconds(trees.cpu_time(0)), 10.0);
        proc.end(10);
        assert_eq!(seconds(trees.cpu_time(0)), 10.0);
    }

    #[test]
    fn a_later_process_of_the_same_number_is_another() {
        let proc = Proc::new();
        proc.set(10, 1, 5, [100, 0]);
        let mut trees = proc.trees(&[&[10]]);
        proc.set(10, 1, 6, [900, 0]);
        assert_eq!(seconds(trees.cpu_time(0)), 1.0);
        trees.find_new();
        assert!(trees.members(0).is_empty());
    }
}
