//! Who is next: callers take turns by the tokens they were served, and tasks of equal token length form a group.
//!
//! Nothing is ever padded, so what becomes of a task does not depend on its neighbours.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Something to be computed.
pub trait Task: Send + 'static {
    /// Its length in tokens; tasks of the same length run together.
    fn tokens(&self) -> usize;
}

/// A caller that was not served for so long goes first, whoever's turn it is.
const DEADLINE: Duration = Duration::from_secs(1);
/// Tokens that one worker computes hardly slower than two do halves of them.
const LEAST_SHARE: usize = 64;
/// Steps of the virtual clock for each token.
const STEPS: u64 = 1024;

/// The tasks of all callers.
///
/// Turns are those of fair queueing by virtual time: each caller has a clock that advances by the tokens it is served,
/// and whose clock is furthest behind is next. The clock of the whole, at which newcomers start, advances by the tokens
/// that are served to anybody, divided by the number of callers that wait. So a caller with 2,000 texts and one with a
/// single text each get their share at once. Demers, Keshav and Shenker 1989, "Analysis and Simulation of a Fair Queueing
/// Algorithm".
pub struct Queue<T> {
    /// Most tokens in a group.
    budget: usize,
    callers: HashMap<u64, Caller<T>>,
    /// Callers by their clocks.
    turns: BTreeSet<(u64, bool, u64)>,
    /// Callers by when they were served last.
    waiting: BTreeSet<(Instant, u64)>,
    /// How many tasks there are of each length, and whose they are.
    lengths: BTreeMap<usize, (usize, BTreeSet<u64>)>,
    clock: u64,
    next: u64,
    tasks: usize,
    tokens: usize,
}

struct Caller<T> {
    clock: u64,
    /// Whether it was served at all: of two whose clocks agree, a newcomer is first.
    served: bool,
    /// When it was served last, or came.
    since: Instant,
    tasks: BTreeMap<usize, VecDeque<T>>,
}

impl<T: Task> Queue<T> {
    /// An empty queue; a group has at most `budget` tokens, but always at least one task.
    pub fn new(budget: usize) -> Self {
        Self {
            budget,
            callers: HashMap::new(),
            turns: BTreeSet::new(),
            waiting: BTreeSet::new(),
            lengths: BTreeMap::new(),
            clock: 0,
            next: 0,
            tasks: 0,
            tokens: 0,
        }
    }

    /// Tasks that wait.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// Tokens of the tasks that wait.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Tasks of one caller; the number by which [`Queue::remove`] finds it.
    pub fn add(&mut self, tasks: Vec<T>, now: Instant) -> u64 {
        let id = self.next;
        self.next += 1;
        if tasks.is_empty() {
            return id;
        }
        let mut caller = Caller { clock: self.clock, served: false, since: now, tasks: BTreeMap::new() };
        for task in tasks {
            let length = task.tokens();
            self.tasks += 1;
            self.tokens += length;
            let (count, callers) = self.lengths.entry(length).or_default();
            *count += 1;
            callers.insert(id);
            caller.tasks.entry(length).or_default().push_back(task);
        }
        self.turns.insert((caller.clock, false, id));
        self.waiting.insert((now, id));
        self.callers.insert(id, caller);
        id
    }

    /// Takes back what nobody has taken yet of a caller's tasks.
    pub fn remove(&mut self, id: u64) -> Vec<T> {
        let Some(caller) = self.callers.remove(&id) else { return Vec::new() };
        self.turns.remove(&(caller.clock, caller.served, id));
        self.waiting.remove(&(caller.since, id));
        for (&length, tasks) in &caller.tasks {
            self.tasks -= tasks.len();
            self.tokens -= length * tasks.len();
            self.fewer(length, tasks.len(), Some(id));
        }
        caller.tasks.into_values().flatten().collect()
    }

