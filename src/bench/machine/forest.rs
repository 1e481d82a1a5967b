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
    /// Bytes in RAM.
    pub memory: u64,
    /// Whether the correction of `memory` has to be found anew.
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
            return Reading { time, memory: sum, outdated: self.members.len() > 1 };
        };
        let same = self.members.keys().eq(&correction.members);
        // Above 5 % more it would be off by more than that.
        let outdated = self.members.len() > 1 && (!same || sum > correction.sum + correction.sum / 20);
        let twice = if self.members.len() > 1 { correction.twice } else { 0 };
        Reading { time, memory: sum.saturating_sub(twice), outdated }
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
