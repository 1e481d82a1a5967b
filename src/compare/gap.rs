//! Inputs that a figure says nothing about.

use crate::report::numbers::several;

/// The reason that a `figure` of vectors or scores says nothing about some inputs: only one side has usable results of
/// `inputs` of them, in words for one and for many. A threshold on it counts as crossed then. A count of unusable
/// results that is not zero speaks of them itself.
pub(super) fn gap(metric: &str, figure: f64, inputs: usize, [one, many]: [&str; 2]) -> Option<String> {
    const COUNTS: [&str; 7] =
        ["nan", "infinite", "zero", "missing", "dimension_mismatches", "document_mismatches", "unmatched"];
    let speaks = COUNTS.contains(&metric) && figure > 0.0;
    (inputs > 0 && !speaks)
        .then(|| format!("of {} only one side has a usable result", several(inputs as u64, one, many)))
}
