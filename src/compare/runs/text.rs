//! The text form of changes.

use super::metric::{Metric, Scale, Unit};
use super::report::{Change, MetricComparison, RunsReport, Verdict};
use crate::report::numbers::NOTHING;

/// `-3.0%`, `+0.4%`, `+250%`; `×12.5` from tenfold on.
pub(super) fn percentage(change: f64) -> String {
    let percent = change * 100.0;
    let text = match percent {
        // With few rounds a side, a change may be anything.
        _ if change >= 999.0 => return "> ×1,000".to_owned(),
        _ if change >= 9.0 => return format!("×{:.1}", change + 1.0),
        small if small.abs() < 0.95 => format!("{small:+.2}%"),
        few if few.abs() < 99.5 => format!("{few:+.1}%"),
        _ => format!("{percent:+.0}%"),
    };
    // Rounded away it has no sign.
    if text.contains(|c| ('1'..='9').contains(&c)) { text } else { "0%".to_owned() }
}

/// A difference in the metric's own unit, with its sign.
fn difference(metric: &Metric, value: f64) -> String {
    match metric.unit {
        Unit::Share if value == 0.0 => "0".to_owned(),
        Unit::Share => format!("{:+.2} points", value * 100.0),
        _ if value.abs() < 5e-8 => "0".to_owned(),
        _ => format!("{value:+.1e}"),
    }
}

/// A change: `-3.0%`.
pub(super) fn change(metric: &Metric, change: &Change) -> String {
    amount(metric, change, change.value)
}

/// Its interval, that of all changes together: `-4.0% … -2.1%`.
pub(super) fn interval(metric: &Metric, change: &Change) -> Option<String> {
    let (low, high) = change.joint?;
    Some(format!("{} … {}", amount(metric, change, low), amount(metric, change, high)))
}

fn amount(metric: &Metric, change: &Change, value: f64) -> String {
    match change.scale {
        Scale::Ratio => percentage(value - 1.0),
        Scale::Difference => difference(metric, value),
    }
}

/// The noise floor, without a sign: `1.3%`.
pub(super) fn floor(metric: &Metric, change: &Change) -> Option<String> {
    let text = match change.scale {
        Scale::Ratio => percentage(change.floor?),
        Scale::Difference => difference(metric, change.floor?),
    };
    Some(text.trim_start_matches('+').to_owned())
}

/// The word for a verdict in a table; `–` if the noise is unknown.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Indistinguishable => "indistinguishable",
        Verdict::CannotTell => NOTHING,
        Verdict::NotComparable => "not comparable",
    }
}

/// The metrics of an engine that tables show: the selected ones, or the most useful; and those of thresholds.
pub(super) fn shown<'a>(report: &'a RunsReport, metrics: &'a [MetricComparison]) -> Vec<&'a MetricComparison> {
    let says = |metric: &MetricComparison| match &report.shown {
        Some(shown) => shown.contains(&metric.metric),
        None => says_most(metric, metrics),
    };
    let watched =
        |metric: &MetricComparison| report.thresholds.iter().any(|threshold| threshold.metric == metric.metric);
    metrics.iter().filter(|metric| says(metric) || watched(metric)).collect()
}

/// True if tables show it by default, beside the others of its engine.
pub(super) fn says_most(metric: &MetricComparison, metrics: &[MetricComparison]) -> bool {
    let there = |name: &str| metrics.iter().any(|metric| metric.metric == name);
    match metric.metric {
        // Rates of the same requests say the same.
        "inputs_per_s" => !there("tokens_per_s"),
        "requests_per_s" => !there("tokens_per_s") && !there("inputs_per_s"),
        "errors" => metric.base.value > 0.0 || metric.new.value > 0.0,
        _ => metric.of.main,
    }
}
