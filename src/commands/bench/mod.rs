//! `infa bench`: the same requests for several engines, in one table.

mod config;
mod describe;
mod exports;
mod measurable;
mod measure;
mod obstacles;
mod plan;
mod report;
mod run;
mod texts;
mod watch;

pub(crate) use config::ConfigError;
pub(crate) use config::bundled;
pub(super) use run::run;
