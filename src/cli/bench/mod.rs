//! `infa bench`.

mod args;
mod config;
mod settings;

pub(crate) use args::{BenchArgs, ExportReportArgs};
pub(crate) use settings::BenchSettings;