    /// The next group: tasks of one length, the longest of the caller whose turn it is, filled up with those of others.
    ///
    /// While so many other workers are `idle`, a group is no larger than their share of what waits: two halves on two
    /// cores are done sooner than the whole on one.
    pub fn take(&mut self, now: Instant, idle: usize) -> Option<Vec<T>> {
        let &(since, oldest) = self.waiting.first()?;
        let lead = if now.saturating_duration_since(since) > DEADLINE { oldest } else { self.turns.first()?.2 };
        let (&length, _) = self.callers.get(&lead)?.tasks.last_key_value()?;
        let (available, callers) = self.lengths.get(&length)?;
        // Pieces of nearly the same size: a full group and a remnant of one task would waste the remnant.
        let share = (self.tokens / (idle + 1)).max(LEAST_SHARE);
        let most = (self.budget.min(share) / length.max(1)).max(1);
        let wanted = available.div_ceil(available.div_ceil(most));
        let others = callers.iter().copied().filter(|&id| id != lead);
        let order: Vec<u64> = std::iter::once(lead).chain(others).take(wanted).collect();

        self.clock += (wanted * length) as u64 * STEPS / self.callers.len().max(1) as u64;
        let mut group = Vec::with_capacity(wanted);
        for id in order {
            let room = wanted - group.len();
            if room == 0 {
                break;
            }
            self.serve(id, length, room, now, &mut group);
        }
        Some(group)
    }

    /// Moves up to `room` tasks of that length from a caller into `group`.
    fn serve(&mut self, id: u64, length: usize, room: usize, now: Instant, group: &mut Vec<T>) {
        let Some(caller) = self.callers.get_mut(&id) else { return };
        let Some(tasks) = caller.tasks.get_mut(&length) else { return };
        let count = room.min(tasks.len());
        group.extend(tasks.drain(..count));
        let none = tasks.is_empty();
        if none {
            caller.tasks.remove(&length);
        }
        self.turns.remove(&(caller.clock, caller.served, id));
        self.waiting.remove(&(caller.since, id));
        if caller.tasks.is_empty() {
            self.callers.remove(&id);
        } else {
            caller.clock += (count * length) as u64 * STEPS;
            (caller.served, caller.since) = (true, now);
            self.turns.insert((caller.clock, true, id));
            self.waiting.insert((now, id));
        }
        self.tasks -= count;
        self.tokens -= count * length;
        self.fewer(length, count, none.then_some(id));
    }

