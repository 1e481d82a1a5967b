//! User interface: one printer for stdout and stderr, progress bars, logging, interruption.

pub(crate) mod interrupt;
pub(crate) mod log;
mod printer;
mod progress;
mod screen;

pub(crate) use printer::Printer;
pub(crate) use progress::{Bars, JobBar, StageBar};
