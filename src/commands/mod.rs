//! The subcommands: settings → work → output. One file each.

mod async_runtime;
mod batch_run;
mod bench;
mod classify;
mod compare;
mod completions;
mod doctor;
mod embed;
mod engine;
mod engine_set;
mod engines;
mod error;
mod exports;
mod man;
mod model;
mod rerank;
mod serve;
mod settings;
mod texts;

use std::sync::Arc;

pub use completions::answer as answer_shell;
pub use error::{Error, Outcome};

use crate::cli::{Cli, Command};
use crate::engine::open::Host;
use crate::fetch::{Cancel, Context};
use crate::ui::Bars;
use settings::Globals;

/// What every command works with.
#[derive(Clone)]
struct World {
    globals: Globals,
    bars: Bars,
    cancel: Cancel,
}

impl World {
    /// Where engines find files and libraries.
    fn host(&self) -> Host {
        Host { context: self.context(), search: self.globals.search() }
    }

    /// What fetching needs to know.
    fn context(&self) -> Context {
        Context { progress: Arc::new(self.bars.clone()), cancel: self.cancel.clone(), offline: self.globals.offline }
    }
}

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
