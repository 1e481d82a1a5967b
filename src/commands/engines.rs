//! `infa engines`: which engines can be used here, and what the others need.

mod layout;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use self::layout::Row;
use super::{Error, Outcome, World};
use crate::cli::{EnginesArgs, EnginesCommand, InstallArgs, PythonArgs};
use crate::engine::python::{self, Interpreter};
use crate::engine::recipes::{Location, Package};
use crate::engine::{EngineKind, launch};

pub(super) fn run(args: EnginesArgs, world: &World) -> Result<Outcome, Error> {
    let EnginesArgs { command, listing, python: PythonArgs { python } } = args;
    if let Some(EnginesCommand::Install(InstallArgs { names, python: PythonArgs { python } })) = command {
        python::install(&names, python.as_deref(), &world.globals.cache, &world.context())?;
        return Ok(Outcome::Done);
    }
    let engines = list(python.as_deref(), world)?;
    let text = if listing.is_json() {
        let json = serde_json::to_string_pretty(&engines).map_err(std::io::Error::from)?;
        format!("{json}\n")
    } else {
        let width = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        table(&engines, width.filter(|&width| width > 0).unwrap_or(WIDTH))
    };
    world.bars.printer().stdout(&text)?;
    Ok(Outcome::Done)
}

/// What is known of an engine.
#[derive(Debug, Serialize)]
struct EngineStatus {
    /// Its name in a spec.
    engine: &'static str,
    /// Whether it can be used as it is; not known of servers, which have URLs.
    usable: Option<bool>,
    /// Versions of what computes, by name.
    versions: BTreeMap<String, String>,
    /// Where it computes: a path, or words.
    place: String,
    /// What is missing, of what was looked at.
    missing: Option<String>,
    /// The command that installs it.
    install: Option<String>,
}

fn list(python: Option<&Path>, world: &World) -> Result<Vec<EngineStatus>, Error> {
    let mut interpreters = Interpreters::new()?;
    let cache = &world.globals.cache;
    let status = |&kind: &EngineKind| match kind.location() {
        Location::Process => in_process(kind, world),
        Location::Python(_) => interpreters.status(kind, python, cache),
        Location::Server(_) => server(kind, cache),
    };
    Ok(EngineKind::value_variants().iter().map(status).collect())
}

fn in_process(kind: EngineKind, world: &World) -> EngineStatus {
    let (usable, version, missing) = match world.globals.search().find() {
        Ok(Some(library)) => (true, Some(library.version), None),
        // The first run installs it.
        Ok(None) => (!world.globals.offline, None, Some("ONNX Runtime: the first run installs it".to_owned())),
        Err(e) => (false, None, Some(e.to_string())),
    };
    let versions = version.map(|version| ("onnxruntime".to_owned(), version)).into_iter().collect();
    EngineStatus {
        engine: kind.name(),
        usable: Some(usable),
        versions,
        place: "in this process".into(),
        missing,
        install: None,
    }
}

/// A server, which may be one that infa can start.
fn server(kind: EngineKind, cache: &Path) -> EngineStatus {
    let starts = launch::default_command(kind, &python::programs(kind, cache)).is_ok();
    let or = if starts { ", or started by infa bench" } else { "" };
    EngineStatus {
        engine: kind.name(),
        usable: starts.then_some(true),
        versions: BTreeMap::new(),
        place: format!("a server: {}=URL{or}", kind.name()),
        missing: None,
        install: (!starts && python::environment(kind, cache).is_some()).then(|| install_command(kind)),
    }
}

fn install_command(kind: EngineKind) -> String {
    format!("infa engines install {}", kind.name())
}

/// The packages that an engine cannot start without.
fn needed(kind: EngineKind) -> &'static [Package] {
    kind.recipe().packages.as_ref().map_or(&[], |packages| packages.needed)
}

/// Interpreters that were asked what they have.
pub(super) struct Interpreters {
    runtime: tokio::runtime::Runtime,
    packages: Vec<Package>,
    asked: BTreeMap<PathBuf, Result<Interpreter, String>>,
}

impl Interpreters {
    pub fn new() -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let mut packages: Vec<Package> = Vec::new();
        for package in EngineKind::value_variants().iter().flat_map(|&kind| needed(kind)) {
            if !packages.contains(package) {
                packages.push(*package);
            }
        }
        Ok(Self { runtime, packages, asked: BTreeMap::new() })
    }

    /// The state of a Python engine: of the first interpreter that has what it needs, or of the best that has not.
    fn status(&mut self, kind: EngineKind, given: Option<&Path>, cache: &Path) -> EngineStatus {
        let needed = needed(kind);
        let mut status = EngineStatus {
            engine: kind.name(),
            usable: Some(false),
            versions: BTreeMap::new(),
            place: "a Python process".into(),
            missing: None,
            install: Some(install_command(kind)),
        };
        for path in python::candidates(kind, given, cache) {
            let Self { runtime, packages, asked } = self;
            let ask = || runtime.block_on(Interpreter::ask(&path, packages));
            match asked.entry(path.clone()).or_insert_with(ask) {
                Ok(python) => match python.lacks(needed) {
                    None => {
                        let version = |package: &Package| {
                            let version = python.packages.get(package.name).cloned().flatten();
                            (package.name.to_owned(), version.unwrap_or_else(|| "?".into()))
                        };
                        status.versions = needed.iter().map(version).collect();
                        status.versions.insert("python".into(), python.version.clone());
                        (status.usable, status.missing, status.install) = (Some(true), None, None);
                        status.place = path.display().to_string();
                        return status;
                    }
                    Some(package) => {
                        let missing = format!("{} (of {})", package.name, path.display());
                        status.missing.get_or_insert(missing);
                    }
                },
                Err(reason) => {
                    status.missing.get_or_insert(format!("Python 3 ({}: {reason})", path.display()));
                }
            }
        }
        status
    }

    /// What a Python engine misses here, with the command that installs it.
    pub fn missing(&mut self, kind: EngineKind, python: Option<&Path>, cache: &Path) -> Option<String> {
        let found = self.status(kind, python, cache);
        let install = found.install.map(|command| format!(" ({command})")).unwrap_or_default();
        let missing = found.missing.unwrap_or_else(|| "Python 3".to_owned());
        (found.usable == Some(false)).then(|| format!("{missing} is missing{install}"))
    }
}

/// The width where stdout is no terminal.
const WIDTH: usize = 120;

fn table(engines: &[EngineStatus], width: usize) -> String {
    let row = |EngineStatus { engine, usable, versions, place, missing, install }: &EngineStatus| {
        let own = versions.iter().filter(|(name, _)| *name != "python" && *name != "transformers");
        let versions: Vec<String> = own.map(|(name, version)| format!("{name} {version}")).collect();
        let usable = match usable {
            Some(true) => "yes",
            Some(false) => "no",
            None => "with a URL",
        };
        Row {
            engine: (*engine).to_owned(),
            usable: usable.to_owned(),
            version: versions.join(", "),
            place: match missing {
                Some(missing) => format!("{place}; missing: {missing}"),
                None => place.clone(),
            },
            install: install.clone().unwrap_or_default(),
        }
    };
    layout::list(&engines.iter().map(row).collect::<Vec<_>>(), width)
}
