//! `infa compare`: three kinds of comparisons, each a subcommand, and the command without one, which guesses the kind.

mod bare;
mod common;
mod engines;
mod runs;
mod vectors;

pub(crate) use bare::{CompareArgs, CompareKind};
pub(crate) use common::CheckArgs;
pub(crate) use engines::{CompareEnginesArgs, EnginesFlags};
pub(crate) use runs::{CompareRunsArgs, RunsFlags, ShownMetric};
pub(crate) use vectors::CompareVectorsArgs;
