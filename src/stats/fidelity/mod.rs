//! Fidelity: an engine's results compared with those of a reference engine, and with its own for single requests.
//!
//! Speed is meaningless without it: a server that pools wrongly, or computes in too small a format, is fast. Everything
//! is computed in float64 from results of the timed run; a [`Sample`](super::sample::Sample) keeps the same texts for
//! every engine.

mod invariance;
mod ranking;
mod vectors;

pub use invariance::{Invariance, InvarianceReport};
pub use ranking::{RankingFidelity, RankingReport};
#[cfg(test)]
pub use vectors::Norms;
pub use vectors::{Agreement, VectorDefect, VectorFidelity, VectorReport, cosine, defect};
