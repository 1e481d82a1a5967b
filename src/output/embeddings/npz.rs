//! NumPy's archive of arrays, as `numpy.savez` writes it: `vectors`, a row an input, and `ids`, one an input.
//!
//! The ids are int64 if all are such numbers, else strings, empty where an input has none; without any id they are the
//! indices. Heads need the number of rows, and NumPy's strings are all of one length: rows wait in temporary files.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::encoding::Encoding;
use super::npy::head;
use super::raw::Raw;
use crate::output::file::shared::SharedSink;
use crate::output::file::sink::Sink;
use crate::output::file::spool::{Spool, rewind};
use crate::output::{OutputError, Row, RowWriter};

pub(crate) struct Npz {
    sink: Sink,
    vectors: Raw,
    /// The file that `vectors` writes.
    file: File,
    ids: Ids,
}

impl Npz {
    pub(crate) fn new(sink: Sink, dimensions: usize, encoding: Encoding) -> Result<Self, OutputError> {
        let Spool { sink: spooled, file } = Spool::new()?;
        let vectors = Raw::new(spooled, dimensions, encoding, 0);
        Ok(Self { sink, vectors, file, ids: Ids::new()? })
    }
}

impl RowWriter for Npz {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        self.vectors.write(row)?;
        self.ids.push(row.id.map(|id| id.text()))
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.vectors.flush()?;
        self.ids.texts.sink.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        self.vectors.flush()?;
        let (shape, descr) = (self.vectors.shape(), self.vectors.descr());
        rewind(&mut self.file)?;
        let sink = SharedSink::new(self.sink);
        let written = archive(&sink, &head(descr, &shape), self.file, self.ids);
        written.map_err(|error| sink.error(&error))?;
        sink.finish()
    }
}

type Archive = ZipWriter<StreamWriter<SharedSink>>;

fn archive(sink: &SharedSink, head: &[u8], mut vectors: File, ids: Ids) -> io::Result<()> {
    let mut archive: Archive = ZipWriter::new_stream(sink.clone());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    archive.start_file("vectors.npy", options)?;
    archive.write_all(head)?;
    io::copy(&mut vectors, &mut archive)?;
    archive.start_file("ids.npy", options)?;
    let mut out = BufWriter::new(&mut archive);
    ids.array(&mut out)?;
    out.flush()?;
    drop(out);
    archive.finish()?;
    Ok(())
}

/// Ids, each with its length before it.
struct Ids {
    texts: Spool,
    count: u64,
    /// The characters of the longest.
    longest: usize,
    /// True while all are numbers of 64 bits.
    numbers: bool,
    /// True if there is one.
    any: bool,
}

impl Ids {
    fn new() -> Result<Self, OutputError> {
        Ok(Self { texts: Spool::new()?, count: 0, longest: 0, numbers: true, any: false })
    }

    fn push(&mut self, id: Option<&str>) -> Result<(), OutputError> {
        let text = id.unwrap_or_default();
        self.count += 1;
        self.any |= id.is_some();
        self.longest = self.longest.max(text.chars().count());
        // Only what reads back as the same text.
        self.numbers &= text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
        let out = self.texts.sink.buffer();
        out.extend_from_slice(&(text.len() as u64).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
        self.texts.sink.settle()
    }

    /// Writes them as an array.
    fn array(self, out: &mut impl Write) -> io::Result<()> {
        let Self { texts, count, longest, numbers, any } = self;
        let rows = count.to_string();
        if !any {
            out.write_all(&head("<i8", &rows))?;
            return (0..count).try_for_each(|index| out.write_all(&index.to_le_bytes()));
        }
        // NumPy has no strings of length 0.
        let longest = longest.max(1);
        let descr = if numbers { "<i8".to_owned() } else { format!("<U{longest}") };
        out.write_all(&head(&descr, &rows))?;
        let mut texts = BufReader::new(texts.read().map_err(io::Error::other)?);
        let mut text = Vec::new();
        for _ in 0..count {
            let mut length = [0; 8];
            texts.read_exact(&mut length)?;
            text.clear();
            texts.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut text)?;
            let text = String::from_utf8_lossy(&text);
            if numbers {
                out.write_all(&text.parse::<i64>().unwrap_or_default().to_le_bytes())?;
                continue;
            }
            let padding = std::iter::repeat_n('\0', longest.saturating_sub(text.chars().count()));
            text.chars().chain(padding).try_for_each(|c| out.write_all(&u32::from(c).to_le_bytes()))?;
        }
        Ok(())
    }
}
