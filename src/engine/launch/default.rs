//! The commands that start a server where it is installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::command::Command;
use super::error::LaunchError;
use super::program::find;
use crate::engine::EngineKind;
use crate::engine::recipes::LaunchRecipe;

/// The command that starts a server of `kind` with a model of this machine: Infinity's `infinity_emb` and
/// text-embeddings-inference's `text-embeddings-router` if they are installed, this program for infa.
///
/// Programs are searched in `directories`, then in `PATH`.
///
/// # Errors
/// [`LaunchError::NotInstalled`]; [`LaunchError::NoCommand`] for other servers, [`LaunchError::NoServer`] for engines
/// that are not servers.
pub fn default_command(kind: EngineKind, directories: &[PathBuf]) -> Result<Command, LaunchError> {
    let path = std::env::var_os("PATH");
    let own = std::env::current_exe().ok();
    command(kind, directories, path.as_deref(), own.as_deref())
}

fn command(
    kind: EngineKind,
    directories: &[PathBuf],
    path: Option<&OsStr>,
    own: Option<&Path>,
) -> Result<Command, LaunchError> {
    let engine = kind.name();
    if kind.server().is_none() {
        return Err(LaunchError::NoServer { engine });
    }
    let LaunchRecipe { program, command, install, .. } = kind.launch().ok_or(LaunchError::NoCommand { engine })?;
    let found = match program {
        Some(program) => find(program, directories, path),
        None => own.map(Path::to_owned),
    };
    let program = program.unwrap_or(engine);
    let missing = || LaunchError::NotInstalled { engine, program, install };
    Ok(Command::of_program(&found.ok_or_else(missing)?, command)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use clap::ValueEnum;

    use super::*;

    fn program(directory: &Path, name: &str, mode: u32) -> PathBuf {
        let file = directory.join(name);
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn programs_are_looked_for() {
        let (own, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let directories = [own.path().to_owned()];
        let of = |kind| {
            let of = command(kind, &directories, Some(path.path().as_os_str()), Some(Path::new("/bin/in {braces}")));
            of.map(|command| command.to_string())
        };
        let error = of(EngineKind::Infinity).unwrap_err();
        assert!(error.to_string().contains("no infinity_emb in PATH"), "{error}");
        assert!(error.hint().unwrap().contains("infa engines install infinity; or start it yourself"));
        // A file that is not executable does not count.
        program(own.path(), "infinity_emb", 0o644);
        assert!(of(EngineKind::Infinity).is_err());
        let there = program(path.path(), "infinity_emb", 0o755);
        assert!(
            of(EngineKind::Infinity).unwrap().starts_with(&format!("{} v2 --model-id '{{model}}'", there.display()))
        );
        let first = program(own.path(), "infinity_emb", 0o755);
        assert!(of(EngineKind::Infinity).unwrap().starts_with(first.to_str().unwrap()));
        // This program, under any path.
        assert!(of(EngineKind::Infa).unwrap().starts_with("'/bin/in {{braces}}' serve --model-id"));
        assert!(matches!(of(EngineKind::Openai), Err(LaunchError::NoCommand { .. })));
        assert!(matches!(of(EngineKind::Torch), Err(LaunchError::NoServer { .. })));
    }

    #[test]
    fn every_default_takes_flags() {
        for recipe in EngineKind::value_variants().iter().filter_map(|kind| kind.launch()) {
            let command = Command::of_program(Path::new("/x"), recipe.command).unwrap();
            assert!(command.takes_flags() && !command.to_string().contains("program"), "{command}");
        }
    }
}
