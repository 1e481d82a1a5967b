//! JSON objects one after the other: a line each, or all in one array.

use super::OutputError;
use super::file::sink::Sink;

/// Objects on their way out.
pub(super) struct Objects {
    sink: Sink,
    /// One array of all; else an object a line.
    array: bool,
    begun: bool,
}

impl Objects {
    pub(crate) fn new(sink: Sink, array: bool) -> Self {
        Self { sink, array, begun: false }
    }

    /// Writes one object, which `append` appends to the buffer.
    pub(crate) fn write(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> Result<(), OutputError> {
        let out = self.sink.buffer();
        if self.array {
            out.extend_from_slice(if self.begun { b",\n" } else { b"[" });
        }
        self.begun = true;
        append(out);
        if !self.array {
            out.push(b'\n');
        }
        self.sink.settle()
    }

    pub(crate) fn flush(&mut self) -> Result<(), OutputError> {
        self.sink.flush()
    }

    pub(crate) fn finish(mut self) -> Result<(), OutputError> {
        if self.array {
            self.sink.buffer().extend_from_slice(if self.begun { b"]\n" } else { b"[]\n" });
        }
        self.sink.finish()
    }
}
