//! Flags that an engine does not know.

use crate::cli::EngineArgs;
use crate::commands::Error;
use crate::engine::EngineSpec;

pub(super) const ENGINE: &str = "--engine";
pub(super) const FOR_SERVERS: &str = "it is for servers alone (--engine NAME=URL)";

pub(super) fn flag(flag: &'static str, reason: String) -> Error {
    Error::Flag { flag, reason }
}

/// Only a Python engine has an interpreter; one that a variable names is for other runs.
pub(super) fn no_python(engine: &EngineArgs, spec: &EngineSpec) -> Result<(), Error> {
    match engine.python_is_typed {
        true => Err(flag("--python", format!("{spec} is not a Python engine"))),
        false => Ok(()),
    }
}

/// Refuses what is given beside the `known` flags.
pub(super) fn refuse(given: Vec<&'static str>, known: &[&str], reason: &str) -> Result<(), Error> {
    match given.into_iter().find(|flag| !known.contains(flag)) {
        Some(name) => Err(flag(name, reason.to_owned())),
        None => Ok(()),
    }
}
