//! `infa compare`: did it get slower, can I switch?

mod dispatch;
mod engines;
mod files;
mod outcome;
mod runs;
mod vectors;

pub(super) use dispatch::run;
