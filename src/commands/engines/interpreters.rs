//! Python interpreters, and which engines each has the packages of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use crate::commands::Error;
use crate::engine::python::{self, Interpreter};
use crate::engine::recipes::{Package, Packages};
use crate::engine::{EngineKind, EngineSpec};

/// An engine's row in the list.
#[derive(Debug, Serialize)]
pub(crate) struct EngineStatus {
    /// Its name in a spec.
    pub engine: &'static str,
    /// True if it can be used as it is; not known of servers, which have URLs.
    pub usable: Option<bool>,
    /// Versions of what computes, by name.
    pub versions: BTreeMap<String, String>,
    /// The place of its computation: a path, or words.
    pub place: String,
    /// The missing packages or programs.
    pub missing: Option<String>,
    /// The command that installs it.
    pub install: Option<String>,
}

pub(crate) fn install_command(kind: EngineKind) -> String {
    format!("infa engines install {}", kind.name())
}

fn packages(kind: EngineKind) -> Option<&'static Packages> {
    kind.recipe().packages.as_ref()
}

/// Python interpreters and their installed packages, queried once.
pub(crate) struct Interpreters {
    runtime: tokio::runtime::Runtime,
    packages: Vec<Package>,
    known: BTreeMap<PathBuf, Result<Interpreter, String>>,
}

impl Interpreters {
    pub(crate) fn new() -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let mut needed_packages: Vec<Package> = Vec::new();
        for package in EngineKind::value_variants().iter().filter_map(|&kind| packages(kind)).flat_map(Packages::all) {
            if !needed_packages.contains(package) {
                needed_packages.push(*package);
            }
        }
        Ok(Self { runtime, packages: needed_packages, known: BTreeMap::new() })
    }

    /// The state of a Python engine with `options`: of the first interpreter that has what it needs, or of the best that
    /// has not. Where only further options lack a package, it is usable, and the package is missing.
    pub(crate) fn status(
        &mut self,
        kind: EngineKind,
        options: &[String],
        given: Option<&Path>,
        cache: &Path,
    ) -> EngineStatus {
        let needed = packages(kind).map(|packages| packages.needed_with(options)).unwrap_or_default();
        let mut status = EngineStatus {
            engine: kind.name(),
            usable: Some(false),
            versions: BTreeMap::new(),
            place: "a Python process".into(),
            missing: None,
            install: Some(install_command(kind)),
        };
        for path in python::candidates(kind, given, cache) {
            let Self { runtime, packages: needed_packages, known } = self;
            let ask = || runtime.block_on(Interpreter::ask(&path, needed_packages));
            match known.entry(path.clone()).or_insert_with(ask) {
                Ok(python) => match python.lacks(&needed) {
                    None => {
                        let version = |package: &Package| {
                            let version = python.packages.get(package.name)?.clone();
                            Some((package.name.to_owned(), version.unwrap_or_else(|| "?".into())))
                        };
                        let all = packages(kind).into_iter().flat_map(Packages::all);
                        status.versions = all.filter_map(version).collect();
                        status.versions.insert("python".into(), python.version.clone());
                        status.usable = Some(true);
                        let lacks = |(_, package): &&(&[&str], Package)| python.lacks(&[*package]).is_some();
                        let optional = packages(kind).and_then(|packages| packages.of_options.iter().find(lacks));
                        status.missing =
                            optional.map(|(options, package)| format!("{}, for {}", package.name, options[0]));
                        status.install = status.install.filter(|_| optional.is_some());
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

    /// The missing parts of a Python engine, with the command that installs them.
    pub(crate) fn missing(&mut self, spec: &EngineSpec, python: Option<&Path>, cache: &Path) -> Option<String> {
        let found = self.status(spec.kind, &spec.options, python, cache);
        let install = found.install.map(|command| format!(" ({command})")).unwrap_or_default();
        let missing = found.missing.unwrap_or_else(|| "Python 3".to_owned());
        (found.usable == Some(false)).then(|| format!("{missing} is missing{install}"))
    }
}
