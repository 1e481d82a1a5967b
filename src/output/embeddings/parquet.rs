//! Parquet: <https://github.com/apache/parquet-format>. Row groups of bounded memory, zstd.

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::columns::Batch;
use super::settings::Settings;
use crate::output::file::shared::SharedSink;
use crate::output::file::sink::Sink;
use crate::output::{OutputError, Row, RowWriter};

/// Bytes of a row group: it is in memory until it is written.
const ROW_GROUP: usize = 64 << 20;

pub(crate) struct Parquet {
    sink: SharedSink,
    writer: ArrowWriter<SharedSink>,
    batch: Batch,
}

impl Parquet {
    pub(crate) fn new(sink: Sink, settings: &Settings) -> Result<Self, OutputError> {
        let (sink, batch) = (SharedSink::new(sink), Batch::new(settings));
        let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
        // Hardly two numbers are the same, and the least of them says nothing.
        for path in [vec!["embedding", "list", "element"], vec!["values", "list", "element"]] {
            let path = ColumnPath::from(path.into_iter().map(str::to_owned).collect::<Vec<_>>());
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::None);
        }
        let writer = ArrowWriter::try_new(sink.clone(), batch.schema(), Some(properties.build()));
        let writer = writer.map_err(|error| sink.error(&error))?;
        Ok(Self { sink, writer, batch })
    }

    fn write_batch(&mut self) -> Result<(), OutputError> {
        let batch = self.batch.take()?;
        let written = self.writer.write(&batch).and_then(|()| match self.writer.in_progress_size() >= ROW_GROUP {
            true => self.writer.flush(),
            false => Ok(()),
        });
        written.map_err(|error| self.sink.error(&error))
    }
}

impl RowWriter for Parquet {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        self.batch.push(row)?;
        if self.batch.is_full() { self.write_batch() } else { Ok(()) }
    }

    /// Rows are read only with the footer at the end.
    fn flush(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        if !self.batch.is_empty() {
            self.write_batch()?;
        }
        self.writer.finish().map_err(|error| self.sink.error(&error))?;
        self.sink.finish()
    }
}
