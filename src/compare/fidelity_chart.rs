//! The chart of speed against fidelity, of engines and of result files.

use crate::report::document::Chart;
use crate::report::plot::{Axis, Scale, Spot, scatter};

/// Metrics of speed with their units, by falling worth for comparing engines.
const RATES: [(&str, &str); 3] =
    [("tokens_per_s", "tokens/s"), ("inputs_per_s", "inputs/s"), ("requests_per_s", "requests/s")];
const AGREEMENTS: [(&str, &str); 2] = [
    ("cosine_min", "smallest cosine with the reference's vectors"),
    ("tau_min", "smallest Kendall's τ-b against the reference"),
];

/// A metric, and its label on an axis.
pub(super) type Labelled = (&'static str, &'static str);

/// The first rate and the first agreement that an engine `has` both of.
pub(super) fn axes(has: impl Fn(&str, &str) -> bool) -> Option<(Labelled, Labelled)> {
    let mut pairs = RATES.iter().flat_map(|rate| AGREEMENTS.iter().map(move |agreement| (*rate, *agreement)));
    pairs.find(|((rate, _), (agreement, _))| has(rate, agreement))
}

/// The chart of these spots; `rings` says what a hollow one stands for.
pub(super) fn chart(
    id: &str,
    (unit, label): (&'static str, &'static str),
    spots: &[Spot],
    rings: &str,
    legend: Vec<(usize, String)>,
) -> Chart {
    let axes = (
        Axis { label: unit, scale: Scale::fitting(spots.iter().map(|spot| spot.x)) },
        Axis { label, scale: Scale::nines(spots.iter().map(|spot| spot.y)) },
    );
    let title = format!("Fidelity of each engine, as {label}, against its speed in {unit}");
    Chart {
        heading: "Speed against fidelity".to_owned(),
        about: format!("Right and high is good; each step up is one more nine. {rings}"),
        picture: scatter(id, &title, axes, spots),
        legend,
    }
}
