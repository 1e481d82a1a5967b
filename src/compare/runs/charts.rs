//! Charts of a comparison: changes around no change, and speed against fidelity.

use super::metric::Scale;
use super::report::{Basis, Comparison, EngineComparison, MetricComparison, RunsReport, Verdict};
use super::text::{change, shown, verdict};
use crate::compare::fidelity_chart;
use crate::report::document::Chart;
use crate::report::plot::{ForestGroup, ForestRow, Spot, forest};
use crate::report::text::one_line;

/// The charts of one comparison. `at` makes their ids unique.
pub(super) fn charts(report: &RunsReport, at: usize, comparison: &Comparison) -> Vec<Chart> {
    changes(report, at, comparison).into_iter().chain(speeds(at, comparison)).collect()
}

fn changes(report: &RunsReport, at: usize, comparison: &Comparison) -> Option<Chart> {
    let row = |found: &&MetricComparison| {
        let (value, interval) = (found.change.value, found.change.joint);
        // Changes without a ratio have a unit of their own.
        (found.change.scale == Scale::Ratio
            && found.verdict != Verdict::NotComparable
            && value.is_finite()
            && value > 0.0)
            .then(|| ForestRow {
                label: found.of.label.to_owned(),
                ratio: value,
                interval,
                noise: found.change.floor,
                tone: found.verdict.tone(),
                text: format!("{} {}", change(found.of, &found.change), verdict(found.verdict)),
            })
    };
    let group = |engine: &EngineComparison| ForestGroup {
        name: name(engine),
        rows: shown(report, &engine.metrics).iter().filter_map(row).collect(),
    };
    let groups: Vec<ForestGroup> =
        comparison.engines.iter().map(group).filter(|group| !group.rows.is_empty()).collect();
    if groups.is_empty() {
        return None;
    }
    let picture =
        forest(&format!("changes-{at}"), "Change of each figure of each engine, with its 95% interval", &groups);
    let about = "Whiskers are 95% intervals of all together, bands the noise floor: a smaller change has no verdict. Of latencies \
                 and memory less is better. Cosines and errors, which have no ratio, are in the table.";
    Some(Chart { heading: "Changes".to_owned(), about: about.to_owned(), picture, legend: Vec::new() })
}

fn name(engine: &EngineComparison) -> String {
    let name = one_line(&engine.name);
    engine.baseline.as_deref().map_or(name.clone(), |baseline| format!("{name} against {}", one_line(baseline)))
}

fn speeds(at: usize, comparison: &Comparison) -> Option<Chart> {
    let of = |engine: &EngineComparison, name: &str| {
        let found = engine.metrics.iter().find(|metric| metric.metric == name)?;
        Some((found.base.value, found.new.value, found.of))
    };
    let both = |engine: &EngineComparison, rate: &str, agreement: &str| of(engine, rate).zip(of(engine, agreement));
    let has = |rate: &str, agreement: &str| comparison.engines.iter().any(|one| both(one, rate, agreement).is_some());
    let ((rate, unit), (agreement, label)) = fidelity_chart::axes(has)?;
    let paired = comparison.basis == Basis::PairedRounds;
    let mut spots: Vec<Spot> = Vec::new();
    for (series, engine) in comparison.engines.iter().enumerate() {
        let Some(((old_x, new_x, speed), (old_y, new_y, fidelity))) = both(engine, rate, agreement) else { continue };
        let spot = |label: String, series, (x, y): (f64, f64), hollow| {
            let title = format!("{label}: {} {unit}, {}", speed.write(x), fidelity.write(y));
            Spot { label, series, x, y, hollow, title }
        };
        let (old, new, name) = ((old_x, old_y), (new_x, new_y), one_line(&engine.name));
        if !paired {
            spots.push(spot(format!("{name} (base)"), series, old, true));
        } else if spots.is_empty() {
            // One for all.
            let baseline = engine.baseline.as_deref().map(one_line).unwrap_or_default();
            spots.push(spot(baseline, comparison.engines.len(), old, true));
        }
        spots.push(spot(name, series, new, false));
    }
    let rings = if paired { "The ring is the baseline." } else { "Rings are the base." };
    let legend = spots.iter().filter(|spot| paired || !spot.hollow).map(|spot| (spot.series, spot.label.clone()));
    let legend = legend.collect();
    Some(fidelity_chart::chart(&format!("speed-{at}"), (unit, label), &spots, rings, legend))
}
