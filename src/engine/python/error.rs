//! Errors of Python engines.

use std::path::PathBuf;
use std::time::Duration;

/// The reason that a Python engine cannot be started, or gave no usable result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PythonError {
    /// The engine does not support an option or a request.
    #[error("{0}")]
    Option(String),
    #[error("there is no Python 3 here: tried {}", .tried.join(", "))]
    NoPython { tried: Vec<String> },
    /// `pythons` are the interpreters that lack it.
    #[error("the Python package {package} is missing (in {})", .pythons.iter().map(|python| python.display().to_string()).collect::<Vec<_>>().join(", "))]
    Missing { engine: &'static str, package: String, pythons: Vec<PathBuf> },
    #[error("{} cannot be run: {reason}", .python.display())]
    Spawn { python: PathBuf, reason: String },
    /// The engine does not support this request with this model.
    #[error("{0}")]
    Refused(String),
    #[error("loading failed: {reason}")]
    Load { reason: String, stderr: Vec<String> },
    #[error("not ready after {}{}", humantime::format_duration(*.after), tail(.stderr))]
    Slow { after: Duration, stderr: Vec<String> },
    #[error("the Python process ended ({status}){}", tail(.stderr))]
    Died { status: String, stderr: Vec<String> },
    #[error("no answer within {}; the Python process was ended{}", humantime::format_duration(*.after), tail(.stderr))]
    Hung { after: Duration, stderr: Vec<String> },
    /// The engine failed on a request, and goes on.
    #[error("{0}")]
    Failed(String),
    #[error("a request of {bytes} bytes is larger than {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("the answer cannot be read: {0}")]
    Garbage(String),
    #[error("the answer does not fit: {0}")]
    Shape(String),
    /// The time limits, the thread or the runtime that the engine needs cannot be had.
    #[error("{0}")]
    System(String),
    #[error("interrupted")]
    Cancelled,
}

impl PythonError {
    /// A short name of what went wrong, the same for all of a kind: for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Option(_) => "option",
            Self::NoPython { .. } | Self::Missing { .. } => "not installed",
            Self::Spawn { .. } | Self::System(_) => "system",
            Self::Refused(_) => "refused",
            Self::Load { .. } => "load",
            Self::Slow { .. } | Self::Hung { .. } => "timeout",
            Self::Died { .. } => "died",
            Self::Failed(_) => "failed",
            Self::TooLarge { .. } => "too large",
            Self::Garbage(_) => "garbage",
            Self::Shape(_) => "wrong shape",
            Self::Cancelled => "cancelled",
        }
    }

    /// True if the process is gone: no further request can succeed.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Died { .. } | Self::Hung { .. } | Self::Garbage(_))
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoPython { .. } => Some("install Python 3.10 or newer, or name one with --python".into()),
            Self::Missing { engine, .. } => {
                Some(format!("infa engines install {engine} makes an environment that has it; --python names another"))
            }
            Self::Spawn { .. } => {
                Some("--python names the interpreter to use; infa engines lists the usable engines".into())
            }
            Self::Load { stderr, .. } if !stderr.is_empty() => Some(format!("the process wrote{}", tail(stderr))),
            Self::Load { .. } | Self::Died { .. } => Some("-vv shows everything the Python process writes".into()),
            _ => None,
        }
    }
}

/// The last lines of a process, for the end of a message.
fn tail(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join(" | ")) }
}
