//! gzip and zstd between the buffer of an output and its file.

use std::io::{self, Write};

/// The compression of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// Compresses to memory.
pub(super) enum Encoder {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    /// The encoder of `compression`; `None` for none.
    pub(crate) fn new(compression: Compression) -> io::Result<Option<Self>> {
        Ok(match compression {
            Compression::None => None,
            Compression::Gzip => {
                Some(Self::Gzip(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default())))
            }
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                Some(Self::Zstd(encoder))
            }
        })
    }

    /// Compresses `bytes`, and all of what came before if `visible`; returns what is ready to be written.
    pub(crate) fn encode(&mut self, bytes: &[u8], visible: bool) -> io::Result<Vec<u8>> {
        let out = match self {
            Self::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                if visible {
                    encoder.flush()?;
                }
                encoder.get_mut()
            }
            Self::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                if visible {
                    encoder.flush()?;
                }
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(out))
    }

    /// The end of the compressed bytes.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}
