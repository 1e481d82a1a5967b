//! Errors of starting a server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::command::CommandError;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The options of the spec have no place in the command.
    #[error(
        "{engine}: the options {options} have no place in the command: write {{flags}} where they belong, or leave them out"
    )]
    NoPlace { engine: &'static str, options: String },
    #[error("{engine} has a URL and is not started here")]
    HasUrl { engine: String },
    #[error("{engine} is not a server")]
    NoServer { engine: &'static str },
    #[error("{engine} is not installed: there is no {program} in PATH or in infa's own environments")]
    NotInstalled { engine: &'static str, program: &'static str, install: &'static str },
    #[error("infa knows no command that starts {engine}")]
    NoCommand { engine: &'static str },
    #[error("{}: {reason}", .directory.display())]
    Model { directory: PathBuf, reason: String },
    #[error("no free port on 127.0.0.1: {0}")]
    Port(std::io::Error),
    #[error("the server does not start: {error}: {command}")]
    Spawn { command: String, error: std::io::Error },
    #[error("the server ended before it was ready ({status}): {command}{lines}")]
    Ended { command: String, status: String, lines: LastLines },
    #[error("the server was not ready within {} ({found}): {command}{lines}", humantime::format_duration(*.after))]
    NeverReady { command: String, after: Duration, found: String, lines: LastLines },
    /// It was ready, and ended before it was connected to; the reason.
    #[error("{0}")]
    Died(String),
    #[error("interrupted")]
    Cancelled,
}

impl LaunchError {
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Command(_) => "such as: infinity_emb v2 --model-id {model} --port {port}".into(),
            Self::NotInstalled { engine, install, .. } => {
                format!("{install}; or start it yourself and write {engine}=http://127.0.0.1:8080")
            }
            Self::NoCommand { engine } => {
                format!("start it yourself and write {engine}=http://127.0.0.1:8080, or give its command as `launch`")
            }
            Self::Spawn { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
                "is it installed, and in PATH?".into()
            }
            Self::Ended { status, .. } if status == ZERO => {
                "the command must run the server itself, and not leave it behind".into()
            }
            Self::Ended { lines, .. } => match lines.known_problem() {
                Some(known) => known.into(),
                None => "its last lines say why; -vv shows all of them".into(),
            },
            Self::NeverReady { .. } => "a longer start-up timeout gives it more time; -vv shows what it does".into(),
            _ => return None,
        })
    }
}

/// The system's text for a successful exit.
const ZERO: &str = "exit status: 0";

/// The last lines that a server wrote, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastLines(pub Vec<String>);

impl LastLines {
    pub(super) fn port_is_taken(&self) -> bool {
        let printed = |line: &String| {
            let line = line.to_ascii_lowercase();
            ["address already in use", "address in use", "eaddrinuse", "port is already allocated"]
                .iter()
                .any(|words| line.contains(words))
        };
        self.0.iter().any(printed)
    }

    fn known_problem(&self) -> Option<&'static str> {
        let printed = |words: &str| self.0.iter().any(|line| line.contains(words));
        if self.port_is_taken() {
            Some("something else has the port; try again")
        } else if printed("ModuleNotFoundError") || printed("ImportError") {
            Some("a Python package is missing or too new there; install the engine again")
        } else if printed("No such option") || printed("unexpected argument") || printed("unrecognized arguments") {
            Some("this version of the server has other flags; give its command as `launch`")
        } else if printed("out of memory") || printed("OutOfMemoryError") || printed("MemoryError") {
            Some("it needs more memory than there is")
        } else {
            None
        }
    }
}

impl fmt::Display for LastLines {
    /// Each on a line of its own, with a line feed before.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}
