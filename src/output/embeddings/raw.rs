//! The numbers of vectors and nothing else, little-endian, a row an input.

use super::encoding::Encoding;
use super::row::check_dimensions;
use crate::output::file::sink::Sink;
use crate::output::{Numbers, OutputError, Row, RowWriter, Shape, Vector};

pub(crate) struct Raw {
    sink: Sink,
    dimensions: usize,
    encoding: Encoding,
    rows: u64,
}

impl Raw {
    /// `rows`: those that the sink holds already.
    pub(crate) fn new(sink: Sink, dimensions: usize, encoding: Encoding, rows: u64) -> Self {
        Self { sink, dimensions, encoding, rows }
    }

    /// The shape so far, as NumPy writes it.
    pub(crate) fn shape(&self) -> String {
        format!("{}, {}", self.rows, self.encoding.length(self.dimensions))
    }

    /// NumPy's name of the numbers' type.
    pub(crate) fn descr(&self) -> &'static str {
        self.encoding.descr()
    }
}

impl RowWriter for Raw {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        check_dimensions(row, Shape::Dense(self.dimensions))?;
        // Readers find an input's vector by its place alone.
        if row.index != self.rows {
            return Err(OutputError::Order { expected: self.rows, found: row.index });
        }
        self.rows += 1;
        match row.outcome {
            Ok(Vector { embedding: Numbers::Dense(numbers), .. }) => {
                self.encoding.append(row.index, numbers, self.sink.buffer())?;
            }
            _ => self.encoding.append_missing(self.dimensions, self.sink.buffer()),
        }
        self.sink.settle()
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.sink.flush()
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        self.sink.finish()
    }
}
