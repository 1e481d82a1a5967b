//! From a subcommand of `infa model` to the file that runs it.

use super::{export, inspect, list, pull, remove};
use crate::cli::ModelCommand;
use crate::commands::{Error, Outcome, World};

pub fn run(command: ModelCommand, world: &World) -> Result<Outcome, Error> {
    match command {
        ModelCommand::List(args) => list::run(args, world),
        ModelCommand::Pull(args) => pull::run(args, world),
        ModelCommand::Remove(args) => remove::run(args, world),
        ModelCommand::Inspect(args) => inspect::run(args, world),
        ModelCommand::Export(args) => export::run(args, world),
    }
}
