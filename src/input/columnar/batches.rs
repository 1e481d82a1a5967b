//! Opens a file as batches of columns.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::{ChunkReader, Length};

use crate::input::files::content::ColumnFormat;
use crate::input::files::reader::Reader;
use crate::input::files::source::Columns;

/// Rows of a batch of Parquet: texts of 16 MiB each must fit into memory together.
const BATCH: usize = 256;

pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// A file of which the columns are known.
pub(super) enum Opened {
    Parquet(Counted, ArrowReaderMetadata),
    Arrow(StreamReader<Reader>),
}

impl Opened {
    pub(crate) fn new(columns: Columns, counter: &Arc<AtomicU64>) -> Result<Self, ArrowError> {
        let file = match columns {
            Columns::File(file) => file,
            Columns::Stream(ColumnFormat::Parquet, reader) => spooled(reader)?,
            Columns::Stream(ColumnFormat::ArrowStream, reader) => {
                return StreamReader::try_new(reader, None).map(Self::Arrow);
            }
            Columns::Stream(ColumnFormat::ArrowFile, mut reader) => {
                // After the magic number and padding a file is a stream, and then a footer for readers that seek.
                let mut eight = [0; 8];
                reader.read_exact(&mut eight)?;
                reader.read_exact(&mut eight)?;
                while eight == [0; 8] {
                    reader.read_exact(&mut eight)?;
                }
                let reader: Reader = Box::new(Cursor::new(eight).chain(reader));
                return StreamReader::try_new(reader, None).map(Self::Arrow);
            }
        };
        let counted = Counted { file: Arc::new(file), counter: counter.clone() };
        let metadata = ArrowReaderMetadata::load(&counted, Default::default())?;
        Ok(Self::Parquet(counted, metadata))
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Self::Parquet(_, metadata) => metadata.schema().clone(),
            Self::Arrow(reader) => reader.schema(),
        }
    }

    /// The batches, with at least the columns of these places in the schema.
    pub(crate) fn batches(self, columns: &[usize]) -> Result<Batches, ArrowError> {
        Ok(match self {
            Self::Parquet(file, metadata) => {
                let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
                let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
                Box::new(builder.with_projection(mask).with_batch_size(BATCH).build()?)
            }
            Self::Arrow(reader) => Box::new(reader),
        })
    }
}

/// Parquet is read from its end: what comes through a pipe or is compressed goes to a temporary file first.
fn spooled(mut reader: Reader) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut reader, &mut file)?;
    Ok(file)
}

/// A file whose bytes are counted as they are read.
#[derive(Clone)]
pub(super) struct Counted {
    file: Arc<File>,
    counter: Arc<AtomicU64>,
}

impl Length for Counted {
    fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for Counted {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(At { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // A damaged file may promise more than there is: memory grows with what is read.
        let mut bytes = Vec::with_capacity(length.min(1 << 20));
        let read = At { file: self.clone(), at: start }.take(length as u64).read_to_end(&mut bytes)?;
        if read < length {
            return Err(parquet::errors::ParquetError::EOF("the file ends too early".into()));
        }
        Ok(bytes.into())
    }
}

/// Reads from a place on.
pub(super) struct At {
    file: Counted,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        self.file.counter.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
