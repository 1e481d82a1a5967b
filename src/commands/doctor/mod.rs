//! `infa doctor`: what infa would use here, and what is missing.

mod gpus;
mod report;
mod run;

pub(super) use run::run;
