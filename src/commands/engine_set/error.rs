//! The reasons that an engine is not open.

use super::super::Error;
use crate::bench::target::{Failure, FailureKind};
use crate::engine::launch::LaunchError;
use crate::engine::{EngineError, PythonError};

pub(crate) enum OpenError {
    Cancelled,
    /// It cannot be started, or refuses.
    Failed(Failure),
    /// A program or package is missing.
    NotAvailable(String),
}

impl OpenError {
    /// The kind of the failure and its message, for reports; `None` if the user interrupted.
    pub(crate) fn failure(self) -> Option<(String, String)> {
        match self {
            Self::Cancelled => None,
            Self::Failed(Failure { kind, message }) => Some((kind.to_string(), message)),
            Self::NotAvailable(message) => Some(("not available".into(), message)),
        }
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        let message = with_hint(&error.to_string(), error.hint());
        let Error::Engine(error) = error else {
            return match error {
                Error::Interrupted => Self::Cancelled,
                _ => Self::Failed(Failure::new(FailureKind::Other, message)),
            };
        };
        match &*error {
            EngineError::Remote { engine: _, error, hint } => {
                let failure = Failure::from(error.clone());
                Self::Failed(Failure { message: with_hint(&failure.message, hint.clone()), ..failure })
            }
            EngineError::Python { engine: _, error } => {
                let message = with_hint(&error.to_string(), error.hint());
                match error {
                    PythonError::NoPython { .. } | PythonError::Missing { .. } => Self::NotAvailable(message),
                    error => Self::Failed(Failure { message, ..Failure::from(error.clone()) }),
                }
            }
            EngineError::Launch(LaunchError::NotInstalled { .. }) => Self::NotAvailable(message),
            EngineError::Launch(LaunchError::Died(_)) => Self::Failed(Failure::new(FailureKind::Died, message)),
            _ => Self::Failed(Failure::new(FailureKind::Other, message)),
        }
    }
}

impl From<EngineError> for OpenError {
    fn from(error: EngineError) -> Self {
        Error::from(error).into()
    }
}

fn with_hint(message: &str, hint: Option<String>) -> String {
    hint.map_or_else(|| message.to_owned(), |hint| format!("{message} ({hint})"))
}
