//! Reads the vectors of a Parquet file.

use super::footer;
use super::problem::{Problem, damaged};
use super::rows;
use super::schema::Columns;
use super::storage::Storage;
use crate::input::InputError;
use crate::input::files::reader::Reader;
use crate::input::files::source::Source;
use crate::input::vectors::VectorsError;
use crate::input::vectors::set::{Builder, VectorSet, origin};
use crate::panic_guard::catch_panic;
use parquet::basic::Compression;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

/// Maximum size of a file from a pipe: it is held in memory as a whole, as its footer stands at the end.
const PIPE: u64 = 4 << 30;

/// Reads the vectors of `source`; `reader` has the bytes if it is not a regular file.
pub(crate) fn read(reader: Reader, source: &Source, builder: Builder<'_>) -> Result<VectorSet, VectorsError> {
    let name = &source.name;
    let storage = match source.path().filter(|_| source.is_regular_file()) {
        Some(path) => {
            let open = |source| InputError::Open { path: path.to_path_buf(), source };
            let file = File::open(path).map_err(open)?;
            let size = file.metadata().map_err(open)?.len();
            Storage::File(Arc::new(file), size)
        }
        None => piped(reader, name, PIPE)?,
    };
    read_from(&storage, builder)
}

/// True if a Parquet file has a column of vectors, or cannot be read at all.
pub(crate) fn has_vectors(path: &std::path::Path) -> Result<bool, std::io::Error> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let storage = Storage::File(Arc::new(file), size);
    let columns =
        catch_panic(|| footer::read(&storage).map(|it| Columns::of(it.file_metadata().schema_descr()).is_ok()));
    Ok(!matches!(columns, Ok(Ok(false))))
}

pub(super) fn piped(reader: Reader, name: &Arc<str>, most: u64) -> Result<Storage, VectorsError> {
    let mut bytes = Vec::new();
    let failed = |source| InputError::Read { origin: origin(name, 1), source };
    reader.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        let reason = format!("Parquet of more than {} GiB is not read from a pipe", most >> 30);
        let hint = Some("save it as a file, and name that");
        return Err(VectorsError::Parquet { file: Arc::clone(name), reason, hint });
    }
    Ok(Storage::Memory(bytes.into()))
}

pub(super) fn read_from(storage: &Storage, builder: Builder<'_>) -> Result<VectorSet, VectorsError> {
    let name = Arc::clone(&builder.set.name);
    let problem = match catch_panic(|| all(storage, builder)) {
        Ok(Ok(vectors)) => return Ok(vectors),
        Ok(Err(problem)) => problem,
        Err(panic) => Problem::Damaged(panic),
    };
    let (reason, hint) = match problem {
        Problem::All(error) => return Err(error),
        Problem::Damaged(reason) => {
            // The crate's message may quote the file.
            let reason: String = reason.chars().take(200).flat_map(char::escape_debug).collect();
            (format!("this Parquet file is damaged: {reason}"), Some("write it anew, or save the vectors as .npy"))
        }
        Problem::Other(reason) => (reason, None),
        Problem::Hinted(reason, hint) => (reason, Some(hint)),
    };
    Err(VectorsError::Parquet { file: name, reason, hint })
}

fn all(storage: &Storage, builder: Builder<'_>) -> Result<VectorSet, Problem> {
    let metadata = footer::read(storage).map_err(damaged)?;
    let columns = Columns::of(metadata.file_metadata().schema_descr());
    let mut columns = columns.map_err(|refused| Problem::Hinted(refused.reason, refused.hint))?;
    columns.text = columns.text.filter(|_| builder.streams());
    let mut leaves = vec![columns.vectors.leaf];
    leaves.extend(columns.scalars());
    let chunks =
        metadata.row_groups().iter().flat_map(|group| leaves.iter().filter_map(|leaf| group.columns().get(*leaf)));
    for chunk in chunks {
        let unread = match chunk.compression() {
            Compression::BROTLI(_) => "Brotli",
            Compression::LZO => "LZO",
            _ => continue,
        };
        let reason = format!("it is compressed by {unread}, which is not read");
        return Err(Problem::Hinted(reason, "write it anew with another compression, such as zstd"));
    }
    rows::read(storage, &metadata, &columns, builder)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
