//! A temporary file without a name, for what can be written only when all is known.

use std::env;
use std::fs::File;
use std::io::{Seek, SeekFrom};

use super::sink::{Sink, without_path};
use crate::output::OutputError;
use crate::output::error::TEMPORARY;

/// Bytes that are written once and then read.
pub(crate) struct Spool {
    pub sink: Sink,
    /// The same file, for reading.
    pub file: File,
}

impl Spool {
    pub(crate) fn new() -> Result<Self, OutputError> {
        let file = tempfile::tempfile().map_err(|error| failed(without_path(error)))?;
        let again = file.try_clone().map_err(failed)?;
        Ok(Self { sink: Sink::direct(name(), file), file: again })
    }

    /// The file, at its beginning.
    pub(crate) fn read(mut self) -> Result<File, OutputError> {
        self.sink.flush()?;
        rewind(&mut self.file)?;
        Ok(self.file)
    }
}

pub(crate) fn rewind(file: &mut File) -> Result<(), OutputError> {
    file.seek(SeekFrom::Start(0)).map(drop).map_err(failed)
}

fn failed(source: std::io::Error) -> OutputError {
    OutputError::Write { name: name(), source }
}

fn name() -> String {
    format!("{TEMPORARY}{}", env::temp_dir().display())
}
