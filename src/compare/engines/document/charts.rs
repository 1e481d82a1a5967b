//! Charts of a comparison of engines.

use super::super::report::{EngineOnTexts, EnginesReport};
use crate::compare::vectors::{cosines, farthest};
use crate::report::document::Chart;
use crate::report::numbers::{cosine, number};
use crate::report::plot::{Axis, Scale, Spot, scatter};
use crate::report::text::one_line;

/// Speed against fidelity, and the cosines of each engine.
pub(super) fn charts(report: &EnginesReport) -> Vec<Chart> {
    let mut charts: Vec<Chart> = speeds(report).into_iter().collect();
    let histogram = |engine: &EngineOnTexts| engine.against.as_ref().and_then(|found| found.cosines.clone());
    let histograms: Vec<_> = report.engines.iter().map(histogram).collect();
    // All share one axis, so that they can be compared.
    let from = farthest(histograms.iter().flatten());
    for (at, (engine, histogram)) in report.engines.iter().zip(&histograms).enumerate() {
        if let Some(histogram) = histogram {
            let heading = format!("How cosines of {} are spread", one_line(&engine.name));
            charts.push(cosines(&format!("cosines-{at}"), heading, at, histogram, from));
        }
    }
    charts
}

type Rate = fn(&EngineOnTexts) -> Option<f64>;
/// The first that engines have is shown.
const RATES: [(&str, Rate); 2] =
    [("tokens/s", |engine| engine.tokens_per_s), ("inputs/s", |engine| engine.inputs_per_s)];
const AGREEMENTS: [(&str, &str); 2] = [
    ("cosine_min", "smallest cosine with the reference's vectors"),
    ("tau_min", "smallest Kendall's τ-b against the reference"),
];

/// `None` if no engine has both a speed and a figure against the reference.
fn speeds(report: &EnginesReport) -> Option<Chart> {
    let pairs = RATES.iter().flat_map(|rate| AGREEMENTS.iter().map(move |agreement| (rate, agreement)));
    let mut found = pairs.filter(|((_, rate), (agreement, _))| {
        report.engines.iter().any(|engine| rate(engine).is_some() && engine.metric(agreement).is_some())
    });
    let ((unit, rate), (agreement, label)) = found.next()?;
    let spot = |(series, engine): (usize, &EngineOnTexts)| {
        let hollow = report.reference.as_ref() == Some(&engine.name);
        // With itself the reference agrees.
        let y = engine.metric(agreement).or(hollow.then_some(1.0))?;
        let (x, label) = (rate(engine)?, one_line(&engine.name));
        let title = format!("{label}: {} {unit}, {}", number(x), cosine(y));
        Some(Spot { label, series, x, y, hollow, title })
    };
    let spots: Vec<Spot> = report.engines.iter().enumerate().filter_map(spot).collect();
    let axes = (
        Axis { label: unit, scale: Scale::fitting(spots.iter().map(|spot| spot.x)) },
        Axis { label, scale: Scale::nines(spots.iter().map(|spot| spot.y)) },
    );
    let title = format!("Fidelity of each engine, as {label}, against its speed in {unit}");
    let picture = scatter("speed", &title, axes, &spots);
    let about = "Right and high is good; each step up is one more nine. The ring is the reference. Speed was seen in \
                 passing.";
    let legend: Vec<(usize, String)> = spots.into_iter().map(|spot| (spot.series, spot.label)).collect();
    Some(Chart { heading: "Speed against fidelity".to_owned(), about: about.to_owned(), picture, legend })
}
