//! Arrow's stream of batches: <https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>.

use arrow_ipc::writer::StreamWriter;

use super::columns::Batch;
use super::settings::Settings;
use crate::output::file::shared::SharedSink;
use crate::output::file::sink::Sink;
use crate::output::{OutputError, Row, RowWriter};

pub(crate) struct Arrow {
    sink: SharedSink,
    writer: StreamWriter<SharedSink>,
    batch: Batch,
}

impl Arrow {
    pub(crate) fn new(sink: Sink, settings: &Settings) -> Result<Self, OutputError> {
        let (sink, batch) = (SharedSink::new(sink), Batch::new(settings));
        let writer = StreamWriter::try_new(sink.clone(), &batch.schema());
        let writer = writer.map_err(|error| sink.error(&error))?;
        Ok(Self { sink, writer, batch })
    }

    fn write_batch(&mut self) -> Result<(), OutputError> {
        let batch = self.batch.take()?;
        self.writer.write(&batch).map_err(|error| self.sink.error(&error))
    }
}

impl RowWriter for Arrow {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        self.batch.push(row)?;
        if self.batch.is_full() { self.write_batch() } else { Ok(()) }
    }

    /// Before a pipe the rows so far become a batch; in a file batches stay large.
    fn flush(&mut self) -> Result<(), OutputError> {
        if self.sink.is_file() {
            return Ok(());
        }
        if !self.batch.is_empty() {
            self.write_batch()?;
        }
        self.sink.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        if !self.batch.is_empty() {
            self.write_batch()?;
        }
        self.writer.finish().map_err(|error| self.sink.error(&error))?;
        self.sink.finish()
    }
}
