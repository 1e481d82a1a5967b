//! Comparing what was measured: did it get slower, can I switch?
//!
//! ```text
//! runs   result files of `infa bench`: ratios with intervals, thresholds
//! ```

pub mod runs;
