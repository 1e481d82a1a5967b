//! A figure over rounds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::spread::Spread;

/// A figure over rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// The value in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// 95 % interval around the median, of Student's t on logarithms; of a speed-up the one that `infa compare` gives it,
    /// which holds together with those of all other engines. `None` for fewer than two rounds.
    pub interval: Option<(f64, f64)>,
    /// Rounds it comes from.
    pub count: usize,
}

impl From<Spread> for Figure {
    fn from(Spread { count, median, min, max, deviation: _, interval }: Spread) -> Self {
        Self { median, min, max, interval, count }
    }
}
