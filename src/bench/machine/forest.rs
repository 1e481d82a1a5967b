//! The processes of engines: those that were started for them, and all that these have started since.
//!
//! # Memory of a tree
//! The sum of what its processes have in RAM (RSS) counts a page as often as there are processes that have it: workers
//! forked from one parent, or several programs over one mapped file, would seem to take what they take only once. So the
//! sum is corrected by what is counted twice, where this process may look ([`Sharing`]). The pages that at least one
//! process has are no fewer than the sum of proportional parts (PSS), and no fewer than all private pages with the
//! shared ones of that process which has most: the larger of the two counts. A lone process counts with all it has, so
//! that what another engine maps, too, does not make it look smaller. Sharing is costly to ask for: the correction is
//! found anew when processes have come or gone, or when memory has grown, and kept meanwhile.
//!
//! # Processor time of a tree
//! The time of its processes, and of children that they have waited for, which the system adds to their parents'. What
//! has ended with nobody in the tree to wait for it keeps the time it was last seen with.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::processes::{Process, Processes, Sharing};

/// The processes of all engines.
pub(super) struct Forest {
    processes: Processes,
    trees: Vec<Tree>,
    /// Processes that belong to no engine, so that each is looked at once.
    strangers: HashSet<u32>,
}

/// The processes of one engine.
#[derive(Default)]
struct Tree {
    members: BTreeMap<u32, Process>,
    /// Time of processes that nobody of the tree waited for.
    gone: Duration,
    correction: Option<Correction>,
}

/// What the sum of a tree's processes counts more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Correction {
    /// Whose.
    members: Vec<u32>,
    /// Their sum when it was found.
    sum: u64,
    twice: u64,
}

/// What a tree takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Processor time since its processes began.
    pub time: Duration,
    /// Bytes in RAM; `None` until it is known what would be counted twice.
    pub memory: Option<u64>,
    /// Whether that has to be found anew.
    pub outdated: bool,
}

impl Tree {
    fn insert(&mut self, pid: u32, process: Process) {
        self.members.insert(pid, process);
    }

    /// Sees how its processes are.
    fn refresh(&mut self, processes: &mut Processes) {
        let mut gone = Vec::new();
        self.members.retain(|&pid, member| match processes.read(pid).filter(|now| now.started == member.started) {
            Some(now) => {
                *member = now;
                true
            }
            None => {
                gone.push(*member);
                false
            }
        });
        for process in gone {
            // A parent that lives has waited for it: the system has added its time to the parent's.
            let waited_for = Processes::ADDS_CHILDREN && self.members.contains_key(&process.parent);
            if !waited_for {
                self.gone += process.own + process.children;
            }
        }
    }

    fn reading(&self) -> Reading {
        let time = self.members.values().map(|process| process.own + process.children).sum::<Duration>() + self.gone;
        let sum: u64 = self.members.values().map(|process| process.resident).sum();
        let Some(correction) = &self.correction else {
            let outdated = self.members.len() > 1;
            return Reading { time, memory: (!outdated).then_some(sum), outdated };
        };
        if self.members.len() < 2 {
            return Reading { time, memory: Some(sum), outdated: false };
        }
        if !self.members.keys().eq(&correction.members) {
            return Reading { time, memory: None, outdated: true };
        }
        // What has come since is taken to be private, up to 5 % more; beyond that, to be shared as the rest is, until it
        // is known.
        let outdated = sum > correction.sum + correction.sum / 20;
        let growth = if outdated { sum as f64 / correction.sum as f64 } else { 1.0 };
        let twice = (correction.twice as f64 * growth) as u64;
        Reading { time, memory: Some(sum.saturating_sub(twice)), outdated }
    }
}

impl Forest {
    /// Over the processes `roots` of each engine; those that are gone already are left out.
    pub fn new(mut processes: Processes, roots: &[&[u32]]) -> Self {
        let trees = roots.iter().map(|roots| {
            let mut tree = Tree::default();
            for &pid in *roots {
                if let Some(process) = processes.read(pid) {
                    tree.insert(pid, process);
                }
            }
            tree
        });
        let trees = trees.collect();
        let mut forest = Self { processes, trees, strangers: HashSet::new() };
        forest.look_around();
        forest
    }

