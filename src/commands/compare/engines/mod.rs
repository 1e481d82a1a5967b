//! Engines on the same texts.

mod inputs;
mod plan;
mod run;
mod truth;

pub(super) use run::run;
