//! The ends of a command, and their exit statuses.

use super::bench::ConfigError;
use crate::bench::report::SpliceError;
use crate::compare::runs::RunsError;
use crate::compare::vectors::MatchError;
use crate::engine::python::InstallError;
use crate::engine::{EngineError, PythonError, RemoteError};
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
    /// Success.
    Done,
    /// Some inputs failed; their rows say why.
    SomeFailed,
    /// Something that is needed is missing (`infa doctor`).
    Missing,
    /// An engine failed; its row says why (`infa bench`).
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
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
    /// The reader of stdout is gone: the end of the work, but not a failure.
    #[error("stdout was closed")]
    PipeClosed,
    /// A flag or an environment variable is unusable.
    #[error("{flag}: {reason}")]
    Flag { flag: &'static str, reason: String },
    /// The command line as a whole cannot be used.
    #[error("{message}")]
    Usage { message: String, hint: String },
    /// A config cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file that a table should be put into has no place for it.
    #[error("{file}: {error}")]
    Splice { file: String, error: SpliceError },
    /// Result files cannot be compared.
    #[error(transparent)]
    Compare(#[from] RunsError),
    /// Saved vectors cannot be read.
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    /// Scored pairs cannot be read.
    #[error(transparent)]
    Pairs(#[from] PairsError),
    /// Queries, documents and judgements cannot be read.
    #[error(transparent)]
    Beir(#[from] BeirError),
    /// Saved vectors do not belong together.
    #[error(transparent)]
    Match(#[from] MatchError),
    /// There is nothing to work on.
    #[error("{0}")]
    Nothing(&'static str),
    /// The input cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The output cannot be opened.
    #[error(transparent)]
    OutputOpen(OutputError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(OutputError),
    /// The model or its engine cannot be used.
    #[error(transparent)]
    Engine(EngineError),
    /// The packages of engines could not be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The system has no thread left for the work.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    /// Signals cannot be listened to.
    #[error("signals cannot be handled: {0}")]
    Signals(std::io::Error),
    /// A model cannot be served.
    #[error(transparent)]
    Load(LoadError),
    /// One of several models cannot be served.
    #[error("{name}: {error}")]
    OfModel { name: String, error: Box<Error> },
    /// The server cannot start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The server cannot count.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Requests cannot be traced.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// stdin cannot be read.
    #[error("stdin: {0}")]
    Stdin(std::io::Error),
    /// stdout cannot be written.
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
                RuntimeError::Device { .. } | RuntimeError::Dtype(_) | RuntimeError::Int8File(_),
            )) => 2,
            Self::Engine(EngineError::Python { error: PythonError::Option(_), .. }) => 2,
            Self::Engine(EngineError::Remote { .. }) => 4,
            Self::Install(InstallError::Nothing { .. }) => 2,
            Self::Engine(_)
            | Self::Install(_)
            | Self::Thread(_)
            | Self::Signals(_)
            | Self::Load(_)
            | Self::Metrics(_) => 3,
            Self::OfModel { error, .. } => error.exit_status(),
            Self::Interrupted => crate::ui::interrupt::INTERRUPTED,
        }
    }

    /// The remedy.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Input(e) => e.hint(),
            Self::OutputOpen(e) | Self::Output(e) => e.hint(),
            Self::Engine(e) => e.hint(),
            Self::Install(e) => e.hint(),
            Self::Thread(_) => Some("use fewer with --threads, or raise the limit (ulimit -u)".into()),
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
