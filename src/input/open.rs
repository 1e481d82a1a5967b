//! Opens files, or texts in memory, as records.

use super::error::InputError;
use super::files::source;
use super::options::{Format, Options};
use super::queries::Query;
use super::record::MAX_RECORD_BYTES;
use super::records::Records;
use std::path::PathBuf;

/// Prepares to read `paths` one after the other; `-` is stdin, and so is no path at all.
///
/// Every path is checked before anything is read, so a missing second file is an error here and not
/// after the first one's hour of work. Regular CSV and TSV files have their header checked too.
pub fn open(paths: &[PathBuf], options: &Options) -> Result<Records, InputError> {
    Records::open(paths, options, MAX_RECORD_BYTES)
}

/// Texts that are here already, in the order of `texts`; `origin` is what messages call their place.
pub(crate) fn texts(texts: Vec<String>, origin: &str) -> Records {
    Records::of(texts, origin)
}

/// As [`open`], for JSON lines with a query and its documents each, under any file name.
pub fn open_queries(paths: &[PathBuf], options: &Options) -> Result<Records<Query>, InputError> {
    Records::open_queries(paths, options, MAX_RECORD_BYTES)
}

/// The format that the ending of `path` stands for, that of compression left out; `None` where it stands for none.
pub(crate) fn format_of(path: &std::path::Path) -> Option<Format> {
    match source::ending_of(path) {
        source::Ending::Format(format) => Some(format),
        source::Ending::Unknown(_) | source::Ending::Columns(_) | source::Ending::Binary(_) => None,
    }
}
