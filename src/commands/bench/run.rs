//! A run from its plan to its report.

use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::exports::Exports;
use super::measurable::MeasurableEngine;
use super::measure;
use super::obstacles::Obstacles;
use super::plan::Plan;
use super::report::Context;
use super::texts::Texts;
use crate::bench::dataset::DatasetSpec;
use crate::bench::engine::Prepared;
use crate::bench::report::EngineState;
use crate::cli::{BenchArgs, BenchSettings, ExportReportArgs, ReportExportArgs};
use crate::commands::engine_set::{ModelHere, TokenCounter, facts};
use crate::commands::overwrite::Places;
use crate::commands::{AppContext, Error, Outcome, async_runtime};
use crate::compare::runs::read;
use crate::model::Model;
use crate::ui::interrupt;

pub(in super::super) fn run(args: BenchArgs, app: &AppContext) -> Result<Outcome, Error> {
    let BenchArgs { config, settings, exports, dry_run, from, all_columns } = args;
    if let Some(from) = from {
        return draw(&from, &settings, exports, all_columns, app);
    }
    let (begin, started) = (Instant::now(), SystemTime::now());
    let plan = Plan::resolve(config.as_deref(), settings)?;
    let mut places = Places::default();
    if let Some(config) = &config {
        places.reads(Path::new(config), "it is the benchmark's config; write to another file");
    }
    if let DatasetSpec::File(texts) = &plan.dataset {
        places.reads(texts, "its texts are measured; write to another file");
    }
    check_exports(&exports, places)?;
    let exports = Exports::open(exports, &plan.name)?;
    if dry_run {
        return rehearse(&plan, app);
    }
    let printer = app.bars.printer();
    printer.note(&format!("{}: takes {}", plan.name, plan.estimate(plan.set.engines.len())));
    plan.remarks.iter().for_each(|remark| printer.note(&format!("note: {remark}")));
    let model = plan.set.model(app)?;
    let counter = model.as_ref().map(|model| TokenCounter::new(model, plan.set.task)).transpose()?;
    let texts = Texts::read(&plan, counter.as_ref(), app)?;
    let requests: Arc<[Prepared]> = texts.requests.clone().into();

    // Results so far are printed and exported after an interruption.
    interrupt::exit_only_when_done();
    let runtime = async_runtime::multi_thread(app)?;
    let machine = facts::of_machine(&plan.set, app);
    let max_length = counter.map(|counter| counter.max_length);
    let facts = facts::of(&plan.set, model.as_ref(), max_length, app)?;
    let context = Context { plan: &plan, model: facts, counted: model.is_some(), texts: &texts, machine };
    let report = runtime.block_on(async {
        let (ready, states) = open(&plan, model.as_ref(), &requests, app).await;
        let places: Vec<usize> =
            states.iter().enumerate().filter(|(_, state)| state.is_none()).map(|(i, _)| i).collect();
        let names = places.iter().map(|&place| plan.set.engines[place].name.clone()).collect();
        let measured = measure::run(&plan, &ready, names, &requests, app).await;
        let report = measured.map(|measured| context.report(&ready, &places, states, measured));
        for ready in ready {
            ready.close().await;
        }
        report
    });
    // Abandoned requests and name look-ups of the system may still run.
    runtime.shutdown_background();
    let mut report = report?;
    report.started = humantime::format_rfc3339_seconds(started).to_string();
    report.seconds = begin.elapsed().as_secs_f64();
    report.interrupted = app.cancel.is_cancelled();
    report.all_columns = all_columns;

    let printed = exports.print(&report, app);
    let written = exports.write(&report);
    printed?;
    written?;
    if app.cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    let failed = report.engines.iter().any(|engine| matches!(engine.state, EngineState::Failed { .. }));
    Ok(if failed { Outcome::EngineFailed } else { Outcome::Done })
}

