//! A sink for crates that own what they write to.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sink::Sink;
use crate::output::OutputError;

/// A sink that a writer of another crate holds, and the writer of rows that finishes it.
#[derive(Clone)]
pub(crate) struct SharedSink(Arc<Mutex<Shared>>);

struct Shared {
    /// `None` once it is finished.
    sink: Option<Sink>,
    /// The error behind the one that the other crate has seen.
    error: Option<OutputError>,
}

impl SharedSink {
    pub(crate) fn new(sink: Sink) -> Self {
        Self(Arc::new(Mutex::new(Shared { sink: Some(sink), error: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of the sink behind `error`, or that itself.
    pub(crate) fn error(&self, error: &dyn std::fmt::Display) -> OutputError {
        let other = || OutputError::Encoding { reason: error.to_string() };
        self.lock().error.take().unwrap_or_else(other)
    }

    pub(crate) fn flush(&self) -> Result<(), OutputError> {
        self.lock().sink.as_mut().map_or(Ok(()), Sink::flush)
    }

    /// True if the output is a file that appears when it is complete.
    pub(crate) fn is_file(&self) -> bool {
        self.lock().sink.as_ref().is_some_and(Sink::can_rewrite)
    }

    pub(crate) fn finish(&self) -> Result<(), OutputError> {
        let sink = self.lock().sink.take();
        sink.map_or(Ok(()), Sink::finish)
    }
}

impl Write for SharedSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shared = self.lock();
        let Some(sink) = &mut shared.sink else { return Err(io::ErrorKind::BrokenPipe.into()) };
        sink.buffer().extend_from_slice(bytes);
        match sink.settle() {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                shared.error = Some(error);
                Err(io::Error::other("the output cannot be written"))
            }
        }
    }

    /// The writer of rows flushes it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
