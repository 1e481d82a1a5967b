//! The mask of an attention that is the same in all texts.

/// The keys that a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in super::super) struct Mask {
    /// Only keys at its own position and before.
    pub causal: bool,
    /// The largest distance of a key, in positions.
    pub reach: Option<usize>,
}
