//! The kind of comparison: that of the subcommand, or the one that the flags and the files mean.

use std::path::PathBuf;

use super::files::hold_vectors;
use super::{engines, runs, vectors};
use crate::cli::{
    CheckArgs, CompareArgs, CompareEnginesArgs, CompareKind, CompareRunsArgs, CompareVectorsArgs, ReportExportArgs,
};
use crate::commands::overwrite::Places;
use crate::commands::{AppContext, Error, Outcome};
use crate::compare::threshold::Kind;

pub(in crate::commands) fn run(args: CompareArgs, app: &AppContext) -> Result<Outcome, Error> {
    crate::threads::start_pool().map_err(|e| Error::Thread(std::io::Error::other(e)))?;
    match args.kind {
        Some(CompareKind::Runs(args)) => runs(*args, app),
        Some(CompareKind::Vectors(args)) => vectors(*args, app),
        Some(CompareKind::Engines(args)) => engines(*args, app),
        None => guessed(args, app),
    }
}

fn runs(args: CompareRunsArgs, app: &AppContext) -> Result<Outcome, Error> {
    check_exports(&args.checks, args.files.iter().chain(&args.flags.base))?;
    runs::run(args, app)
}

fn vectors(args: CompareVectorsArgs, app: &AppContext) -> Result<Outcome, Error> {
    check_exports(&args.checks, args.files.iter())?;
    vectors::run(args, app)
}

fn engines(args: CompareEnginesArgs, app: &AppContext) -> Result<Outcome, Error> {
    check_exports(&args.checks, args.files.iter().chain(&args.flags.qrels))?;
    engines::run(args, app)
}

/// The kind whose subcommand stands after a flag, which makes it the first of `files`; a file of that name is a file.
fn kind_after_flags(files: &mut Vec<PathBuf>) -> Option<Kind> {
    let first = files.first().filter(|file| !file.exists())?.to_str()?;
    let kind = [Kind::Runs, Kind::Vectors, Kind::Engines].into_iter().find(|kind| kind.name() == first)?;
    files.remove(0);
    Some(kind)
}

/// The flags of the other kinds are refused.
fn guessed(args: CompareArgs, app: &AppContext) -> Result<Outcome, Error> {
    let CompareArgs { kind: _, mut files, runs: sides, checks, engines: flags } = args;
    let kind = kind_after_flags(&mut files);
    let refuse = |given: &[(&'static str, bool, &'static str)]| match given.iter().find(|(_, given, _)| *given) {
        Some(&(flag, _, reason)) => Err(Error::Flag { flag, reason: reason.to_owned() }),
        None => Ok(()),
    };
    let of_results = [
        ("--force", sides.force),
        ("--base", !sides.base.is_empty()),
        ("--baseline", sides.baseline.is_some()),
        ("--metrics", !sides.metrics.is_empty()),
    ];
    let given = flags.set.engines.is_some();
    if matches!(kind, Some(Kind::Runs | Kind::Vectors)) {
        refuse(&[("--engines", given, "it is for infa compare engines")])?;
    }
    if given || kind == Some(Kind::Engines) {
        refuse(&of_results.map(|(flag, given)| match flag {
            "--baseline" => (flag, given, "it is for result files; --reference names one of --engines"),
            _ => (flag, given, "it is for result files of infa bench, and not for --engines"),
        }))?;
        return engines(CompareEnginesArgs { files, flags, checks }, app);
    }
    let needs_engines = "it is for a comparison of engines; name some with --engines";
    refuse(&[
        ("--task", flags.task.is_some(), needs_engines),
        ("--reference", flags.set.reference.is_some(), needs_engines),
        ("--qrels", flags.qrels.is_some(), needs_engines),
    ])?;
    if kind == Some(Kind::Vectors) || kind.is_none() && hold_vectors(&files) {
        refuse(&of_results.map(|(flag, given)| (flag, given, "it is for result files, and these are saved vectors")))?;
        return vectors(CompareVectorsArgs { files, checks }, app);
    }
    runs(CompareRunsArgs { files, flags: sides, checks }, app)
}

/// A report is not written over one of the `inputs`, nor over another report.
fn check_exports<'a>(checks: &CheckArgs, inputs: impl Iterator<Item = &'a PathBuf>) -> Result<(), Error> {
    let mut places = Places::default();
    for input in inputs {
        places.reads(input, "it is compared; write to another file");
    }
    let ReportExportArgs { export_json, export_markdown, export_html } = &checks.exports;
    for (flag, path) in
        [("--export-json", export_json), ("--export-markdown", export_markdown), ("--export-html", export_html)]
    {
        places.writes(flag, path.as_deref())?;
    }
    Ok(())
}