    /// Finds processes that have been started since. Whoever is in a tree stays there, even if its parent ends.
    pub fn look_around(&mut self) {
        let all: HashSet<u32> = self.processes.all().into_iter().collect();
        self.strangers.retain(|pid| all.contains(pid));
        let known = |pid: &u32| self.strangers.contains(pid) || self.trees.iter().any(|t| t.members.contains_key(pid));
        let new: Vec<u32> = all.iter().copied().filter(|pid| !known(pid)).collect();
        let mut new: Vec<(u32, Process)> =
            new.into_iter().filter_map(|pid| Some((pid, self.processes.read(pid)?))).collect();
        // Numbers begin again some day: a child may come before its parent.
        loop {
            let before = new.len();
            new.retain(|&(pid, process)| {
                match self.trees.iter_mut().find(|tree| tree.members.contains_key(&process.parent)) {
                    Some(tree) => {
                        tree.insert(pid, process);
                        false
                    }
                    None => true,
                }
            });
            if new.len() == before {
                break;
            }
        }
        self.strangers.extend(new.into_iter().map(|(pid, _)| pid));
    }

    /// Sees what the engine of this place takes; `None` if it has and had no processes.
    pub fn read(&mut self, place: usize) -> Option<Reading> {
        let tree = self.trees.get_mut(place)?;
        tree.refresh(&mut self.processes);
        (!tree.members.is_empty() || tree.gone > Duration::ZERO).then(|| tree.reading())
    }

    /// This process, or any other one, alone.
    pub fn one(&mut self, pid: u32) -> Option<Process> {
        self.processes.read(pid)
    }

    /// Numbers of the processes of an engine.
    pub fn members(&self, place: usize) -> Vec<u32> {
        self.trees.get(place).map(|tree| tree.members.keys().copied().collect()).unwrap_or_default()
    }

    /// Whether what is counted twice of an engine's memory has to be found anew.
    pub fn is_outdated(&self, place: usize) -> bool {
        self.trees.get(place).is_some_and(|tree| tree.reading().outdated)
    }

    /// Takes note of what was found to be shared among the processes of an engine.
    pub fn correct(&mut self, place: usize, members: Vec<u32>, sharing: &[Sharing]) {
        let Some(tree) = self.trees.get_mut(place) else { return };
        // As the next reading will have it, not as it was when it was found: that is the sum it is compared with.
        let sum = tree.members.values().map(|process| process.resident).sum();
        tree.correction = Some(Correction { members, sum, twice: counted_twice(sharing) });
    }
}

