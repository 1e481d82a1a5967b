//! The bytes of a file, from any place in it.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A file, or what came through a pipe.
#[derive(Debug, Clone)]
pub(super) enum Storage {
    /// A file of this size.
    File(Arc<File>, u64),
    /// All of it.
    Memory(Bytes),
}

impl Storage {
    /// At most `length` bytes from `start` on: less, where the end comes first.
    pub(crate) fn some(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.len().saturating_sub(start)).unwrap_or(usize::MAX);
        let length = length.min(left);
        match self {
            Self::Memory(bytes) => Ok(match usize::try_from(start) {
                Ok(start) if length > 0 => bytes.slice(start..start + length),
                _ => Bytes::new(),
            }),
            Self::File(file, _) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, start)?;
                Ok(bytes.into())
            }
        }
    }
}

impl Length for Storage {
    fn len(&self) -> u64 {
        match self {
            Self::File(_, size) => *size,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for Storage {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(match self {
            Self::File(file, _) => Box::new(BufReader::new(At { file: Arc::clone(file), at: start })),
            Self::Memory(bytes) => {
                let mut cursor = Cursor::new(bytes.clone());
                cursor.set_position(start);
                Box::new(cursor)
            }
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.some(start, length)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes from byte {start} on are not all there")));
        }
        Ok(bytes)
    }
}

/// Reads from an offset of a file that may have other readers.
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
