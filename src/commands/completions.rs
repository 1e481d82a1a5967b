//! `infa completions`: a completion script, made from the same definition as the help.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Error, Outcome, World};
use crate::cli::Cli;

pub(super) fn run(shell: Shell, world: &World) -> Result<Outcome, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "infa", &mut script);
    world.bars.printer().stdout(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
