//! Result files against one another: files → comparison → table, exports, exit status.

use std::path::PathBuf;

use super::super::exports::Exports;
use super::{Error, Outcome, World};
use crate::cli::{CompareArgs, ShownMetric};
use crate::compare::runs::{self, METRICS, Plan, Run, RunsReport, Threshold};
use crate::report::document::Check;

pub(super) fn run(args: CompareArgs, world: &World) -> Result<Outcome, Error> {
    let CompareArgs { files, base, baseline, fail_if, force, metrics, exports, asked: _ } = args;
    let exports = Exports::of_report(exports, runs::json, runs::document)?;
    let plan = plan(read(&base)?, read(&files)?, baseline)?;
    let mut report = runs::compare(&plan, force)?;
    let wrong = |reason: &str| Error::Flag { flag: "--fail-if", reason: reason.to_owned() };
    let fail_if: Vec<Threshold> =
        fail_if.into_iter().map(|fail_if| fail_if.runs.map_err(wrong)).collect::<Result<_, _>>()?;
    report.thresholds = runs::check(&fail_if, &report)?;
    report.shown = shown(&metrics);

    // Otherwise they stand above the tables.
    if !exports.is_seen_on_stderr() {
        warn(&report, world);
    }
    exports.finish(&report, runs::document, world)?;
    Ok(judge(&report, world))
}

fn read(paths: &[PathBuf]) -> Result<Vec<Run>, Error> {
    Ok(paths.iter().map(|path| runs::read(path)).collect::<Result<_, _>>()?)
}

fn plan(base: Vec<Run>, mut files: Vec<Run>, baseline: Option<String>) -> Result<Plan, Error> {
    if !base.is_empty() {
        return Ok(Plan::Sides(base, files));
    }
    if files.is_empty() {
        return Err(Error::Flag { flag: "FILE", reason: "no file to compare".into() });
    }
    let first = files.remove(0);
    match baseline {
        _ if files.is_empty() => Ok(Plan::Engines(first, baseline)),
        None => Ok(Plan::Each(first, files)),
        Some(_) => {
            let reason = "it names an engine of a single file; in several files engines are matched by their names";
            Err(Error::Flag { flag: "--baseline", reason: reason.into() })
        }
    }
}

fn shown(metrics: &[ShownMetric]) -> Option<Vec<&'static str>> {
    let of = |shown: &ShownMetric| match shown {
        ShownMetric::All => METRICS.iter().map(|metric| metric.name).collect(),
        ShownMetric::One(metric) => vec![metric.name],
    };
    (!metrics.is_empty()).then(|| metrics.iter().flat_map(of).collect())
}

fn warn(report: &RunsReport, world: &World) {
    let printer = world.bars.printer();
    report.warnings.iter().for_each(|warning| printer.warning(warning));
    for comparison in &report.comparisons {
        runs::not_comparable(comparison).iter().chain(&comparison.warnings).for_each(|text| printer.warning(text));
    }
    for comparison in &report.comparisons {
        for (side, names) in [("the base", &comparison.only_in_base), ("the new files", &comparison.only_in_new)] {
            if !names.is_empty() {
                printer.warning(&format!("only in {side}: {}", names.join(", ")));
            }
        }
    }
}

/// The last words, and the exit status. A threshold that could not be checked, because the sides are not comparable, is
/// no success; one that was crossed counts more.
fn judge(report: &RunsReport, world: &World) -> Outcome {
    let printer = world.bars.printer();
    let mut outcome = Outcome::Done;
    let comparable =
        report.thresholds.iter().flat_map(|threshold| &threshold.checked).map(|checked| checked.comparable);
    for (Check { crossed, text: line }, comparable) in runs::checks(report).into_iter().zip(comparable) {
        match crossed {
            Some(true) => {
                outcome = Outcome::ThresholdCrossed;
                printer.error(&line, None);
            }
            Some(false) => {}
            None if !comparable => {
                if outcome == Outcome::Done {
                    outcome = Outcome::NotComparable;
                }
                printer.error(&line, Some("compare runs of the same workload, or add --force"));
            }
            None => printer.warning(&format!("{line}; it takes two rounds of each side, or several runs")),
        }
    }
    outcome
}
