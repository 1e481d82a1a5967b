//! Outputs that would replace what a command reads, and other outputs.

use std::path::{Path, PathBuf};

use super::Error;
use crate::engine::open::EngineOptions;
use crate::input::expand;
use crate::model::fingerprint;

/// The files of a command.
#[derive(Default)]
pub(super) struct Places {
    /// Each with the reason that it cannot be an output.
    taken: Vec<(PathBuf, &'static str)>,
}

impl Places {
    /// The inputs and the model of a command that runs one.
    pub(crate) fn of(inputs: &[PathBuf], options: &EngineOptions) -> Self {
        let mut places = Self::default();
        // A directory that cannot be read is an error when it is opened.
        for input in &expand(inputs).unwrap_or_else(|_| inputs.to_vec()) {
            places.reads(input, "it is an input; write to another file");
        }
        if let EngineOptions::Local(local) = options {
            places.model(&local.request.model_id);
        }
        places
    }

    /// A file that is read; `reason` is why it cannot be an output.
    pub(crate) fn reads(&mut self, path: &Path, reason: &'static str) {
        if is_file(path) {
            self.taken.push((place(path), reason));
        }
    }

    /// A model, if it is a directory or a file.
    fn model(&mut self, id: &str) {
        let path = Path::new(id);
        let files = if path.is_dir() { fingerprint::read_from(path) } else { vec![path.to_owned()] };
        for file in files {
            self.reads(&file, "it belongs to the model; write to another file");
        }
    }

    /// An output.
    ///
    /// # Errors
    /// It would replace a file that is read, one of a model, or another output.
    pub(crate) fn writes(&mut self, flag: &'static str, path: Option<&Path>) -> Result<(), Error> {
        let Some(path) = path.filter(|path| *path != Path::new("-") && is_file(path)) else { return Ok(()) };
        let place = place(path);
        if let Some((_, reason)) = self.taken.iter().find(|(other, _)| *other == place) {
            return Err(Error::Flag { flag, reason: format!("{}: {reason}", path.display()) });
        }
        self.taken.push((place, "another output goes there"));
        Ok(())
    }
}

fn place(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// False for devices and pipes, which lose nothing.
fn is_file(path: &Path) -> bool {
    !path.exists() || path.is_file()
}