/// Prints the plan, and fails as the run would fail at once: for a missing model, unusable texts, or if no engine can run.
/// Nothing is downloaded.
fn rehearse(plan: &Plan, app: &AppContext) -> Result<Outcome, Error> {
    let model = plan.set.model_here(app);
    let read = if let Ok(ModelHere::Yes(model)) = &model { Some(model.as_ref()) } else { None };
    let obstacles = Obstacles::of_all(plan, read, app)?;
    let note = match &model {
        Ok(ModelHere::Downloaded) => Some("not in the cache, would be downloaded"),
        Ok(ModelHere::Yes(_) | ModelHere::No(_)) => None,
        Err(_) => Some("cannot be used"),
    };
    let mut text = plan.describe(note, &obstacles);
    if let Ok(ModelHere::No(remark)) = &model {
        text += &format!("note       {remark}\n");
    }
    app.bars.printer().stdout(&text)?;
    Texts::check(plan, matches!(model?, ModelHere::No(_)), app)?;
    if obstacles.iter().all(Option::is_some) {
        let hint = "the lines of the engines above say why; infa engines lists those that can";
        app.bars.printer().error("no engine of the plan can run here", Some(hint));
        return Ok(Outcome::EngineFailed);
    }
    Ok(Outcome::Done)
}

/// A report is not written over what is read, nor over another one.
fn check_exports(exports: &ExportReportArgs, mut places: Places) -> Result<(), Error> {
    let ExportReportArgs { files, export_csv, splice: _ } = exports;
    let ReportExportArgs { export_json, export_markdown, export_html } = files;
    for (flag, path) in [
        ("--export-json", export_json),
        ("--export-csv", export_csv),
        ("--export-markdown", export_markdown),
        ("--export-html", export_html),
    ] {
        places.writes(flag, path.as_deref())?;
    }
    Ok(())
}

/// Draws the report of an earlier run again.
fn draw(
    from: &Path,
    settings: &BenchSettings,
    exports: ExportReportArgs,
    all_columns: bool,
    app: &AppContext,
) -> Result<Outcome, Error> {
    if let Some(flag) = settings.given().first() {
        return Err(Error::flag(flag, "it says what is measured, and --from measures nothing: leave one of them out"));
    }
    let mut places = Places::default();
    places.reads(from, "the report is read from this file; write to another one");
    check_exports(&exports, places)?;
    let mut report = read(from)?.report;
    report.all_columns = all_columns;
    let of_file = || from.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = report.config.clone().unwrap_or_else(of_file);
    let exports = Exports::open(exports, &name)?;
    let printed = exports.print(&report, app);
    let written = exports.write(&report);
    printed?;
    written?;
    Ok(Outcome::Done)
}

/// Makes all engines ready, one after the other. Returns those that are, and for each engine the reason that it is not.
async fn open(
    plan: &Plan,
    model: Option<&Model>,
    requests: &Arc<[Prepared]>,
    app: &AppContext,
) -> (Vec<MeasurableEngine>, Vec<Option<EngineState>>) {
    let (mut ready, mut states) = (Vec::new(), Vec::new());
    let printer = app.bars.printer();
    for planned in &plan.set.engines {
        if app.cancel.is_cancelled() {
            states.push(Some(EngineState::NotMeasured));
            continue;
        }
        match MeasurableEngine::open(planned, plan, model, requests, app).await {
            Ok(opened) => {
                let (load, first) = (opened.running.load_seconds, opened.first_answer_seconds * 1e3);
                printer.note(&format!("{}: ready in {load:.2} s, first answer in {first:.1} ms", planned.name));
                ready.push(opened);
                states.push(None);
            }
            Err(state) => {
                // The reason stands once, below the table.
                if let EngineState::Failed { stage, .. } = &state {
                    printer.note(&format!("{}: failed at {stage}", planned.name));
                }
                states.push(Some(state));
            }
        }
    }
    (ready, states)
}
