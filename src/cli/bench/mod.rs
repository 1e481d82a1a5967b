//! `infa bench`.

mod args;
mod config;
mod settings;

pub use args::{BenchArgs, ExportReportArgs};
pub use settings::BenchSettings;
