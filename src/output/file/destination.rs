//! The destination of an output: standard output or a file.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::place::replaces;

/// The destination of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file, replaced when everything is written; a device or a named pipe is written to directly.
    File(PathBuf),
}

impl Destination {
    /// The destination of a path that a user gives: no path and `-` are standard output.
    pub fn named(path: Option<&Path>) -> Self {
        match path {
            None => Self::Stdout,
            Some(path) if path.as_os_str() == "-" => Self::Stdout,
            Some(path) => Self::File(path.to_owned()),
        }
    }

    /// True if the output goes to a terminal.
    pub fn is_terminal(&self) -> bool {
        *self == Self::Stdout && std::io::stdout().is_terminal()
    }

    /// The file that is replaced when everything is written, if it is one.
    pub fn replaced(&self) -> Option<&Path> {
        match self {
            Self::File(path) if replaces(path) => Some(path),
            _ => None,
        }
    }
}
