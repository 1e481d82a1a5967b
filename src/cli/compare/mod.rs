//! `infa compare`: three kinds of comparisons, each a subcommand, and the command without one, which guesses the kind.

mod bare;
mod common;
mod engines;
mod runs;
mod vectors;

pub use bare::{CompareArgs, CompareKind};
pub use common::CheckArgs;
pub use engines::{CompareEnginesArgs, EnginesFlags};
pub use runs::{CompareRunsArgs, RunsFlags, ShownMetric};
pub use vectors::CompareVectorsArgs;
