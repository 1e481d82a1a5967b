//! Result files: bounded, and checked.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::RunsError;
use crate::bench::report::{Report, parse};

/// Larger files are no reports: one of a hundred engines with a hundred rounds each has a third of it.
const MAX_BYTES: u64 = 16 << 20;

/// A run with the file it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// The file, as the user named it.
    pub file: String,

    pub report: Report,
}

/// Reads what `infa bench --export-json` wrote; `-` is stdin.
pub(crate) fn read(path: &Path) -> Result<Run, RunsError> {
    let stdin = path == Path::new("-");
    let file = if stdin { "stdin".to_owned() } else { path.display().to_string() };
    let io = |source| RunsError::Read { file: file.clone(), source };
    let mut bytes = Vec::new();
    let open = || -> std::io::Result<Box<dyn Read>> {
        Ok(if stdin { Box::new(crate::standard_streams::stdin()?) } else { Box::new(File::open(path)?) })
    };
    open().and_then(|open| open.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(RunsError::Large { file, limit: MAX_BYTES });
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(_) => return Err(RunsError::Binary { file }),
    };
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(RunsError::Empty { file });
    }
    match parse(text) {
        Ok(report) => Ok(Run { file, report }),
        Err(error) => Err(RunsError::Report { file, error }),
    }
}
