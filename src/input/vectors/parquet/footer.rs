//! The footer, which describes the file. It is checked before the `parquet` crate allocates for it.

use parquet::errors::Result;
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use super::storage::Storage;
use super::thrift::{Compact, I32, LIST, STRUCT};

/// Bytes at the end that hold the length of the footer.
const TAIL: u64 = 8;
/// Columns within columns, at most.
const DEPTH: usize = 32;

/// Reads the footer, or returns the reason that it cannot.
pub(super) fn read(storage: &Storage) -> Result<ParquetMetaData, String> {
    let size = storage.len();
    let tail = size.checked_sub(TAIL).ok_or("it ends too early")?;
    let text = |error: parquet::errors::ParquetError| error.to_string();
    let tail = storage.get_bytes(tail, TAIL as usize).map_err(text)?;
    let tail = FooterTail::try_from(&tail[..]).map_err(|_| "it does not end as Parquet does: it is not whole")?;
    if tail.is_encrypted_footer() {
        return Err("it is encrypted".to_owned());
    }
    let length = tail.metadata_length();
    let start = size.checked_sub(TAIL + length as u64).ok_or("its footer claims to be longer than the file")?;
    let bytes = storage.get_bytes(start, length).map_err(text)?;
    check(&bytes).ok_or("its footer is damaged")?;
    ParquetMetaDataReader::decode_metadata(&bytes).map_err(text)
}

/// Checks that lists are no longer than the bytes allow, and that the columns form one tree: the crate allocates for as
/// many children as a column claims, and recurses into each.
fn check(bytes: &[u8]) -> Option<()> {
    Compact::new(bytes).fields(|footer, id, kind| {
        if (id, kind) != (2, LIST) {
            return (id != 2).then_some(false);
        }
        let (STRUCT, size) = footer.list()? else { return None };
        // Children that are still to come, of each column around this one.
        let mut open: Vec<usize> = Vec::new();
        for place in 0..size {
            let mut children = 0;
            footer.fields(|column, id, kind| {
                if id != 5 {
                    return Some(false);
                }
                children = usize::try_from((kind == I32).then(|| column.i32())??).ok()?;
                Some(true)
            })?;
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if children >= size - place || open.len() >= DEPTH {
                return None;
            }
            open.push(children);
        }
        Some(true)
    })
}
