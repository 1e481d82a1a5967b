//! Fidelity: an engine's results compared with those of a reference engine, and with its own for single requests.
//!
//! Speed is meaningless without it: a server that pools wrongly, or computes in too small a format, is fast. Everything
//! is computed in float64 from results of the timed run; a [`Sample`](super::sample::Sample) keeps the same texts for
//! every engine.

mod invariance;
mod ranking;
mod vectors;

pub(crate) use invariance::{Invariance, InvarianceReport};
pub(crate) use ranking::{RankingFidelity, RankingReport};
#[cfg(test)]
pub(crate) use vectors::Norms;
pub(crate) use vectors::{Agreement, VectorDefect, VectorFidelity, VectorReport, cosine, defect};
