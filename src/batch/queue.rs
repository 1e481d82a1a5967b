//! The queue: callers take turns fairly, and tasks form groups by a [`Grouping`].

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::fair_queue::FairQueue;
use super::grouping::{Extent, Grouping};

pub trait Task: Send + 'static {
    /// Its length in tokens.
    fn tokens(&self) -> usize;
}

/// The tasks of all callers.
pub struct Queue<T> {
    /// Most tokens in a group.
    budget: usize,
    /// Most tasks in a group.
    most_tasks: usize,
    grouping: Grouping,
    /// Their tasks by length.
    callers: HashMap<u64, BTreeMap<usize, VecDeque<T>>>,
    order: FairQueue,
    /// Number of tasks of each length, and their callers.
    lengths: BTreeMap<usize, (usize, BTreeSet<u64>)>,
    next: u64,
    tasks: usize,
    tokens: usize,
    /// Tokens that a worker computes while a small request may wait.
    short: usize,
    /// Arrival of the last small request, one of at most `short` tokens.
    small: Option<Instant>,
}

/// A budget is not halved below this number of tokens: fewer save hardly any memory.
pub(crate) const LEAST_BUDGET: usize = 256;

/// Time that groups stay short after a small request, as its client may send another one.
const SMALL_MAY_RETURN: Duration = Duration::from_secs(1);

impl<T: Task> Queue<T> {
    /// An empty queue; a group has at most `budget` tokens, but always at least one task. A caller's turn is over after
    /// `turn` tokens if others wait.
    pub fn new(budget: usize, turn: usize, grouping: Grouping) -> Self {
        Self {
            budget,
            most_tasks: usize::MAX,
            grouping,
            callers: HashMap::new(),
            order: FairQueue::new(turn),
            lengths: BTreeMap::new(),
            next: 0,
            tasks: 0,
            tokens: 0,
            short: budget,
            small: None,
        }
    }

    /// Groups have at most `tasks` tasks.
    pub fn with_most_tasks(self, tasks: usize) -> Self {
        Self { most_tasks: tasks.max(1), ..self }
    }

    /// Groups have no more than about `tokens` tokens while small requests come beside larger ones.
    pub fn set_short(&mut self, tokens: usize) {
        // The rate of a GPU that was given little says nothing of what it can do.
        let tokens = if self.grouping.on_gpu() { tokens.max(self.grouping.least()) } else { tokens };
        self.short = tokens.clamp(1, self.budget.max(1));
        self.order.set_short(tokens);
    }

    /// Most tokens in a group.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Halves the budget, if it is still `budget`: workers that fail at the same time halve it once. It stays at least
    /// [`LEAST_BUDGET`]. Returns the new one.
    pub fn halve_budget(&mut self, budget: usize) -> Option<usize> {
        let half = budget / 2;
        if self.budget != budget || half < LEAST_BUDGET {
            return None;
        }
        self.budget = half;
        self.short = self.short.min(half);
        Some(half)
    }

