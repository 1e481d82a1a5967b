//! Limits of saved vectors.

/// Numbers of all vectors of a file together, at most: 16 GiB of float32, or 11 million vectors of 384 dimensions.
pub(crate) const MAX_NUMBERS: usize = 1 << 32;

/// Rows at most: they take memory even without numbers.
pub(super) const MAX_ROWS: usize = 1 << 28;
