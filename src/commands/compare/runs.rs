//! Result files against one another: files → comparison → table, exports, exit status.

use std::path::PathBuf;

use super::files::expect_reports;
use super::outcome::{judge, thresholds};
use crate::cli::{CheckArgs, CompareRunsArgs, RunsFlags, ShownMetric};
use crate::commands::exports::Exports;
use crate::commands::{AppContext, Error, Outcome};
use crate::compare::runs::{self, METRICS, Plan, Run, RunsReport};
use crate::compare::threshold::Kind;

pub(super) fn run(args: CompareRunsArgs, app: &AppContext) -> Result<Outcome, Error> {
    let CompareRunsArgs { files, flags, checks: CheckArgs { fail_if, exports } } = args;
    let RunsFlags { base, baseline, force, metrics } = flags;
    expect_reports(base.iter().chain(&files))?;
    let plan = plan(read(&base)?, read(&files)?, baseline)?;
    let fail_if = thresholds(&fail_if, Kind::Runs)?;
    let exports = Exports::of_report(exports, runs::document)?;
    let mut report = runs::compare(&plan, force)?;
    report.thresholds = runs::check(&fail_if, &report)?;
    report.warnings.extend(runs::blind(&fail_if, &report));
    report.shown = shown(&metrics);

    // Otherwise they stand above the tables.
    if !exports.is_seen_on_stderr() {
        warn(&report, app);
    }
    exports.finish(&report, runs::document, app)?;
    Ok(judge(&runs::checks(&report), app))
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

fn warn(report: &RunsReport, app: &AppContext) {
    let printer = app.bars.printer();
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
