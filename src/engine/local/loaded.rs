//! A model in memory, its workers running.

use std::path::Path;
use std::sync::Arc;

use super::collect::QueuedInput;
use super::options::OnnxOptions;
use super::run::Interface;
use super::runner::run_work;
use super::weight_files::WeightFiles;
use crate::batch::scheduler::{Run, Scheduler};
use crate::engine::EngineError;
use crate::model::ModelError;
use crate::runtime::{RuntimeError, Session};

pub(super) struct Loaded {
    pub scheduler: Scheduler<QueuedInput>,
    /// True if there is an output row for every token.
    pub per_token: bool,
    /// Length of an output row.
    pub width: usize,
    pub max_positions: Option<usize>,
    pub vocab_size: usize,
    pub files: WeightFiles,
}

/// The work of a worker on a group.
pub(super) fn runs(interface: Interface, files: &WeightFiles, options: &OnnxOptions) -> Run<Session, QueuedInput> {
    let (files, observer) = (files.clone(), options.observer.clone());
    Arc::new(move |session, group| run_work(session, &interface, &files, group, observer.as_deref()))
}

pub(super) fn no_thread(e: std::io::Error) -> RuntimeError {
    RuntimeError::Run(ort::Error::new(format!("no worker thread can be started: {e}")))
}

pub(super) fn unreadable(path: &Path, source: std::io::Error) -> EngineError {
    ModelError::Io { path: path.to_owned(), source }.into()
}
