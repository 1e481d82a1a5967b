//! The ends of a command, and their exit statuses.

use super::bench::ConfigError;
use crate::bench::report::SpliceError;
use crate::compare::runs::RunsError;
use crate::compare::vectors::MatchError;
use crate::engine::python::InstallError;
use crate::engine::{EngineError, PythonError, RemoteError, TextError};
use crate::fetch::FetchError;
use crate::input::vectors::VectorsError;
use crate::input::{BeirError, InputError, PairsError};
use crate::model::ModelError;
use crate::output::OutputError;
use crate::runtime::RuntimeError;
use crate::server::ServeError;
use crate::server::metrics::MetricsError;
use crate::server::models::LoadError;
use crate::server::trace::TraceError;

/// The end of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Some inputs failed; their rows say why.
    SomeFailed,
    /// Something that is needed is missing (`infa doctor`).
    Missing,
    /// An engine failed; its row says why (`infa bench`, `infa compare engines`).
    EngineFailed,
    /// Something changed more than it may (`infa compare`).
    ThresholdCrossed,
    /// A change cannot be checked, because the workloads differ (`infa compare`).
    NotComparable,
}

impl Outcome {
    pub fn exit_status(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::Missing => 3,
            Self::EngineFailed => 4,
            Self::ThresholdCrossed => 5,
            Self::NotComparable => 2,
        }
    }
}

/// The reason that a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("interrupted")]
    Interrupted,
    #[error("stdout was closed")]
    PipeClosed,
    #[error("{flag}: {reason}")]
    Flag { flag: &'static str, reason: String },
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{file}: {error}")]
    Splice { file: String, error: SpliceError },
    #[error(transparent)]
    Compare(#[from] RunsError),
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    #[error(transparent)]
    Pairs(#[from] PairsError),
    #[error(transparent)]
    Beir(#[from] BeirError),
    #[error(transparent)]
    Match(#[from] MatchError),
    #[error("{0}")]
    Nothing(&'static str),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    OutputOpen(OutputError),
    #[error(transparent)]
    Output(OutputError),
    #[error(transparent)]
    Engine(EngineError),
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The engine ended in the middle of the work.
    #[error("{0}")]
    Ended(TextError),
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    #[error("signals cannot be handled: {0}")]
    Signals(std::io::Error),
    #[error(transparent)]
    Load(LoadError),
    #[error("{name}: {error}")]
    OfModel { name: String, error: Box<Error> },
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("stdin: {0}")]
    Stdin(std::io::Error),
    #[error("stdout: {0}")]
    Stdout(std::io::Error),
}

impl From<EngineError> for Error {
    fn from(e: EngineError) -> Self {
        let cancelled = match &e {
            EngineError::Model(e) => e.is_cancelled(),
            EngineError::Runtime(RuntimeError::NotInstalled(FetchError::Cancelled)) => true,
            EngineError::Remote { error: RemoteError::Cancelled, .. } => true,
            EngineError::Python { error: PythonError::Cancelled, .. } => true,
            _ => false,
        };
        if cancelled { Self::Interrupted } else { Self::Engine(e) }
    }
}

impl From<ModelError> for Error {
    fn from(e: ModelError) -> Self {
        EngineError::from(e).into()
    }
}

impl From<RuntimeError> for Error {
    fn from(e: RuntimeError) -> Self {
        EngineError::from(e).into()
    }
}

impl From<OutputError> for Error {
    fn from(e: OutputError) -> Self {
        if e.is_broken_pipe() { Self::PipeClosed } else { Self::Output(e) }
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        if e.kind() == std::io::ErrorKind::BrokenPipe { Self::PipeClosed } else { Self::Stdout(e) }
    }
}

impl Error {
    /// The error of a flag's value.
    pub(super) fn flag(flag: &'static str, reason: impl Into<String>) -> Self {
        Self::Flag { flag, reason: reason.into() }
    }

    pub fn exit_status(&self) -> i32 {
        match self {
            Self::PipeClosed => 0,
            Self::Output(_)
            | Self::Stdout(_)
            | Self::Stdin(_)
            | Self::Input(InputError::Read { .. })
            | Self::Vectors(VectorsError::Input(InputError::Read { .. }))
            | Self::Pairs(PairsError::Input(InputError::Read { .. }))
            | Self::Beir(BeirError::Input(InputError::Read { .. })) => 1,
            Self::Flag { .. }
            | Self::Usage { .. }
            | Self::Config(_)
            | Self::Splice { .. }
            | Self::Compare(_)
            | Self::Vectors(_)
            | Self::Pairs(_)
            | Self::Beir(_)
            | Self::Match(_)
            | Self::Nothing(_)
            | Self::Input(_)
            | Self::OutputOpen(_)
            | Self::Serve(_)
            | Self::Trace(_) => 2,
            Self::Engine(EngineError::Model(ModelError::Flag { .. } | ModelError::NoSuchPath(_))) => 2,
            Self::Engine(EngineError::Runtime(
                RuntimeError::Device { .. }
                | RuntimeError::Dtype(_)
                | RuntimeError::Int8File(_)
                | RuntimeError::Kernels(_),
            )) => 2,
            Self::Engine(EngineError::Python { error: PythonError::Option(_), .. }) => 2,
            Self::Engine(EngineError::Remote { .. }) => 4,
            Self::Install(InstallError::Nothing { .. }) => 2,
            Self::Engine(_)
            | Self::Ended(_)
            | Self::Install(_)
            | Self::Thread(_)
            | Self::Signals(_)
            | Self::Load(_)
            | Self::Metrics(_) => 3,
            Self::OfModel { error, .. } => error.exit_status(),
            Self::Interrupted => crate::ui::interrupt::INTERRUPTED,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Input(e) => e.hint(),
            Self::OutputOpen(e) | Self::Output(e) => e.hint(),
            Self::Engine(e) => e.hint(),
            Self::Install(e) => e.hint(),
            Self::Ended(_) => {
                Some("no further input can be computed; -vv shows everything a Python process writes".into())
            }
            Self::Thread(e) => Some(crate::threads::hint(&e.to_string()).into()),
            Self::Serve(e) => e.hint(),
            Self::Load(e) => e.hint.clone(),
            Self::Compare(e) => e.hint(),
            Self::Vectors(e) => e.hint(),
            Self::Pairs(e) => e.hint(),
            Self::Beir(e) => e.hint(),
            Self::Match(e) => e.hint().map(str::to_owned),
            Self::OfModel { error, .. } => error.hint(),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Nothing(_) => Some("name files, or pipe texts in through stdin".into()),
            Self::Interrupted
            | Self::PipeClosed
            | Self::Flag { .. }
            | Self::Config(_)
            | Self::Splice { .. }
            | Self::Stdout(_)
            | Self::Stdin(_)
            | Self::Signals(_) => None,
            Self::Metrics(_) | Self::Trace(_) => None,
        }
    }
}