/// How much more the sum of what processes have is than what they have together, as far as can be known.
fn counted_twice(sharing: &[Sharing]) -> u64 {
    let sum = |part: fn(&Sharing) -> u64| sharing.iter().map(part).sum::<u64>();
    let resident = sum(|s| s.resident);
    let most_shared = sharing.iter().map(|s| s.shared).max().unwrap_or(0);
    let at_least = sum(|s| s.resident.saturating_sub(s.shared)) + most_shared;
    resident.saturating_sub(at_least.max(sum(|s| s.proportional)))
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
        fn set(&self, pid: u32, parent: u32, started: u64, times: [u64; 2], pages: u64) {
            let [own, children] = times;
            let stat = format!(
                "{pid} (a) b) S {parent} 0 0 0 -1 0 0 0 0 0 {own} 0 {children} 0 20 0 1 0 {started} 1000000 {pages} 0 0"
            );
            std::fs::create_dir_all(self.path(pid)).unwrap();
            std::fs::write(self.path(pid).join("stat"), stat).unwrap();
        }

        fn end(&self, pid: u32) {
            std::fs::remove_dir_all(self.path(pid)).unwrap();
        }

        fn forest(&self, roots: &[&[u32]]) -> Forest {
            std::fs::create_dir_all(self.0.path().join("self")).unwrap();
            std::fs::write(self.0.path().join("uptime"), "1 1").unwrap();
            Forest::new(Processes::under(Path::new(self.0.path()).to_owned(), TICKS, 1), roots)
        }
    }

    fn seconds(reading: Option<Reading>) -> f64 {
        reading.unwrap().time.as_secs_f64()
    }

    #[test]
    fn a_tree_is_all_that_descends_from_its_roots() {
        let proc = Proc::new();
        // Numbers that have begun again: children before their parents.
        for (pid, parent) in [(1, 0), (500, 1), (40, 500), (7, 40), (600, 1), (8, 600), (90, 1)] {
            proc.set(pid, parent, 5, [100, 0], 10);
        }
        let mut forest = proc.forest(&[&[500], &[], &[600, 90, 12345]]);
        assert_eq!(forest.members(0), [7, 40, 500]);
        assert_eq!(forest.members(2), [8, 90, 600]);
        assert!(forest.members(1).is_empty() && forest.read(1).is_none() && forest.read(9).is_none());
        assert_eq!(seconds(forest.read(0)), 3.0);
        proc.set(41, 7, 6, [50, 0], 10);
        forest.look_around();
        assert_eq!(forest.members(0), [7, 40, 41, 500]);
        assert_eq!(seconds(forest.read(0)), 3.5);
    }

    #[test]
    fn time_of_children_that_were_waited_for_counts_once() {
        let proc = Proc::new();
        proc.set(10, 1, 5, [100, 0], 1);
        proc.set(11, 10, 6, [300, 0], 1);
        let mut forest = proc.forest(&[&[10]]);
        assert_eq!(seconds(forest.read(0)), 4.0);
        proc.end(11);
        proc.set(10, 1, 5, [110, 350], 1);
        assert_eq!(seconds(forest.read(0)), 4.6);
        // A child that nobody saw.
        proc.set(10, 1, 5, [110, 450], 1);
        assert_eq!(seconds(forest.read(0)), 5.6);
    }

    #[test]
    fn what_ends_with_its_parents_keeps_its_time() {
        let proc = Proc::new();
        proc.set(10, 1, 5, [100, 0], 1);
        proc.set(11, 10, 6, [300, 0], 1);
        proc.set(12, 11, 7, [500, 0], 1);
        let mut forest = proc.forest(&[&[10]]);
        proc.end(11);
        // Its child has another parent now, and still belongs here.
        proc.set(12, 1, 7, [600, 0], 1);
        proc.set(10, 1, 5, [100, 300], 1);
        forest.look_around();
        assert_eq!(seconds(forest.read(0)), 10.0);
        proc.end(12);
        assert_eq!(seconds(forest.read(0)), 10.0);
        proc.end(10);
        assert_eq!(forest.read(0), Some(Reading { time: Duration::from_secs(10), memory: Some(0), outdated: false }));
    }

    #[test]
    fn a_later_process_of_the_same_number_is_another() {
        let proc = Proc::new();
        proc.set(10, 1, 5, [100, 0], 30);
        let mut forest = proc.forest(&[&[10]]);
        proc.set(10, 1, 6, [900, 0], 4000);
        assert_eq!(forest.read(0), Some(Reading { time: Duration::from_secs(1), memory: Some(0), outdated: false }));
        forest.look_around();
        assert!(forest.members(0).is_empty());
    }

    #[test]
    fn memory_is_the_sum_less_what_is_counted_twice() {
        let proc = Proc::new();
        proc.set(10, 1, 5, [100, 0], 1000);
        let mut forest = proc.forest(&[&[10]]);
        let memory = |forest: &mut Forest| forest.read(0).map(|r| (r.memory, r.outdated)).unwrap();
        assert_eq!(memory(&mut forest), (Some(1000), false));
        proc.set(11, 10, 6, [100, 0], 900);
        forest.look_around();
        assert_eq!(memory(&mut forest), (None, true));
        let sharing = |resident, shared| Sharing { resident, proportional: resident - shared / 2, shared };
        forest.correct(0, vec![10, 11], &[sharing(1000, 800), sharing(900, 800)]);
        assert_eq!(memory(&mut forest), (Some(1100), false));
        // A little more is just more; much more may be shared, too.
        proc.set(11, 10, 6, [100, 0], 950);
        assert_eq!(memory(&mut forest), (Some(1150), false));
        proc.set(11, 10, 6, [100, 0], 2800);
        assert_eq!(memory(&mut forest), (Some(2200), true));
        // Where nobody may look, all counts, and is not asked for again.
        forest.correct(0, vec![10, 11], &[]);
        assert_eq!(memory(&mut forest), (Some(3800), false));
        proc.set(12, 10, 7, [100, 0], 50);
        forest.look_around();
        assert_eq!(memory(&mut forest), (None, true));
        proc.end(12);
        proc.end(11);
        assert_eq!(memory(&mut forest), (Some(1000), false));
    }

    #[test]
    fn what_is_counted_twice() {
        let sharing = |resident, proportional, shared| Sharing { resident, proportional, shared };
        assert_eq!(counted_twice(&[]), 0);
        assert_eq!(counted_twice(&[sharing(100, 100, 0), sharing(50, 50, 0)]), 0);
        // Three that share 90 with one another: 90 + 3 · 10 are there.
        assert_eq!(counted_twice(&[sharing(100, 40, 90); 3]), 180);
        // Two pairs share 90 each: at least 90 + 4 · 10; by their proportional parts, 4 · 55.
        assert_eq!(counted_twice(&[sharing(100, 55, 90); 4]), 180);
        // 90 are shared with many processes of others: proportional parts would make them vanish.
        assert_eq!(counted_twice(&[sharing(100, 11, 90); 2]), 90);
    }
}
