//! `infa compare`: did it get slower?

mod runs;

use super::{Error, Outcome, World};
use crate::cli::CompareArgs;

pub(super) fn run(args: CompareArgs, world: &World) -> Result<Outcome, Error> {
    runs::run(args, world)
}