    /// There are `count` tasks less of that length; `gone` has none any more.
    fn fewer(&mut self, length: usize, count: usize, gone: Option<u64>) {
        if let Some((all, callers)) = self.lengths.get_mut(&length) {
            *all -= count;
            if let Some(id) = gone {
                callers.remove(&id);
            }
            if *all == 0 {
                self.lengths.remove(&length);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Caller and length.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Text(char, usize);

    impl Task for Text {
        fn tokens(&self) -> usize {
            self.1
        }
    }

    fn texts(caller: char, lengths: &[usize]) -> Vec<Text> {
        lengths.iter().map(|&length| Text(caller, length)).collect()
    }

    fn lengths(group: &[Text]) -> Vec<usize> {
        group.iter().map(Task::tokens).collect()
    }

    #[test]
    fn equal_lengths_within_the_budget_longest_first() {
        let mut queue = Queue::new(9);
        let now = Instant::now();
        queue.add(texts('a', &[3, 8, 3, 3, 100, 3, 3]), now);
        let groups: Vec<_> = std::iter::from_fn(|| queue.take(now, 0)).map(|group| lengths(&group)).collect();
        assert_eq!(groups, [vec![100], vec![8], vec![3; 3], vec![3; 2]]);
        assert_eq!((queue.tasks(), queue.tokens()), (0, 0));
    }

    #[test]
    fn every_task_once_whoever_comes_and_goes() {
        let (mut queue, now) = (Queue::new(40), Instant::now());
        let mut state = 7u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let (mut added, mut seen, mut ids) = (0, 0, Vec::new());
        for _ in 0..2000 {
            match random(4) {
                0 => {
                    let tasks: Vec<Text> = (0..random(30)).map(|_| Text('x', 1 + random(20) as usize)).collect();
                    added += tasks.len();
                    ids.push(queue.add(tasks, now));
                }
                1 if !ids.is_empty() => {
                    let id = ids.swap_remove(random(ids.len() as u64) as usize);
                    seen += queue.remove(id).len();
                }
                _ => {
                    if let Some(group) = queue.take(now, 0) {
                        let all = lengths(&group);
                        assert!(!all.is_empty() && all.iter().all(|&l| l == all[0]));
                        assert!(all.len() == 1 || all.iter().sum::<usize>() <= 40);
                        seen += group.len();
                    }
                }
            }
            assert_eq!(queue.tasks(), added - seen);
        }
        while let Some(group) = queue.take(now, 0) {
            seen += group.len();
        }
        assert_eq!((seen, queue.tokens(), queue.lengths.len(), queue.callers.len()), (added, 0, 0, 0));
        assert!(queue.turns.is_empty() && queue.waiting.is_empty());
    }

    #[test]
    fn one_text_does_not_wait_for_two_thousand() {
        let (mut queue, now) = (Queue::new(64), Instant::now());
        queue.add(texts('a', &[16; 2000]), now);
        for _ in 0..10 {
            queue.take(now, 0).unwrap();
        }
        queue.add(texts('b', &[7]), now);
        assert_eq!(queue.take(now, 0).unwrap(), texts('b', &[7]));
    }

    #[test]
    fn two_thousand_texts_get_their_share_while_single_ones_keep_coming() {
        let (mut queue, now) = (Queue::new(64), Instant::now());
        queue.add(texts('a', &[16; 2000]), now);
        let mut served = [0, 0];
        // Three single texts wait at any time, each of another caller.
        for _ in 0..3 {
            queue.add(texts('b', &[64]), now);
        }
        for _ in 0..200 {
            let group = queue.take(now, 0).unwrap();
            let single = group[0].0 == 'b';
            served[usize::from(single)] += lengths(&group).iter().sum::<usize>();
            if single {
                queue.add(texts('b', &[64]), now);
            }
        }
        // A quarter each, and never much less.
        assert!((2000..=4500).contains(&served[0]), "{served:?}");
    }

    #[test]
    fn groups_are_filled_with_what_others_have_of_the_same_length() {
        let (mut queue, now) = (Queue::new(32), Instant::now());
        for caller in ['a', 'b', 'c'] {
            queue.add(texts(caller, &[8, 5]), now);
        }
        assert_eq!(queue.take(now, 0).unwrap(), [Text('a', 8), Text('b', 8), Text('c', 8)]);
        assert_eq!(queue.take(now, 0).unwrap().len(), 3);
        assert!(queue.take(now, 0).is_none());
    }

    #[test]
    fn whoever_waited_too_long_goes_first() {
        let (mut queue, now) = (Queue::new(8), Instant::now());
        queue.add(texts('a', &[8, 8, 8]), now);
        queue.take(now, 0).unwrap();
        let later = now + DEADLINE + Duration::from_millis(1);
        queue.add(texts('b', &[7]), later);
        assert_eq!(queue.take(later, 0).unwrap(), texts('a', &[8]), "its clock is ahead, but it waited");
        assert_eq!(queue.take(later, 0).unwrap(), texts('b', &[7]));
    }

    #[test]
    fn idle_workers_get_their_share() {
        let (mut queue, now) = (Queue::new(512), Instant::now());
        queue.add(texts('a', &[16; 24]), now);
        assert_eq!(queue.take(now, 1).unwrap().len(), 12);
        assert_eq!(queue.take(now, 0).unwrap().len(), 12);
        queue.add(texts('a', &[16; 4]), now);
        assert_eq!(queue.take(now, 3).unwrap().len(), 4, "too little to be divided");
        queue.add(texts('a', &[300, 300]), now);
        assert_eq!(queue.take(now, 1).unwrap().len(), 1);
    }

    #[test]
    fn nothing_gives_nothing() {
        let mut queue = Queue::<Text>::new(10);
        let id = queue.add(Vec::new(), Instant::now());
        assert_eq!(queue.take(Instant::now(), 0), None);
        assert_eq!(queue.remove(id), []);
    }
}
