//! Weights in 8-bit integers: what becomes of a model's matrices, and of the inputs they are multiplied with.
//!
//! Weights are symmetric, with a scale for every output. Activations are unsigned, with a scale that depends on their own
//! row at most, so that a text's vector does not depend on its neighbours: what comes from a normalisation, whose rows are
//! all of one size, has a fixed scale; in other inputs every row has its own. Channels may be brought to similar sizes
//! first; the matrices take the factors back. [`plan`] measures on a few texts which treatment adds the least noise. Operators
//! of our own scale every row by itself, so that only the factors are planned for them; exported files scale every row, too.

pub(crate) mod file;
pub(crate) mod plan;
mod quantise;
mod weights;

pub(crate) use quantise::{Arithmetic, Multiplier, quantise_rows};
pub(crate) use weights::{Input, Int8Weights, Scaling, Treatment, VERSION, WatchedMatrix};
