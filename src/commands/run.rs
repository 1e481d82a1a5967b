//! From a subcommand to the file that runs it.

use super::settings::Globals;
use super::{Error, Outcome, World};
use super::{bench, classify, compare, completions, doctor, embed, engines, man, model, rerank, serve};
use crate::cli::{Cli, Command};
use crate::fetch::Cancel;
use crate::ui::Bars;

/// Runs what the user typed.
pub fn run(cli: Cli, bars: &Bars, cancel: &Cancel) -> Result<Outcome, Error> {
    let Cli { globals, command } = cli;
    let world = World { globals: Globals::resolve(globals)?, bars: bars.clone(), cancel: cancel.clone() };
    match command {
        Command::Embed(args) => embed::run(*args, &world),
        Command::Rerank(args) => rerank::run(*args, &world),
        Command::Classify(args) => classify::run(*args, &world),
        Command::Serve(args) => serve::run(*args, &world),
        Command::Bench(args) => bench::run(*args, &world),
        Command::Compare(args) => compare::run(*args, &world),
        Command::Model(command) => model::run(command, &world),
        Command::Engines(args) => engines::run(args, &world),
        Command::Doctor(args) => doctor::run(args, &world),
        Command::Completions(args) => completions::run(args.shell, &world),
        Command::Man(args) => man::run(args, &world),
    }
}
