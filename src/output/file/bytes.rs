//! Plain bytes into a file that appears when it is complete.

use super::sink::Sink;
use crate::output::{Destination, OutputError};

/// Bytes that are buffered.
const PIECE: usize = 1 << 20;

/// Writes bytes. Dropped without [`finish`](Self::finish), it leaves no file behind.
pub struct BytesWriter {
    sink: Sink,
    written: usize,
}

impl BytesWriter {
    pub fn open(destination: &Destination) -> Result<Self, OutputError> {
        Ok(Self { sink: Sink::open(destination)?, written: 0 })
    }

    /// Appends `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.written += bytes.len();
        for piece in bytes.chunks(PIECE) {
            self.sink.buffer().extend_from_slice(piece);
            self.sink.settle()?;
        }
        Ok(())
    }

    /// Appends `bytes` from byte `offset` of the output, with zeros before it.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> Result<(), OutputError> {
        self.write(&vec![0; offset.saturating_sub(self.written)])?;
        self.write(bytes)
    }

    /// Writes what remains; a file takes its name only now.
    pub fn finish(self) -> Result<(), OutputError> {
        self.sink.finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bytes_at_their_places() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut writer = BytesWriter::open(&Destination::File(path.clone())).unwrap();
        writer.write(b"abc").unwrap();
        writer.write_at(8, b"de").unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"abc\0\0\0\0\0de");
    }
}
