//! The ends of a command, and their exit statuses.

use std::sync::Arc;

use super::bench::ConfigError;
use super::search::SearchError;
use crate::bench::report::SpliceError;
use crate::cli::MaxFailures;
use crate::compare::runs::RunsError;
use crate::compare::vectors::MatchError;
use crate::engine::launch::LaunchError;
use crate::engine::python::InstallError;
use crate::engine::{EngineError, PythonError, RemoteError, TextError};
use crate::fetch::FetchError;
use crate::input::vectors::VectorsError;
use crate::input::{BeirError, InputError, PairsError};
use crate::model::{ModelError, Setting, SettingError};
use crate::output::OutputError;
use crate::runtime::RuntimeError;
use crate::server::ServeError;
use crate::server::metrics::MetricsError;
use crate::server::models::LoadError;
use crate::server::trace::TraceError;

/// The end of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
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
    pub(crate) fn exit_status(self) -> i32 {
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
pub(crate) enum Error {
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
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error("{0}")]
    Nothing(&'static str),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    OutputOpen(OutputError),
    #[error(transparent)]
    Output(OutputError),
    #[error("{}", of_engine(.0))]
    Engine(Arc<EngineError>),
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The engine ended in the middle of the work.
    #[error("{0}")]
    Ended(TextError),
    #[error("{failed} of {inputs} inputs failed, more than --max-failures {limit}")]
    Failures { failed: u64, inputs: u64, limit: MaxFailures },
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    #[error("signals cannot be handled: {0}")]
    Signals(std::io::Error),
    /// A model cannot be served.
    #[error("{message}")]
    Load { message: String, hint: Option<String> },
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

/// The flag of a setting.
fn flag_of(setting: Setting) -> &'static str {
    match setting {
        Setting::Engine => "--engine",
        Setting::ModelId => "--model-id",
        Setting::Revision => "--revision",
        Setting::OnnxFile => "--onnx-file",
        Setting::Device => "--device",
        Setting::Dtype => "--dtype",
        Setting::Kernels => "--kernels",
        Setting::Calibrate => "--calibrate",
        Setting::CopyWeights => "--copy-weights",
        Setting::OutputType => "--output-type",
        Setting::Role => "--mode",
        Setting::Pairs => "--pair-field",
        Setting::MaxLength => "--max-length",
        Setting::Truncate => "--truncate",
        Setting::Pooling => "--pooling",
        Setting::Normalize => "--normalize",
        Setting::Unscaled => "--no-normalize",
        Setting::Dimensions => "--dimensions",
        Setting::Prompt => "--prompt",
        Setting::PromptName => "--prompt-name",
        Setting::RawScores => "--raw-scores",
    }
}

fn flag_of_engine(error: &EngineError) -> Option<&'static str> {
    match error {
        EngineError::Setting(e) => Some(flag_of(e.setting)),
        EngineError::NoOutput { .. } => Some(flag_of(Setting::OutputType)),
        _ => None,
    }
}

/// An engine's error with the flag that it is about.
fn of_engine(error: &EngineError) -> String {
    match (error, flag_of_engine(error)) {
        (EngineError::Setting(e), Some(flag)) => format!("{flag}{}: {}", e.shown_value(), e.reason),
        (error, Some(flag)) => format!("{flag}: {error}"),
        (error, None) => error.to_string(),
    }
}

impl From<EngineError> for Error {
    fn from(e: EngineError) -> Self {
        Arc::new(e).into()
    }
}

