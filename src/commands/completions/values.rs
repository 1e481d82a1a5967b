//! The candidates of flags and arguments. Paths, enums and switches need no entry: clap completes them.

use std::ffi::OsStr;

use clap::builder::PossibleValue;
use clap::{Arg, Command, ValueEnum, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::specs::Candidate;
use super::{models, specs};
use crate::cli::ServeEngine;
use crate::commands::bench;
use crate::commands::settings::default_cache;
use crate::compare::threshold::Kind;
use crate::compare::{runs, threshold};
use crate::engine::{EngineKind, python};
use crate::model::pooling::Pooling;
use crate::runtime::device::{DeviceKind, Dtype};

/// The command with candidates for the values of its flags.
pub(super) fn attached(command: Command) -> Command {
    let name = command.get_name().to_owned();
    command.mut_args(|arg| completed(&name, arg)).mut_subcommands(attached)
}

/// An argument with its candidates.
fn completed(command: &str, arg: Arg) -> Arg {
    // The engine of clap_complete reads values of flags only by names that are not hidden. As aliases of one flag they
    // are still offered under its own name alone.
    let aliases: Vec<String> = arg.get_aliases().unwrap_or_default().into_iter().map(str::to_owned).collect();
    let arg = if aliases.is_empty() { arg } else { arg.visible_aliases(aliases) };
    let id = arg.get_id().as_str().to_owned();
    match (command, id.as_str()) {
        ("serve", "model_id") => arg.add(list(models_or_paths)),
        ("remove", "model_id" | "model_flag") => arg.add(chosen(|_| models::cached())),
        (_, "model_id" | "model_flag") => arg.add(ArgValueCompleter::new(|current: &OsStr| models_or_paths(current))),
        ("serve", "engine") => arg.add(list(names::<ServeEngine>)),
        ("serve", "device") => arg.add(list(names::<DeviceKind>)),
        (_, "device") => arg.add(chosen(|_| devices())),
        ("serve", "dtype") => arg.add(list(names::<Dtype>)),
        ("serve", "pooling_method") => arg.add(list(pooling)),
        ("serve", "embedding_dtype") => arg.add(list(embedding_dtypes)),
        ("serve", "model_warmup") => arg.add(list(|_| of(&["true", "false"]))),
        ("serve", "onnx_file") => arg.add(list(|current| PathCompleter::any().complete(current))),
        ("serve", "host") => arg.add(chosen(|_| described(HOSTS))),
        ("install", "names") => arg.add(chosen(|_| installable())),
        (_, "engine") => arg.add(chosen(|current| specs::engines(current, false))),
        (_, "engines") => arg.add(chosen(|current| specs::engines(current, true))),
        (_, "baseline" | "reference") => arg.add(chosen(|_| engine_names())),
        (_, "load") => arg.add(chosen(specs::loads)),
        (_, "dataset") => arg.add(ArgValueCompleter::new(dataset)),
        (_, "config") => arg.add(ArgValueCompleter::new(config)),
        (_, "metrics") => arg.add(chosen(|_| metrics())),
        ("runs", "fail_if") => arg.add(chosen(|_| thresholds(Some(Kind::Runs)))),
        ("vectors", "fail_if") => arg.add(chosen(|_| thresholds(Some(Kind::Vectors)))),
        ("engines", "fail_if") => arg.add(chosen(|_| thresholds(Some(Kind::Engines)))),
        (_, "fail_if") => arg.add(chosen(|_| thresholds(None))),
        (_, "prompt_name") => arg.add(chosen(|_| described(PROMPTS))),
        (_, "cache_dir") => arg.value_hint(ValueHint::DirPath),
        // infa compare reads directories, too.
        (command, _) if !["compare", "engines"].contains(&command) && is_file(&arg) => {
            arg.value_hint(ValueHint::FilePath)
        }
        _ => arg,
    }
}

/// True if the help calls the path FILE.
fn is_file(arg: &Arg) -> bool {
    let named = arg.get_value_names().unwrap_or_default().iter().any(|name| name.as_str() == "FILE");
    named && arg.get_value_hint() == ValueHint::AnyPath
}

const HOSTS: &[(&str, &str)] = &[
    ("127.0.0.1", "this machine alone"),
    ("0.0.0.0", "every address of this machine"),
    ("::1", "this machine alone, IPv6"),
    ("::", "every address of this machine, IPv6 too"),
];
const PROMPTS: &[(&str, &str)] =
    &[("query", "the usual name of the prompt for queries"), ("document", "the usual name of that for documents")];

fn described(names: &[(&str, &str)]) -> Vec<Candidate> {
    names.iter().map(|&(name, what)| (name.to_owned(), what.to_owned())).collect()
}

/// Values from a list: those that begin with what is typed.
fn chosen(known: impl Fn(&str) -> Vec<Candidate> + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        current.to_str().map(|current| beginning(current, known(current))).unwrap_or_default()
    })
}

