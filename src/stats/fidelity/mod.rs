//! How near an engine's results are to those of a reference engine, and to its own when it is alone.
//!
//! Speed without this is worth nothing: a server that pools wrongly, or computes in a format that is too small, is fast.
//! Everything is computed in float64 from results of the timed run, of which a [`Sample`](super::sample::Sample) keeps the same ones for every
//! engine.

mod invariance;
mod ranking;
mod vectors;

pub use invariance::{Invariance, InvarianceReport};
pub use ranking::{RankingFidelity, RankingReport, top_k_overlap};
pub use vectors::{Agreement, Flaw, Norms, VectorFidelity, VectorReport, cosine, flaw};