    /// Most tokens of the next group.
    fn most(&self, now: Instant) -> usize {
        let recent = |small| now.saturating_duration_since(small) < SMALL_MAY_RETURN;
        let mixed = self.order.share() && self.small.is_some_and(recent) && self.order.any_above(self.short);
        if mixed { self.short } else { self.budget }
    }

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
        let tokens = tasks.iter().map(Task::tokens).sum();
        if tokens <= self.short {
            self.small = Some(now);
        }
        self.order.enter(id, tokens, now);
        let mut caller = BTreeMap::<_, VecDeque<_>>::new();
        for task in tasks {
            let length = task.tokens();
            self.tasks += 1;
            self.tokens += length;
            let (count, callers) = self.lengths.entry(length).or_default();
            *count += 1;
            callers.insert(id);
            caller.entry(length).or_default().push_back(task);
        }
        self.callers.insert(id, caller);
        id
    }

    /// Removes and returns a caller's waiting tasks.
    pub fn remove(&mut self, id: u64) -> Vec<T> {
        let Some(caller) = self.callers.remove(&id) else { return Vec::new() };
        self.order.leave(id);
        for (&length, tasks) in &caller {
            self.tasks -= tasks.len();
            self.tokens -= length * tasks.len();
            self.fewer(length, tasks.len(), Some(id));
        }
        caller.into_values().flatten().collect()
    }

    /// The next group: the longest tasks of the caller whose turn it is, filled up with others of its own and of other
    /// callers, as far as the grouping allows.
    ///
    /// While `idle` other workers are free, a group is at most their share of the waiting tokens: two halves on two
    /// cores finish sooner than the whole on one.
    pub fn take(&mut self, now: Instant, idle: usize) -> Option<Vec<T>> {
        let lead = self.order.next(now)?;
        let budget = self.most(now);
        let most = budget.min((self.tokens / (idle + 1)).max(self.grouping.least()));
        if self.grouping != Grouping::Equal {
            return Some(self.take_mixed(lead, Extent::new(self.grouping, most, budget, self.most_tasks), now));
        }
        let (&length, _) = self.callers.get(&lead)?.last_key_value()?;
        let (available, callers) = self.lengths.get(&length)?;
        // Pieces of nearly the same size: a full group and a remnant of one task would waste the remnant.
        let most = (most / length.max(1)).clamp(1, self.most_tasks);
        let wanted = available.div_ceil(available.div_ceil(most));
        let others = self.order.in_order(callers.iter().copied().filter(|&id| id != lead));
        let served: Vec<u64> = std::iter::once(lead).chain(others).take(wanted).collect();
        self.order.advance(wanted * length);
        let mut group = Vec::with_capacity(wanted);
        for id in served {
            self.serve(id, length, wanted - group.len(), now, &mut group);
        }
        Some(group)
    }

    /// Tasks of several lengths, as many as `extent` has room for, but at least one.
    fn take_mixed(&mut self, lead: u64, mut extent: Extent, now: Instant) -> Vec<T> {
        let shortest = self.lengths.first_key_value().map_or(1, |(&length, _)| length);
        let longest = self.callers.get(&lead).and_then(|tasks| tasks.last_key_value()).map_or(0, |(&length, _)| length);
        let others = self.order.in_order(self.callers.keys().copied().filter(|&id| id != lead));
        let mut pieces = Vec::new();
        for id in std::iter::once(lead).chain(others) {
            if extent.is_full(shortest) {
                break;
            }
            let mut lengths: Vec<(usize, usize)> = self
                .callers
                .get(&id)
                .into_iter()
                .flatten()
                .rev()
                .map(|(&length, tasks)| (length, tasks.len()))
                .collect();
            if self.grouping.on_gpu() {
                lengths.sort_by_key(|&(length, _)| length.abs_diff(longest));
            }
            for (length, available) in lengths {
                let count = extent.room(length, available);
                if count > 0 {
                    extent.add(length, count);
                    pieces.push((id, length, count));
                }
            }
        }
        self.order.advance(pieces.iter().map(|&(_, length, count)| count * length).sum());
        let mut group = Vec::with_capacity(pieces.iter().map(|&(_, _, count)| count).sum());
        for (id, length, count) in pieces {
            self.serve(id, length, count, now, &mut group);
        }
        group
    }

    /// Moves up to `room` tasks of that length from a caller into `group`.
    fn serve(&mut self, id: u64, length: usize, room: usize, now: Instant, group: &mut Vec<T>) {
        let Some(caller) = self.callers.get_mut(&id) else { return };
        let Some(tasks) = caller.get_mut(&length) else { return };
        let count = room.min(tasks.len());
        group.extend(tasks.drain(..count));
        let none = tasks.is_empty();
        if none {
            caller.remove(&length);
        }
        if caller.is_empty() {
            self.callers.remove(&id);
            self.order.leave(id);
        } else {
            self.order.serve(id, count * length, now);
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

    const EQUAL: Grouping = Grouping::Equal;

    /// A task of a caller, with its length.
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
        let (mut queue, now) = (Queue::new(9, 1024, EQUAL), Instant::now());
        queue.add(texts('a', &[3, 8, 3, 3, 100, 3, 3]), now);
        let groups: Vec<_> = std::iter::from_fn(|| queue.take(now, 0)).map(|group| lengths(&group)).collect();
        assert_eq!(groups, [vec![100], vec![8], vec![3; 3], vec![3; 2]]);
        assert_eq!((queue.tasks(), queue.tokens()), (0, 0));
    }

    #[test]
    fn every_task_once_whoever_comes_and_goes() {
        let (mut queue, now) = (Queue::new(40, 1024, EQUAL), Instant::now());
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
        assert!(queue.order.is_empty());
    }

    #[test]
    fn one_text_does_not_wait_for_two_thousand() {
        let (mut queue, now) = (Queue::new(64, 1024, EQUAL), Instant::now());
        queue.add(texts('a', &[16; 2000]), now);
        for _ in 0..10 {
            queue.take(now, 0).unwrap();
        }
        queue.add(texts('b', &[7]), now);
        assert_eq!(queue.take(now, 0).unwrap(), texts('b', &[7]));
    }

    #[test]
    fn two_thousand_texts_get_their_share_while_single_ones_keep_coming() {
        let (mut queue, now) = (Queue::new(64, 1024, EQUAL), Instant::now());
        queue.add(texts('a', &[16; 2000]), now);
        // Three single texts wait at any time, each of another caller: a quarter of the work is a's.
        for _ in 0..3 {
            queue.add(texts('b', &[64]), now);
        }
        let (mut left, mut served) = (2000, 0);
        while left > 0 {
            let group = queue.take(now, 0).unwrap();
            served += lengths(&group).iter().sum::<usize>();
            if group[0].0 == 'b' {
                queue.add(texts('b', &[64]), now);
            } else {
                left -= group.len();
            }
        }
        assert!((3 * 32_000..=5 * 32_000).contains(&served), "{served}");
    }

    #[test]
    fn without_turns_whoever_came_first_is_done_first() {
        let (mut queue, now) = (Queue::new(64, usize::MAX, EQUAL), Instant::now());
        queue.add(texts('a', &[16; 2000]), now);
        queue.add(texts('b', &[15; 2000]), now);
        let callers: Vec<char> = std::iter::from_fn(|| queue.take(now, 0)).map(|group| group[0].0).collect();
        assert!(callers.is_sorted());
    }

    #[test]
    fn one_request_is_finished_before_the_next_is_begun() {
        let (mut queue, now) = (Queue::new(1, 1024, EQUAL), Instant::now());
        for caller in ['a', 'b', 'c'] {
            queue.add(texts(caller, &[3, 4, 5]), now);
        }
        let callers: String = std::iter::from_fn(|| queue.take(now, 0)).map(|group| group[0].0).collect();
        assert_eq!(callers, "aaabbbccc");
    }

    #[test]
    fn groups_are_filled_with_what_others_have_of_the_same_length() {
        let (mut queue, now) = (Queue::new(32, 1024, EQUAL), Instant::now());
        for caller in ['a', 'b', 'c'] {
            queue.add(texts(caller, &[8, 5]), now);
        }
        assert_eq!(queue.take(now, 0).unwrap(), [Text('a', 8), Text('b', 8), Text('c', 8)]);
        assert_eq!(queue.take(now, 0).unwrap().len(), 3);
        assert!(queue.take(now, 0).is_none());
    }

    #[test]
    fn idle_workers_get_their_share() {
        let (mut queue, now) = (Queue::new(512, 1024, EQUAL), Instant::now());
        queue.add(texts('a', &[16; 24]), now);
        assert_eq!(queue.take(now, 1).unwrap().len(), 12);
        assert_eq!(queue.take(now, 0).unwrap().len(), 12);
        queue.add(texts('a', &[16; 4]), now);
        assert_eq!(queue.take(now, 3).unwrap().len(), 4, "too little to be divided");
        queue.add(texts('a', &[300, 300]), now);
        assert_eq!(queue.take(now, 1).unwrap().len(), 1);
    }

    #[test]
    fn beside_small_requests_groups_are_short_and_otherwise_full() {
        let (mut queue, now) = (Queue::new(512, 1024, EQUAL), Instant::now());
        queue.set_short(64);
        queue.add(texts('a', &[16; 2000]), now);
        assert_eq!(queue.take(now, 0).unwrap().len(), 32, "it is alone");
        queue.add(texts('b', &[16]), now);
        let group = queue.take(now, 0).unwrap();
        assert!(group.len() == 4 && group.contains(&Text('b', 16)), "{group:?}");
        // Its client may come back.
        assert_eq!(queue.take(now, 0).unwrap().len(), 4);
        assert_eq!(queue.take(now + 2 * SMALL_MAY_RETURN, 0).unwrap().len(), 32);
    }

    #[test]
    fn small_requests_alone_have_full_groups() {
        let (mut queue, now) = (Queue::new(512, 1024, EQUAL), Instant::now());
        queue.set_short(64);
        for caller in 'a'..='z' {
            queue.add(texts(caller, &[16]), now);
        }
        assert_eq!(queue.take(now, 0).unwrap().len(), 26);
    }

    #[test]
    fn sixteen_small_callers_keep_their_share_beside_a_large_one() {
        let (mut queue, now) = (Queue::new(512, 1024, EQUAL), Instant::now());
        queue.set_short(64);
        queue.add(texts('A', &[16; 2000]), now);
        let (mut small, mut large) = (0, 0);
        for round in 0..200 {
            for caller in 'a'..='p' {
                queue.add(texts(caller, &[16]), now);
            }
            let mut waiting = 16;
            while waiting > 0 {
                let group = queue.take(now, 0).unwrap();
                let mine = group.iter().filter(|text| text.0 != 'A').count();
                waiting -= mine;
                small += mine;
                large += group.len() - mine;
            }
            if queue.tasks() == 0 {
                assert!(round > 100, "the large one took too much: {round}");
                break;
            }
        }
        assert!(large > 0 && small > large, "{small} of small callers, {large} of the large one");
    }

    #[test]
    fn packed_groups_are_full_whatever_the_lengths() {
        let (mut queue, now) = (Queue::new(20, 1024, Grouping::Packed), Instant::now());
        queue.add(texts('a', &[9, 3, 30, 8, 2]), now);
        queue.add(texts('b', &[7, 1]), now);
        let groups: Vec<Vec<Text>> = std::iter::from_fn(|| queue.take(now, 0)).collect();
        let b: Vec<usize> = groups.iter().map(|group| group.iter().map(Task::tokens).sum()).collect();
        assert_eq!(lengths(&groups[0]), [7, 1, 9, 3], "{groups:?}");
        assert_eq!(b, [20, 30, 10], "{groups:?}");
        assert_eq!((queue.tasks(), queue.tokens()), (0, 0));
    }

    #[test]
    fn unpadded_groups_begin_with_the_longest_and_go_on_with_the_nearest() {
        let (mut queue, now) = (Queue::new(40, 1024, Grouping::Unpadded), Instant::now());
        queue.add(texts('a', &[2, 9, 30, 3, 8]), now);
        queue.add(texts('b', &[1, 10, 7]), now);
        let groups: Vec<Vec<usize>> = std::iter::from_fn(|| queue.take(now, 0)).map(|group| lengths(&group)).collect();
        // b is due first. Texts of 30 would make a rectangle of more than 80 tokens of what is there.
        assert_eq!(groups, [vec![10, 7, 1, 9, 8, 3, 2], vec![30]]);
    }

    #[test]
    fn near_lengths_share_a_rectangle() {
        let (mut queue, now) = (Queue::new(1000, 1024, Grouping::Near), Instant::now());
        queue.add(texts('a', &[100, 99, 97, 50, 51, 98]), now);
        queue.add(texts('b', &[104, 49]), now);
        let groups: Vec<Vec<usize>> = std::iter::from_fn(|| queue.take(now, 0)).map(|group| lengths(&group)).collect();
        assert_eq!(groups, [vec![104, 100, 99, 98, 97], vec![49, 50, 51]]);
    }

    /// Groups of random texts of random callers, and whether each is allowed.
    #[test]
    fn groups_of_any_grouping_are_within_its_bounds_and_hold_every_task_once() {
        let mut rng = fastrand::Rng::with_seed(7);
        for round in 0..300 {
            let grouping = [Grouping::Packed, Grouping::Unpadded, Grouping::Near][round % 3];
            let budget = rng.usize(1..3000);
            let most_tasks = if rng.bool() { usize::MAX } else { rng.usize(1..20) };
            let (mut queue, now) = (Queue::new(budget, 1024, grouping).with_most_tasks(most_tasks), Instant::now());
            let (mut added, mut seen, mut ids) = (0, 0, Vec::new());
            for _ in 0..60 {
                match rng.u8(0..4) {
                    0 => {
                        let spread = rng.usize(1..600);
                        let tasks: Vec<Text> =
                            (0..rng.usize(0..30)).map(|_| Text('x', rng.usize(1..=spread))).collect();
                        added += tasks.len();
                        ids.push(queue.add(tasks, now));
                    }
                    1 if !ids.is_empty() => seen += queue.remove(ids.swap_remove(rng.usize(0..ids.len()))).len(),
                    _ => {
                        let before = queue.tasks();
                        let Some(group) = queue.take(now, rng.usize(0..3)) else {
                            assert_eq!(before, 0, "a task is always taken");
                            continue;
                        };
                        seen += group.len();
                        check_bounds(&lengths(&group), budget, grouping);
                        assert!(group.len() <= most_tasks);
                    }
                }
                assert_eq!(queue.tasks(), added - seen);
            }
            while let Some(group) = queue.take(now, 0) {
                check_bounds(&lengths(&group), budget, grouping);
                seen += group.len();
            }
            assert_eq!((seen, queue.tokens(), queue.lengths.len(), queue.callers.len()), (added, 0, 0, 0));
            assert!(queue.order.is_empty());
        }
    }

    fn check_bounds(lengths: &[usize], budget: usize, grouping: Grouping) {
        let (tokens, longest) = (lengths.iter().sum::<usize>(), lengths.iter().copied().max().unwrap());
        let rectangle = lengths.len() * longest;
        let fits = match grouping {
            Grouping::Equal => lengths.iter().all(|&length| length == longest) && tokens <= budget,
            Grouping::Packed => tokens <= budget,
            Grouping::Unpadded => tokens <= budget && rectangle <= 2 * budget,
            Grouping::Near => rectangle <= budget && 20 * (rectangle - tokens) <= rectangle,
        };
        assert!(lengths.len() == 1 || fits, "{lengths:?} in {budget} tokens, {grouping:?}");
    }

    #[test]
    fn on_gpus_one_text_does_not_wait_for_two_thousand_either() {
        for grouping in [Grouping::Unpadded, Grouping::Near] {
            let (mut queue, now) = (Queue::new(2048, 4096, grouping), Instant::now());
            let mut rng = fastrand::Rng::with_seed(1);
            queue.add((0..2000).map(|_| Text('a', rng.usize(10..300))).collect(), now);
            for _ in 0..10 {
                queue.take(now, 0).unwrap();
            }
            queue.add(texts('b', &[7]), now);
            assert_eq!(queue.take(now, 0).unwrap()[0], Text('b', 7), "{grouping:?}");
        }
    }

    #[test]
    fn on_gpus_two_callers_get_the_same_share() {
        for grouping in [Grouping::Unpadded, Grouping::Near] {
            let (mut queue, now) = (Queue::new(512, 1024, grouping), Instant::now());
            queue.add(texts('a', &[100; 1000]), now);
            queue.add(texts('b', &[100; 1000]), now);
            let mut served = [0, 0];
            for _ in 0..200 {
                for text in queue.take(now, 0).unwrap() {
                    served[usize::from(text.0 == 'b')] += text.1;
                }
            }
            assert!(served[0].abs_diff(served[1]) <= 2 * 1024, "{served:?}, {grouping:?}");
        }
    }

    #[test]
    fn gpus_divide_what_would_fill_them_and_are_not_slowed_by_an_early_rate() {
        let (mut queue, now) = (Queue::new(8192, 16_384, Grouping::Unpadded), Instant::now());
        queue.add(texts('a', &[16; 500]), now);
        assert_eq!(queue.take(now, 1).unwrap().len(), 250);
        queue.remove(0);
        queue.add(texts('a', &[16; 60]), now);
        assert_eq!(queue.take(now, 3).unwrap().len(), 60, "too little to be divided");
        queue.set_short(10);
        queue.add(texts('a', &[16; 2000]), now);
        queue.add(texts('b', &[16]), now);
        assert_eq!(queue.take(now, 0).unwrap().len(), 64, "1,024 tokens beside a small request");
    }

    #[test]
    fn the_budget_is_halved_once_by_workers_that_fail_together() {
        let (mut queue, now) = (Queue::new(2048, 4096, Grouping::Unpadded), Instant::now());
        let budget = queue.budget();
        assert_eq!((queue.halve_budget(budget), queue.halve_budget(budget)), (Some(1024), None));
        queue.add(texts('a', &[300; 10]), now);
        assert_eq!(queue.take(now, 0).unwrap().len(), 3);
        let left = std::iter::from_fn(|| queue.halve_budget(queue.budget())).last();
        assert_eq!((left, queue.budget()), (Some(LEAST_BUDGET), LEAST_BUDGET));
        assert_eq!(queue.take(now, 0).unwrap().len(), 1, "a task that is too long is taken all the same");
        assert_eq!(Queue::<Text>::new(64, 1024, Grouping::Near).halve_budget(64), None, "what the user chose stays");
    }

    #[test]
    fn nothing_gives_nothing() {
        let (mut queue, now) = (Queue::<Text>::new(10, 1024, EQUAL), Instant::now());
        let id = queue.add(Vec::new(), now);
        assert_eq!(queue.take(now, 0), None);
        assert_eq!(queue.remove(id), []);
    }
}
