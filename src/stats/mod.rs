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

pub mod bootstrap;
pub mod correlation;
pub mod estimate;
pub mod fidelity;
pub mod kendall;
pub mod latencies;
pub mod nearest;
pub mod quantiles;
pub mod random;
pub mod ranks;
pub mod retrieval;
pub mod sample;
pub mod speed_up;
pub mod spread;
pub mod student_t;
