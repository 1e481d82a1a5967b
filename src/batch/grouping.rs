//! Which tasks may run together, and how many of them.

/// The shape of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// Tasks of one length: a rectangle without padding.
    Equal,
    /// Tasks of any lengths, one behind the other.
    Packed,
    /// As `Packed`, but with a limit for operators that lay them out in a rectangle after all: padded to the longest,
    /// they are at most twice the budget.
    Unpadded,
    /// Tasks of nearly equal lengths, in a rectangle: at most one twentieth of it is padding, and all of it counts
    /// against the budget.
    Near,
}

/// Tokens that a worker on the CPU computes hardly slower than two do halves of them.
const LEAST_ON_CPU: usize = 64;

/// Tokens that a GPU computes hardly slower than half of them: fewer do not fill it.
const LEAST_ON_GPU: usize = 1024;

/// One of this number of tokens of a rectangle may be padding.
const PADDING: usize = 20;

impl Grouping {
    /// Tokens below which dividing work does not pay.
    pub(super) fn least(self) -> usize {
        match self {
            Self::Equal | Self::Packed => LEAST_ON_CPU,
            Self::Unpadded | Self::Near => LEAST_ON_GPU,
        }
    }

    /// True if groups run on a GPU.
    pub(super) fn on_gpu(self) -> bool {
        matches!(self, Self::Unpadded | Self::Near)
    }
}

/// The size of a group that is being formed from tasks of several lengths.
#[derive(Debug)]
pub(super) struct Extent {
    grouping: Grouping,
    /// Most tokens: of all tasks, or of the rectangle.
    most: usize,
    /// Most tokens of the rectangle that an unpadded group would fill.
    most_padded: usize,
    most_tasks: usize,
    tasks: usize,
    tokens: usize,
    longest: usize,
}

impl Extent {
    /// An empty group of at most `most` tokens; `budget` is what it could have if it did not leave work to others.
    pub(super) fn new(grouping: Grouping, most: usize, budget: usize, most_tasks: usize) -> Self {
        let most_padded = budget.saturating_mul(2);
        Self { grouping, most, most_padded, most_tasks, tasks: 0, tokens: 0, longest: 0 }
    }

    /// Number of tasks of `length` tokens that may join, of `available` ones. The first task always may.
    pub(super) fn room(&self, length: usize, available: usize) -> usize {
        let length = length.max(1);
        let available = available.min(self.most_tasks.saturating_sub(self.tasks));
        if self.tasks == 0 {
            return (self.most / length).max(1).min(available);
        }
        let longest = self.longest.max(length);
        let left = self.most.saturating_sub(self.tokens) / length;
        let in_rectangle = |most: usize| (most / longest).saturating_sub(self.tasks);
        let room = match self.grouping {
            Grouping::Equal | Grouping::Packed => left,
            Grouping::Unpadded => left.min(in_rectangle(self.most_padded)),
            Grouping::Near => return self.room_in_rectangle(length, in_rectangle(self.most).min(available)),
        };
        room.min(available)
    }

    /// As [`Extent::room`], of `most` tasks at most, so that `PADDING · padding ≤ rectangle` holds afterwards.
    fn room_in_rectangle(&self, length: usize, most: usize) -> usize {
        let (tokens, filled) = (self.tokens * PADDING, PADDING - 1);
        if length > self.longest {
            // The tasks before it are padded further; enough longer ones make up for that.
            let missing = (filled * self.tasks * length).saturating_sub(tokens);
            return if most * length >= missing { most } else { 0 };
        }
        let spare = tokens.saturating_sub(filled * self.tasks * self.longest);
        match (filled * self.longest).saturating_sub(PADDING * length) {
            0 => most,
            each => most.min(spare / each),
        }
    }

    pub(super) fn add(&mut self, length: usize, count: usize) {
        self.tasks += count;
        self.tokens += length * count;
        self.longest = self.longest.max(length);
    }

    /// True if not even a task of `shortest` tokens has room.
    pub(super) fn is_full(&self, shortest: usize) -> bool {
        self.tasks > 0
            && (self.tasks >= self.most_tasks
                || match self.grouping {
                    Grouping::Near => self.most / self.longest.max(1) <= self.tasks,
                    _ => self.most.saturating_sub(self.tokens) < shortest.max(1),
                })
    }
}
