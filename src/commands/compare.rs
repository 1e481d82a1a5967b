//! `infa compare`: did it get slower, can I switch?

mod runs;
mod vectors;

use super::{Error, Outcome, World};
use crate::cli::CompareArgs;

pub(super) fn run(args: CompareArgs, world: &World) -> Result<Outcome, Error> {
    if vectors::are_in(&args.files) { vectors::run(args, world) } else { runs::run(args, world) }
}