impl From<Arc<EngineError>> for Error {
    fn from(e: Arc<EngineError>) -> Self {
        let cancelled = match &*e {
            EngineError::Model(e) => e.is_cancelled(),
            EngineError::Runtime(
                RuntimeError::NotInstalled(FetchError::Cancelled)
                | RuntimeError::GpuNotInstalled { error: FetchError::Cancelled, .. },
            ) => true,
            EngineError::Remote { error: RemoteError::Cancelled, .. } => true,
            EngineError::Python { error: PythonError::Cancelled, .. } | EngineError::Launch(LaunchError::Cancelled) => {
                true
            }
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

impl From<SettingError> for Error {
    fn from(e: SettingError) -> Self {
        EngineError::from(e).into()
    }
}

impl From<LoadError> for Error {
    fn from(e: LoadError) -> Self {
        match e {
            LoadError::Engine(e) => e.into(),
            LoadError::Other { message, hint } => Self::Load { message, hint },
        }
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
    pub(super) fn flag(flag: &'static str, reason: impl Into<String>) -> Self {
        Self::Flag { flag, reason: reason.into() }
    }

    /// The flag that the error is about, with its dashes.
    pub(crate) fn flag_name(&self) -> Option<&'static str> {
        match self {
            Self::Flag { flag, .. } => Some(flag),
            Self::Engine(e) => flag_of_engine(e),
            Self::OfModel { error, .. } => error.flag_name(),
            _ => None,
        }
    }

    pub(crate) fn exit_status(&self) -> i32 {
        match self {
            Self::PipeClosed => 0,
            Self::Output(_)
            | Self::Failures { .. }
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
            | Self::Search(_)
            | Self::Nothing(_)
            | Self::Input(_)
            | Self::OutputOpen(_)
            | Self::Serve(_)
            | Self::Trace(_) => 2,
            Self::Engine(e) => match &**e {
                EngineError::Setting(_)
                | EngineError::NoOutput { .. }
                | EngineError::Python { error: PythonError::Option(_), .. } => 2,
                EngineError::Remote { .. } => 4,
                _ => 3,
            },
            Self::Install(InstallError::Nothing { .. }) => 2,
            Self::Ended(_)
            | Self::Install(_)
            | Self::Thread(_)
            | Self::Signals(_)
            | Self::Load { .. }
            | Self::Metrics(_) => 3,
            Self::OfModel { error, .. } => error.exit_status(),
            Self::Interrupted => crate::ui::interrupt::INTERRUPTED,
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Input(e) => e.hint(),
            Self::OutputOpen(e) | Self::Output(e) => e.hint(),
            Self::Engine(e) => e.hint(),
            Self::Install(e) => e.hint(),
            Self::Ended(_) => {
                Some("no further input can be computed; -vv shows everything a Python process writes".into())
            }
            Self::Failures { .. } => Some("correct the inputs that are named above, or raise the limit".into()),
            Self::Thread(e) => Some(crate::threads::hint(&e.to_string()).into()),
            Self::Serve(e) => e.hint(),
            Self::Load { hint, .. } => hint.clone(),
            Self::Compare(e) => e.hint(),
            Self::Vectors(e) => e.hint(),
            Self::Pairs(e) => e.hint(),
            Self::Beir(e) => e.hint(),
            Self::Match(e) => e.hint().map(str::to_owned),
            Self::Search(e) => Some(e.hint()),
            Self::OfModel { error, .. } => error.hint(),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Nothing(_) => Some("name files, or pipe texts in through stdin".into()),
            Self::Config(e) => Some(e.hint().into()),
            Self::Splice { error, .. } => Some(error.hint()),
            Self::Signals(_) => Some("raise the limit of open files (ulimit -n)".into()),
            Self::Metrics(_) => Some("this is a bug in infa; please report it".into()),
            Self::Trace(_) => Some("--otlp-endpoint names a collector, such as http://127.0.0.1:4318".into()),
            // The reason of a flag names the remedy.
            Self::Interrupted | Self::PipeClosed | Self::Flag { .. } | Self::Stdout(_) | Self::Stdin(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::{Command, CommandFactory, ValueEnum};

    use super::*;
    use crate::cli::Cli;
    use crate::engine::OutputKind;

    fn flags(command: &Command) -> Vec<String> {
        let own = command.get_arguments().filter_map(|arg| arg.get_long()).map(|long| format!("--{long}"));
        own.chain(command.get_subcommands().flat_map(flags)).collect()
    }

    #[test]
    fn every_setting_has_a_flag_of_its_own() {
        let (known, mut seen) = (flags(&Cli::command()), Vec::new());
        for &setting in Setting::value_variants() {
            let flag = flag_of(setting);
            assert!(known.iter().any(|known| known == flag) && !seen.contains(&flag), "{setting:?}: {flag}");
            seen.push(flag);
        }
    }

    #[test]
    fn errors_of_engines_name_the_flag() {
        let refused =
            SettingError::new(Setting::Dtype, "there is nothing to multiply").value("int8").hint("leave it out");
        let error = Error::from(ModelError::from(refused));
        assert_eq!(
            (error.to_string().as_str(), error.exit_status()),
            ("--dtype int8: there is nothing to multiply", 2)
        );
        assert_eq!(error.hint().as_deref(), Some("leave it out"));
        let (output, reason) = (OutputKind::Sparse, "it has no head");
        let error = Error::from(EngineError::NoOutput { model: "m".into(), output, reason });
        assert_eq!(error.to_string(), "--output-type: m gives no sparse vectors: it has no head");
        assert!(error.exit_status() == 2 && error.hint().unwrap().contains("inspect"));
    }
}
