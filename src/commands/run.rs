//! From a subcommand to the file that runs it.

use super::settings::Globals;
use super::{AppContext, Error, Outcome};
use super::{bench, classify, compare, completions, doctor, embed, engines, man, model, rerank, search, serve};
use crate::cli::{Cli, Command};
use crate::fetch::Cancel;
use crate::ui::Bars;

pub(crate) fn run(cli: Cli, bars: &Bars, cancel: &Cancel) -> Result<Outcome, Error> {
    let Cli { globals, command } = cli;
    let app = AppContext { globals: Globals::resolve(globals)?, bars: bars.clone(), cancel: cancel.clone() };
    match command {
        Command::Embed(args) => embed::run(*args, &app),
        Command::Rerank(args) => rerank::run(*args, &app),
        Command::Search(args) => search::run(*args, &app),
        Command::Classify(args) => classify::run(*args, &app),
        Command::Serve(args) => serve::run(*args, &app),
        Command::Bench(args) => bench::run(*args, &app),
        Command::Compare(args) => compare::run(*args, &app),
        Command::Model(command) => model::run(command, &app),
        Command::Engines(args) => engines::run(args, &app),
        Command::Doctor(args) => doctor::run(args, &app),
        Command::Completions(args) => completions::run(args.shell, &app),
        Command::Man(args) => man::run(args, &app),
    }
}
