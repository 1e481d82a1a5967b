//! From a subcommand of `infa model` to the file that runs it.

use super::{export, inspect, list, pull, remove};
use crate::cli::ModelCommand;
use crate::commands::{AppContext, Error, Outcome};

pub(crate) fn run(command: ModelCommand, app: &AppContext) -> Result<Outcome, Error> {
    match command {
        ModelCommand::List(args) => list::run(args, app),
        ModelCommand::Pull(args) => pull::run(args, app),
        ModelCommand::Remove(args) => remove::run(args, app),
        ModelCommand::Inspect(args) => inspect::run(args, app),
        ModelCommand::Export(args) => export::run(args, app),
    }
}
