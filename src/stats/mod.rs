//! Statistics: how sure figures and their differences are, how well two rankings or sets of vectors agree, and which
//! vectors are near.
//!
//! ```text
//! spread, quantiles   figures measured a few times: median, range, interval
//!   └ student_t       quantiles of Student's t
//! estimate            the change of a figure between two sets of rounds, and its error
//!   └ speed_up        the ratio of two engines' figures over paired rounds
//! bootstrap           the paired difference of a statistic of many items
//! latencies           histograms of durations
//! random, sample      random numbers that never change; a sample that does not depend on order
//! correlation         Pearson's and Spearman's, of all items and of draws; kendall: of the order of pairs
//!   └ ranks           ranks of values
//! retrieval           measures of ranked documents
//! nearest             exact search
//! fidelity            vectors and scores against those of a reference
//! ```
//!
//! A leaf: it uses nothing else of the crate, so that measuring, comparing and reporting share it.

pub(crate) mod bootstrap;
pub(crate) mod correlation;
pub(crate) mod estimate;
pub(crate) mod fidelity;
pub(crate) mod kendall;
pub(crate) mod latencies;
pub(crate) mod nearest;
pub(crate) mod quantiles;
pub(crate) mod random;
pub(crate) mod ranks;
pub(crate) mod retrieval;
pub(crate) mod sample;
pub(crate) mod speed_up;
pub(crate) mod spread;
pub(crate) mod student_t;
