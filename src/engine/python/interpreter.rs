//! Finds a Python interpreter that has what an engine needs, without importing it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use super::{PythonError, environment};
use crate::engine::recipes::Package;
use crate::engine::{EngineKind, EngineSpec};

/// A Python interpreter, and its packages among the required ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpreter {
    pub path: PathBuf,
    pub version: String,
    /// Name of each installed package → its version, if it has one.
    pub packages: BTreeMap<String, Option<String>>,
}

/// A search path of modules on a slow disk, and a machine that is busy.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Prints versions: of Python, and of each package, written MODULE=NAME, that can be found.
const SCRIPT: &str = r#"
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
import importlib.metadata, importlib.util, json, platform
found = {}
for pair in sys.argv[1:]:
    module, name = pair.split("=")
    try:
        if importlib.util.find_spec(module) is None:
            continue
    except (ImportError, ValueError):
        continue
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        found[name] = None
print()
print(json.dumps({"version": platform.python_version(), "packages": found}))
"#;

#[derive(Deserialize)]
struct Said {
    version: String,
    packages: BTreeMap<String, Option<String>>,
}

impl Interpreter {
    /// Queries which of `packages` are installed for `python`.
    ///
    /// # Errors
    /// The reason that the query fails.
    pub(crate) async fn ask(python: &Path, packages: &[Package]) -> Result<Self, String> {
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT]).args(packages.iter().map(|p| format!("{}={}", p.module, p.name)));
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = match tokio::time::timeout(ANSWER_TIMEOUT, command.output()).await {
            Ok(output) => output.map_err(|e| e.to_string())?,
            Err(_) => return Err(format!("no answer within {}", humantime::format_duration(ANSWER_TIMEOUT))),
        };
        let last = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
        };
        if !output.status.success() {
            return Err(match last(&output.stderr) {
                line if line.is_empty() => output.status.to_string(),
                line => line,
            });
        }
        let said: Said = serde_json::from_str(&last(&output.stdout)).map_err(|_| "it is not Python 3".to_owned())?;
        Ok(Self { path: python.to_owned(), version: said.version, packages: said.packages })
    }

    /// The first of `packages` that it does not have.
    pub(crate) fn lacks(&self, packages: &[Package]) -> Option<Package> {
        packages.iter().find(|package| !self.packages.contains_key(package.name)).copied()
    }
}

/// The candidates for an interpreter, best first: `given` alone; or infa's own environment for `kind`, then the active
/// virtual environment, then `python3`.
pub(crate) fn candidates(kind: EngineKind, given: Option<&Path>, cache: &Path) -> Vec<PathBuf> {
    if let Some(given) = given {
        return vec![given.to_owned()];
    }
    let own = environment(kind, cache).filter(super::Environment::is_ready).map(|own| own.python());
    let active = std::env::var_os("VIRTUAL_ENV").filter(|root| !root.is_empty());
    let active = active.map(|root| PathBuf::from(root).join("bin").join("python")).filter(|python| python.exists());
    own.into_iter().chain(active).chain([PathBuf::from(crate::runtime::install::python())]).collect()
}

/// The first interpreter with the packages that `spec` needs.
///
/// # Errors
/// [`PythonError::Missing`] if there are interpreters without the packages; [`PythonError::NoPython`] if there is no
/// interpreter.
pub(crate) async fn find(spec: &EngineSpec, given: Option<&Path>, cache: &Path) -> Result<Interpreter, PythonError> {
    let kind = spec.kind;
    let packages = kind.recipe().packages.as_ref().map(|packages| packages.needed_with(&spec.options));
    let packages = packages.unwrap_or_default();
    let mut missing: Option<(String, Vec<PathBuf>)> = None;
    let mut tried = Vec::new();
    for python in candidates(kind, given, cache) {
        match Interpreter::ask(&python, &packages).await {
            Ok(interpreter) => match interpreter.lacks(&packages) {
                None => return Ok(interpreter),
                Some(package) => {
                    tracing::debug!("{} has no {}", python.display(), package.name);
                    // The first candidate is the best one: what it lacks is to be installed.
                    missing.get_or_insert_with(|| (package.name.to_owned(), Vec::new())).1.push(python);
                }
            },
            Err(reason) if given.is_some() => return Err(PythonError::Spawn { python, reason }),
            Err(reason) => tried.push(format!("{} ({reason})", python.display())),
        }
    }
    Err(match missing {
        Some((package, pythons)) => PythonError::Missing { engine: kind.name(), package, pythons },
        None => PythonError::NoPython { tried },
    })
}
