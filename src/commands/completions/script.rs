//! The scripts, and the answers to the shells that run them.

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::env::{CompleteEnv, Elvish, EnvCompleter, Fish, Powershell, Shells};
use clap_complete_nushell::Nushell;

use super::{bash, values, zsh};
use crate::cli::{Cli, CompletedShell};
use crate::commands::{AppContext, Error, Outcome};

/// The variable by which a script requests candidates.
const VARIABLE: &str = "COMPLETE";
const NAME: &str = "infa";
/// The shells whose scripts ask infa.
const SHELLS: Shells<'static> = Shells(&[&bash::Bash, &Elvish, &Fish, &Powershell, &zsh::Zsh]);

pub(crate) fn run(shell: CompletedShell, app: &AppContext) -> Result<Outcome, Error> {
    let mut script = Vec::new();
    match dynamic(shell) {
        Some(shell) => shell.write_registration(VARIABLE, NAME, NAME, &program(), &mut script)?,
        None => clap_complete::generate(Nushell, &mut Cli::command(), NAME, &mut script),
    }
    app.bars.printer().stdout(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}

/// The script that requests candidates from infa in this shell; `None` if the script is static.
fn dynamic(shell: CompletedShell) -> Option<&'static dyn EnvCompleter> {
    Some(match shell {
        CompletedShell::Bash => &bash::Bash,
        CompletedShell::Elvish => &Elvish,
        CompletedShell::Fish => &Fish,
        CompletedShell::Powershell => &Powershell,
        CompletedShell::Zsh => &zsh::Zsh,
        CompletedShell::Nushell => return None,
    })
}

/// The program that scripts run: a bare name is left to PATH, a path is made absolute.
fn program() -> String {
    let typed = std::env::args_os().next().unwrap_or_else(|| NAME.into());
    let path = Path::new(&typed);
    if path.components().count() < 2 {
        return typed.to_string_lossy().into_owned();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

/// Answers a shell's request for candidates, made through the environment; returns the exit status of the process.
/// `None` in an ordinary start. Writes to stdout alone; after any error there are no candidates.
pub(crate) fn answer() -> Option<i32> {
    let shell = std::env::var_os(VARIABLE)?;
    let name = Path::new(&shell).file_stem()?.to_str()?.to_owned();
    // A variable of this name may be meant for another program.
    SHELLS.completer(&name)?;
    std::panic::set_hook(Box::new(|_| {}));
    let answered = catch_unwind(AssertUnwindSafe(|| {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let directory = std::env::current_dir().ok();
        let engine = CompleteEnv::with_factory(|| values::attached(Cli::command())).shells(SHELLS).bin(NAME);
        let answered = engine.try_complete(arguments, directory.as_deref());
        matches!(answered, Ok(true)) && std::io::stdout().flush().is_ok()
    }));
    Some(if answered.unwrap_or(false) { 0 } else { 1 })
}
