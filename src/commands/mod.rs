//! The subcommands: settings → work → output. One file each.

mod app_context;
mod async_runtime;
mod batch_run;
mod bench;
mod classify;
mod compare;
mod completions;
mod doctor;
mod embed;
mod engine_flags;
mod engine_set;
mod engines;
mod error;
mod exports;
mod job;
mod job_progress;
mod man;
mod model;
mod overwrite;
mod rerank;
mod run;
mod search;
mod serve;
mod settings;
mod texts;

use app_context::AppContext;
pub(crate) use completions::answer as answer_shell;
pub(crate) use error::{Error, Outcome};
pub(crate) use run::run;
