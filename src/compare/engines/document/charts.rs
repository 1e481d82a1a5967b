//! Charts of a comparison of engines.

use super::super::report::{EngineOnTexts, EnginesReport};
use crate::compare::fidelity_chart;
use crate::compare::vectors::{cosines, farthest};
use crate::report::document::Chart;
use crate::report::numbers::{cosine, number};
use crate::report::plot::Spot;
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

fn rate(engine: &EngineOnTexts, name: &str) -> Option<f64> {
    match name {
        "tokens_per_s" => engine.tokens_per_s,
        "inputs_per_s" => engine.inputs_per_s,
        _ => None,
    }
}

/// `None` if no engine has both a speed and a figure against the reference.
fn speeds(report: &EnginesReport) -> Option<Chart> {
    let has = |speed: &str, agreement: &str| {
        report.engines.iter().any(|engine| rate(engine, speed).is_some() && engine.metric(agreement).is_some())
    };
    let ((speed, unit), (agreement, label)) = fidelity_chart::axes(has)?;
    let spot = |(series, engine): (usize, &EngineOnTexts)| {
        let hollow = report.reference.as_ref() == Some(&engine.name);
        // With itself the reference agrees.
        let y = engine.metric(agreement).or(hollow.then_some(1.0))?;
        let (x, label) = (rate(engine, speed)?, one_line(&engine.name));
        let title = format!("{label}: {} {unit}, {}", number(x), cosine(y));
        Some(Spot { label, series, x, y, hollow, title })
    };
    let spots: Vec<Spot> = report.engines.iter().enumerate().filter_map(spot).collect();
    let legend = spots.iter().map(|spot| (spot.series, spot.label.clone())).collect();
    let rings = "The ring is the reference. Speed was seen in passing.";
    Some(fidelity_chart::chart("speed", (unit, label), &spots, rings, legend))
}