fn beginning(current: &str, known: Vec<Candidate>) -> Vec<CompletionCandidate> {
    let fits = known.into_iter().filter(|(value, _)| value.starts_with(current));
    fits.map(|(value, what)| CompletionCandidate::new(value).help((!what.is_empty()).then(|| what.into()))).collect()
}

/// Values separated by `;`, as `infa serve` has them for several models: candidates for the last.
fn list(last: impl Fn(&OsStr) -> Vec<CompletionCandidate> + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let Some(text) = current.to_str() else { return Vec::new() };
        let (before, rest) = text.split_at(text.rfind(';').map_or(0, |at| at + 1));
        let fits =
            |candidate: &CompletionCandidate| candidate.get_value().as_encoded_bytes().starts_with(rest.as_bytes());
        last(OsStr::new(rest)).into_iter().filter(fits).map(|candidate| candidate.add_prefix(before)).collect()
    })
}

fn of(names: &[&str]) -> Vec<CompletionCandidate> {
    names.iter().map(CompletionCandidate::new).collect()
}

fn names<T: ValueEnum>(_: &OsStr) -> Vec<CompletionCandidate> {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    values.map(|value| CompletionCandidate::new(value.get_name()).help(value.get_help().cloned())).collect()
}

fn devices() -> Vec<Candidate> {
    let values = DeviceKind::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let help = |value: &PossibleValue| value.get_help().map(ToString::to_string).unwrap_or_default();
    values.map(|value| (value.get_name().to_owned(), help(&value))).collect()
}

fn pooling(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut values = of(&["auto"]);
    values.extend(names::<Pooling>(current));
    values
}

/// A test reads each.
fn embedding_dtypes(_: &OsStr) -> Vec<CompletionCandidate> {
    of(&["float32", "int8", "uint8", "binary", "ubinary"])
}

/// Cached models; and directories and .onnx files where the word is a path, or no model's name begins with it.
fn models_or_paths(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = current.to_str().map(|current| beginning(current, models::cached())).unwrap_or_default();
    if found.is_empty() || is_path(current) {
        let model = |path: &std::path::Path| path.is_dir() || path.extension().is_some_and(|ending| ending == "onnx");
        found.extend(PathCompleter::any().filter(model).complete(current));
    }
    found
}

/// Configs that come with infa; and TOML files where the word is a path, or no config's name begins with it.
fn config(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = current.to_str().map(|current| beginning(current, bench::bundled())).unwrap_or_default();
    if found.is_empty() || is_path(current) {
        let toml = |path: &std::path::Path| path.is_file() && path.extension().is_some_and(|ending| ending == "toml");
        found.extend(PathCompleter::any().filter(toml).complete(current));
    }
    found
}

/// True if the word is a path.
fn is_path(current: &OsStr) -> bool {
    let bytes = current.as_encoded_bytes();
    bytes.contains(&b'/') || bytes.starts_with(b".") || bytes.starts_with(b"~")
}

fn dataset(current: &OsStr) -> Vec<CompletionCandidate> {
    const FILE: &str = "file=";
    let Some(text) = current.to_str() else { return Vec::new() };
    match text.strip_prefix(FILE) {
        Some(path) => {
            let files = PathCompleter::file().complete(OsStr::new(path));
            files.into_iter().map(|file| file.add_prefix(FILE)).collect()
        }
        None => beginning(text, specs::datasets(text)),
    }
}

/// Engines whose packages infa can install.
fn installable() -> Vec<Candidate> {
    // The folder does not matter here.
    let cache = default_cache().unwrap_or_default();
    let kinds = EngineKind::value_variants().iter().filter(|&&kind| python::environment(kind, &cache).is_some());
    let help = |kind: &EngineKind| kind.to_possible_value()?.get_help().map(ToString::to_string);
    kinds.map(|kind| (kind.name().to_owned(), help(kind).unwrap_or_default())).collect()
}

fn engine_names() -> Vec<Candidate> {
    let names = specs::engines("", true).into_iter().map(|(name, what)| (name.trim_end_matches('=').to_owned(), what));
    let mut found: Vec<Candidate> = Vec::new();
    for (name, what) in names {
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, what));
        }
    }
    found.push(("onnx:int8".into(), "ONNX Runtime in this process, int8".into()));
    found
}

fn metrics() -> Vec<Candidate> {
    let metrics = runs::METRICS.iter().map(|metric| (metric.name.to_owned(), metric.label.to_owned()));
    metrics.chain([("all".to_owned(), "all there is".to_owned())]).collect()
}

/// Each metric with either sign: as two candidates they end no word, and no quote that is open.
fn thresholds(kind: Option<Kind>) -> Vec<Candidate> {
    let signs = [('<', "below the limit that follows"), ('>', "above the limit that follows")];
    let with =
        |(name, label): (&str, &str)| signs.map(|(sign, what)| (format!("{name}{sign}"), format!("{label} {what}")));
    threshold::metrics(kind).into_iter().flat_map(with).collect()
}
