//! Errors of engines: of one input, of a whole request, and of an engine that cannot be opened.

use std::borrow::Cow;
use std::time::Duration;

use super::OutputKind;
use crate::batch::scheduler::Full;
use crate::engine::launch::LaunchError;
use crate::engine::python::PythonError;
use crate::engine::remote::RemoteError;
use crate::graph::GraphError;
use crate::model::tokenizer::TokenizeError;
use crate::model::{Model, ModelError, Setting, SettingError};
use crate::runtime::RuntimeError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TextError {
    reason: Cow<'static, str>,
    kind: TextErrorKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextErrorKind {
    /// The text itself is the reason.
    Input,
    /// The text is longer than the model can read, and must not be cut.
    TooLong,
    /// The text, or its result, is too large.
    TooLarge,
    /// The engine or the model fails, for any text.
    Internal,
    /// The engine's numbers are NaN, infinite, or all zero.
    Unusable,
    /// The model can no longer be used, for example after a change of its files.
    Unavailable,
    /// The engine has ended: no other text can have a result.
    Ended,
}

impl TextError {
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Input }
    }

    pub fn too_large(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::TooLarge }
    }

    pub fn internal(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Internal }
    }

    pub fn unusable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Unusable }
    }

    pub fn too_long(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::TooLong }
    }

    pub fn unavailable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Unavailable }
    }

    pub fn ended(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Ended }
    }

    pub fn kind(&self) -> TextErrorKind {
        self.kind
    }

    /// True if the text is without fault.
    pub fn is_internal(&self) -> bool {
        !matches!(self.kind, TextErrorKind::Input | TextErrorKind::TooLong | TextErrorKind::TooLarge)
    }

    /// The same with `what` it is about before the reason.
    pub fn about(self, what: &str) -> Self {
        Self { reason: format!("{what}: {}", self.reason).into(), ..self }
    }
}

impl From<TokenizeError> for TextError {
    fn from(error: TokenizeError) -> Self {
        let kind = match error {
            TokenizeError::TooLong { .. } => TextErrorKind::TooLong,
            TokenizeError::TooManyBytes { .. } => TextErrorKind::TooLarge,
            TokenizeError::Failed(_) => TextErrorKind::Input,
        };
        Self { reason: error.to_string().into(), kind }
    }
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SubmitError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("the queue is full")]
    Full { retry_after: Duration },
    #[error("{tokens} tokens are more than {most}")]
    TooLarge { tokens: usize, most: usize },
    /// The engine does not compute the requested output.
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Remote(#[from] RemoteError),
    /// The Python process gave no answer.
    #[error("{0}")]
    Python(#[from] PythonError),
    /// The work failed by a fault of infa.
    #[error("{0}")]
    Failed(String),
    #[error("the engine went away")]
    Gone,
}

impl SubmitError {
    /// The error of a request with a setting that the engine was opened with.
    pub(in crate::engine) fn settled(setting: Setting) -> Self {
        SettingError::new(setting, "it is settled when the engine is opened").into()
    }
}

impl From<Full> for SubmitError {
    fn from(Full { retry_after }: Full) -> Self {
        Self::Full { retry_after }
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    #[error(transparent)]
    Model(ModelError),
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("{model} gives no {}: {reason}", output.noun())]
    NoOutput { model: String, output: OutputKind, reason: &'static str },
    #[error("{model} is {is}: {what}")]
    WrongTask { model: String, is: String, what: String, hint: Option<String> },
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error("no threads to compute with: {0}")]
    Threads(String),
    #[error("{engine}: {error}")]
    Remote { engine: String, error: RemoteError, hint: Option<String> },
    #[error("{engine}: {error}")]
    Python { engine: String, error: PythonError },
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

impl From<ModelError> for EngineError {
    fn from(e: ModelError) -> Self {
        match e {
            ModelError::Setting(e) => Self::Setting(e),
            e => Self::Model(e),
        }
    }
}

impl EngineError {
    /// The error of a `model` of another kind: `what` is the missing capability.
    pub(crate) fn wrong_task(model: &Model, what: &str) -> Self {
        let (is, hint) = (model.task.description(), model.task.command().map(str::to_owned));
        Self::WrongTask { model: model.name.clone(), is, what: what.to_owned(), hint }
    }

    pub(in crate::engine) fn no_output(model: &Model, output: OutputKind, reason: &'static str) -> Self {
        Self::NoOutput { model: model.name.clone(), output, reason }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model(e) => e.hint(),
            Self::Setting(e) => e.hint.clone(),
            Self::NoOutput { .. } => Some("infa model inspect shows the model's task".into()),
            Self::WrongTask { hint, .. } => {
                Some(hint.clone().unwrap_or_else(|| "infa model inspect describes the model".into()))
            }
            Self::Graph(e) => e.hint(),
            Self::Runtime(e) => e.hint(),
            Self::Threads(reason) => Some(crate::threads::hint(reason).into()),
            Self::Remote { hint, .. } => hint.clone(),
            Self::Python { error, .. } => error.hint(),
            Self::Launch(e) => e.hint(),
        }
    }
}
