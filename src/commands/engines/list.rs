//! The list of engines.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;

use super::interpreters::{EngineStatus, Interpreters, install_command};
use super::layout::{self, Row};
use crate::cli::{EnginesArgs, EnginesCommand, InstallArgs, PythonArgs};
use crate::commands::{AppContext, Error, Outcome};
use crate::engine::python;
use crate::engine::recipes::Location;
use crate::engine::{EngineKind, launch};

pub(crate) fn run(args: EnginesArgs, app: &AppContext) -> Result<Outcome, Error> {
    let EnginesArgs { command, listing, python: PythonArgs { python } } = args;
    if let Some(EnginesCommand::Install(InstallArgs { names, python: PythonArgs { python } })) = command {
        python::install(&names, python.as_deref(), &app.globals.cache, &app.context())?;
        return Ok(Outcome::Done);
    }
    let engines = list(python.as_deref(), app)?;
    let text = if listing.is_json() {
        let json = serde_json::to_string_pretty(&engines).map_err(std::io::Error::from)?;
        format!("{json}\n")
    } else {
        let width = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        table(&engines, width.filter(|&width| width > 0).unwrap_or(WIDTH))
    };
    app.bars.printer().stdout(&text)?;
    Ok(Outcome::Done)
}

fn list(python: Option<&Path>, app: &AppContext) -> Result<Vec<EngineStatus>, Error> {
    let mut interpreters = Interpreters::new()?;
    let cache = &app.globals.cache;
    let status = |&kind: &EngineKind| match kind.location() {
        Location::Process => in_process(kind, app),
        Location::Python(_) => interpreters.status(kind, &[], python, cache),
        Location::Server(_) => server(kind, cache),
    };
    Ok(EngineKind::value_variants().iter().map(status).collect())
}

fn in_process(kind: EngineKind, app: &AppContext) -> EngineStatus {
    let (usable, version, missing) = match app.globals.search().find() {
        Ok(Some(library)) => (true, Some(library.version), None),
        // The first run installs it.
        Ok(None) => (!app.globals.offline, None, Some("ONNX Runtime: the first run installs it".to_owned())),
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
