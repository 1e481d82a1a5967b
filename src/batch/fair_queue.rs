//! Fair queueing: callers share the workers equally, a piece of their work at a time.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// A caller without a finished piece for this long goes first.
const DEADLINE: Duration = Duration::from_secs(10);
/// Steps of the virtual clock for each token.
const STEPS: u64 = 1 << 16;

/// Fair queueing by virtual time. The clock advances by the tokens served to all callers, divided by the number of
/// waiting callers: it is the service that each would have received if all shared the workers token by token. A piece
/// is due at its virtual finish time, and the piece due first is next. So a single text does not wait for the 2,000 of
/// another caller, and that caller is not starved by a stream of new ones. Demers, Keshav and Shenker 1989, "Analysis
/// and Simulation of a Fair Queueing Algorithm".
#[derive(Debug)]
pub(crate) struct FairQueue {
    /// Most tokens of a request that is one piece: it is computed in one go, so that requests are finished one after the
    /// other rather than all at the end. What is larger lets others in between its pieces.
    most: usize,
    /// Tokens of a piece of a larger request.
    short: usize,
    clock: u64,
    callers: HashMap<u64, Caller>,
    /// By when their pieces are due; of those that are due together, who came first is first.
    due: BTreeSet<(u64, u64)>,
    /// By when they finished a piece last, or came.
    since: BTreeSet<(Instant, u64)>,
}

#[derive(Debug)]
struct Caller {
    due: u64,
    since: Instant,
    /// Tokens that are left of the piece.
    piece: usize,
    /// Tokens that are left beyond it.
    rest: usize,
}

impl FairQueue {
    /// No callers; a request of up to `most` tokens is one piece. With `usize::MAX`, the caller that came first is first.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, short: most, clock: 0, callers: HashMap::new(), due: BTreeSet::new(), since: BTreeSet::new() }
    }

    /// Larger requests come in pieces of `tokens` tokens from now on.
    pub(crate) fn set_short(&mut self, tokens: usize) {
        self.short = tokens.clamp(1, self.most);
    }

    /// True if requests let others in at all.
    pub(crate) fn share(&self) -> bool {
        self.most < usize::MAX
    }

    /// True if a caller waits for more than `tokens` tokens.
    pub(crate) fn any_above(&self, tokens: usize) -> bool {
        self.callers.values().any(|caller| caller.piece.saturating_add(caller.rest) > tokens)
    }

    /// The callers among `ids`, those first that are due first.
    pub(crate) fn in_order(&self, ids: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut order: Vec<(u64, u64)> =
            ids.map(|id| (self.callers.get(&id).map_or(u64::MAX, |caller| caller.due), id)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, id)| id).collect()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    /// A caller with `tokens` tokens comes.
    pub(crate) fn enter(&mut self, id: u64, tokens: usize, now: Instant) {
        let piece = if tokens <= self.most { tokens } else { self.short };
        // Without an end to turns, a small caller must not go before a large one, either.
        let ahead = if self.most == usize::MAX { 0 } else { steps(piece) };
        let caller = Caller { due: self.clock.saturating_add(ahead), since: now, piece, rest: tokens - piece };
        self.due.insert((caller.due, id));
        self.since.insert((now, id));
        self.callers.insert(id, caller);
    }

    /// A caller is done, or gone.
    pub(crate) fn leave(&mut self, id: u64) {
        if let Some(caller) = self.callers.remove(&id) {
            self.due.remove(&(caller.due, id));
            self.since.remove(&(caller.since, id));
        }
        if self.callers.is_empty() {
            self.clock = 0;
        }
    }

    pub(crate) fn next(&self, now: Instant) -> Option<u64> {
        let &(since, oldest) = self.since.first()?;
        if now.saturating_duration_since(since) > DEADLINE {
            return Some(oldest);
        }
        self.due.first().map(|&(_, id)| id)
    }

    /// Moves the clock on by `tokens` tokens, which are served to any callers.
    pub(crate) fn advance(&mut self, tokens: usize) {
        self.clock = self.clock.saturating_add(steps(tokens) / self.callers.len().max(1) as u64);
    }

    /// A caller with more tokens than these is served `tokens` of them.
    pub(crate) fn serve(&mut self, id: u64, tokens: usize, now: Instant) {
        let Some(caller) = self.callers.get_mut(&id) else { return };
        if tokens < caller.piece {
            caller.piece -= tokens;
            return;
        }
        self.due.remove(&(caller.due, id));
        self.since.remove(&(caller.since, id));
        let left = (caller.piece + caller.rest).saturating_sub(tokens);
        caller.piece = left.min(self.short);
        caller.rest = left - caller.piece;
        // A caller that was served more than its share, while it was alone, is not owed for the time.
        caller.due = caller.due.max(self.clock).saturating_add(steps(caller.piece));
        caller.since = now;
        self.due.insert((caller.due, id));
        self.since.insert((now, id));
    }
}

fn steps(tokens: usize) -> u64 {
    (tokens as u64).saturating_mul(STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: usize = 1000;

    #[test]
    fn pieces_take_turns() {
        let (mut turns, now) = (FairQueue::new(PIECE), Instant::now());
        turns.enter(0, 10 * PIECE, now);
        turns.enter(1, 10 * PIECE, now);
        let mut order = Vec::new();
        for _ in 0..4 {
            let next = turns.next(now);
            order.extend(next);
            for _ in 0..2 {
                assert_eq!(turns.next(now), next, "a piece in one go");
                turns.advance(PIECE / 2);
                turns.serve(next.unwrap_or_default(), PIECE / 2, now);
            }
        }
        assert_eq!(order, [0, 1, 0, 1]);
    }

    #[test]
    fn a_small_newcomer_goes_before_a_large_piece_but_not_before_one_that_is_overdue() {
        let (mut turns, now) = (FairQueue::new(PIECE), Instant::now());
        turns.enter(0, 10 * PIECE, now);
        turns.enter(1, 10, now);
        assert_eq!(turns.next(now), Some(1));
        turns.leave(1);
        turns.advance(PIECE);
        turns.enter(2, 10, now);
        assert_eq!(turns.next(now), Some(0));
    }

    #[test]
    fn equals_in_the_order_in_which_they_came() {
        let (mut turns, now) = (FairQueue::new(PIECE), Instant::now());
        turns.enter(0, 7, now);
        turns.enter(1, 7, now);
        assert_eq!(turns.next(now), Some(0));
        turns.leave(0);
        assert_eq!(turns.next(now), Some(1));
    }

    #[test]
    fn whoever_waited_too_long_goes_first() {
        let (mut turns, now) = (FairQueue::new(PIECE), Instant::now());
        turns.enter(0, 2 * PIECE, now);
        let later = now + DEADLINE + Duration::from_millis(1);
        turns.enter(1, 1, later);
        assert_eq!(turns.next(now), Some(1));
        assert_eq!(turns.next(later), Some(0));
        turns.serve(0, PIECE, later);
        assert_eq!(turns.next(later), Some(1), "a piece, and no more");
    }

    #[test]
    fn no_number_overflows() {
        let (mut turns, now) = (FairQueue::new(PIECE), Instant::now());
        turns.enter(0, usize::MAX, now);
        turns.advance(usize::MAX);
        turns.enter(1, usize::MAX, now);
        turns.advance(usize::MAX);
        turns.serve(1, usize::MAX, now);
        assert_eq!(turns.next(now), Some(0));
        turns.leave(0);
        turns.leave(1);
        assert!(turns.is_empty());
        assert_eq!(turns.next(now), None);
    }
}
