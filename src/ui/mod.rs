//! User interface: one printer for stdout and stderr, progress bars, logging, interruption.

pub mod interrupt;
pub mod log;
mod printer;
mod progress;
mod screen;

pub use printer::Printer;
pub use progress::{Bars, JobBar, StageBar};
