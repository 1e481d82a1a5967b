//! `infa compare`: did it get slower, can I switch?

mod engines;
mod runs;
mod vectors;

use super::{Error, Outcome, World};
use crate::cli::CompareArgs;

pub(super) fn run(args: CompareArgs, world: &World) -> Result<Outcome, Error> {
    if args.asked.engines.is_some() {
        return engines::run(args, world);
    }
    for (flag, given) in [
        ("--task", args.asked.task.is_some()),
        ("--reference", args.asked.reference.is_some()),
        ("--qrels", args.asked.qrels.is_some()),
    ] {
        if given {
            return Err(Error::Flag { flag, reason: "it says what --engines are asked for; name some".into() });
        }
    }
    if vectors::are_in(&args.files) { vectors::run(args, world) } else { runs::run(args, world) }
}
