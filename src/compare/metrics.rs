//! How well scores agree with a truth: correlations of scored pairs, measures of retrieval, and how sure the difference
//! of two of them is.

mod correlation;
mod paired;
mod ranks;
mod retrieval;

pub use crate::bench::fidelity::kendall_tau_b;
pub use correlation::{pearson, spearman};
pub use paired::{Difference, mean, paired_difference};
pub use ranks::average_ranks;
pub use retrieval::{ndcg_at, ranked, recall_at, reciprocal_rank_at};

/// Numbers with many ties that a script can make again: `(i·7919 + i²·31) mod m`, and of these and of i others below
/// m − 2.
#[cfg(test)]
fn tied(n: u64, m: u64) -> (Vec<f64>, Vec<f64>) {
    let first = |i: u64| (i * 7919 + i * i * 31) % m;
    let second = |i: u64| (i * i * 17 + i * 3 + 2 * first(i)) % (m - 2);
    ((0..n).map(|i| first(i) as f64).collect(), (0..n).map(|i| second(i) as f64).collect())
}
