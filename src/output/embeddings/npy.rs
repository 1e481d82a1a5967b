//! NumPy's file of one array: float32, C order, a row an input; a row that failed is all NaN.
//!
//! The head names the number of rows, which is known only at the end. In a file a head of fixed size
//! is filled in then. Before a pipe, the rows wait in a temporary file without a name.

use std::env;
use std::fs::File;
use std::io::{Seek, SeekFrom};

use super::row::check_dimensions;
use crate::output::error::TEMPORARY;
use crate::output::file::sink::{Sink, without_path};
use crate::output::{Numbers, OutputError, Row, RowWriter, Shape, Vector};

/// The bytes before the array: any number of rows and dimensions fits, and data stay aligned.
const HEAD: usize = 128;

/// Writes an array of shape (rows, dimensions).
pub(crate) struct Npy {
    /// The output.
    sink: Sink,
    /// The temporary file of rows, if the output cannot be rewritten.
    spool: Option<(Sink, File)>,
    rows: u64,
    dimensions: usize,
}

impl Npy {
    pub(crate) fn new(mut sink: Sink, dimensions: usize) -> Result<Self, OutputError> {
        let spool = if sink.can_rewrite() {
            sink.buffer().extend_from_slice(&head(0, dimensions));
            None
        } else {
            Some(spool()?)
        };
        Ok(Self { sink, spool, rows: 0, dimensions })
    }

    fn body(&mut self) -> &mut Sink {
        match &mut self.spool {
            Some((spool, _)) => spool,
            None => &mut self.sink,
        }
    }
}

impl RowWriter for Npy {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        check_dimensions(row, Shape::Dense(self.dimensions))?;
        // Readers find an input's vector by its place alone.
        if row.index != self.rows {
            return Err(OutputError::Order { expected: self.rows, found: row.index });
        }
        self.rows += 1;
        let dimensions = self.dimensions;
        let body = self.body();
        let out = body.buffer();
        match row.outcome {
            Ok(Vector { embedding: Numbers::Dense(numbers), .. }) => append(numbers.iter().copied(), out),
            _ => append(std::iter::repeat_n(f32::NAN, dimensions), out),
        }
        body.settle()
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.body().flush()
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        let head = head(self.rows, self.dimensions);
        match self.spool {
            None => self.sink.rewrite_start(&head)?,
            Some((mut spool, mut file)) => {
                spool.flush()?;
                rewind(&mut file)?;
                self.sink.buffer().extend_from_slice(&head);
                self.sink.copy(&mut file)?;
            }
        }
        self.sink.finish()
    }
}

fn append(numbers: impl ExactSizeIterator<Item = f32>, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + numbers.len() * 4, 0);
    for (place, number) in out[start..].chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

/// Format version 1.0: magic, version, length of the text, text padded with spaces to a newline.
fn head(rows: u64, dimensions: usize) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimensions}), }}");
    let length = HEAD - 10;
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(b"\x93NUMPY\x01\x00");
    head.extend_from_slice(&(length as u16).to_le_bytes());
    head.extend_from_slice(text.as_bytes());
    head.resize(HEAD - 1, b' ');
    head.push(b'\n');
    head
}

/// A nameless file, once to write and once to read.
fn spool() -> Result<(Sink, File), OutputError> {
    let file = tempfile::tempfile().map_err(|error| spool_error(without_path(error)))?;
    let again = file.try_clone().map_err(spool_error)?;
    Ok((Sink::direct(spool_name(), file), again))
}

fn rewind(file: &mut File) -> Result<(), OutputError> {
    file.seek(SeekFrom::Start(0)).map(drop).map_err(spool_error)
}

fn spool_error(source: std::io::Error) -> OutputError {
    OutputError::Write { name: spool_name(), source }
}

fn spool_name() -> String {
    format!("{TEMPORARY}{}", env::temp_dir().display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::output::tests::{vector, written};
    use crate::output::{Format, Row, RowWriter};
    use std::io::Read;
    use std::os::fd::OwnedFd;

    const ROWS: [Row<'static>; 3] = [
        Row { index: 0, id: None, outcome: Ok(VECTOR) },
        Row { index: 1, id: None, outcome: Err("bad") },
        Row { index: 2, id: None, outcome: Ok(VECTOR) },
    ];
    const VECTOR: crate::output::Vector<'static> =
        crate::output::Vector { embedding: Numbers::Dense(&[1.0, -0.5]), tokens: Some(1), truncated: Some(false) };

    fn check(bytes: &[u8]) {
        assert_eq!(bytes.len(), 128 + 3 * 2 * 4);
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = std::str::from_utf8(&bytes[10..128]).unwrap();
        assert!(text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), } "), "{text}");
        assert!(text.ends_with(" \n"));
        let numbers: Vec<f32> = bytes[128..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!((numbers[0], numbers[1], numbers[4], numbers[5]), (1.0, -0.5, 1.0, -0.5));
        assert!(numbers[2].is_nan() && numbers[3].is_nan());
    }

    #[test]
    fn in_a_file() {
        check(&written(Format::Npy, 2, &ROWS));
    }

    #[test]
    fn through_a_pipe() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let sink = Sink::direct("stdout".into(), File::from(OwnedFd::from(writer)));
        let mut npy = Box::new(Npy::new(sink, 2).unwrap());
        for row in &ROWS {
            npy.write(row).unwrap();
            npy.flush().unwrap();
        }
        npy.finish().unwrap();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        check(&bytes);
    }

    #[test]
    fn no_rows() {
        let bytes = written(Format::Npy, 384, &[]);
        assert_eq!(bytes.len(), 128);
        assert!(String::from_utf8_lossy(&bytes).contains("'shape': (0, 384), }"));
    }

    #[test]
    fn any_shape_fits_the_head() {
        let head = head(u64::MAX, usize::MAX);
        assert_eq!(head.len(), HEAD);
        assert!(head.ends_with(b"), }\n") || head.ends_with(b" \n"));
        assert!(String::from_utf8_lossy(&head).contains(&format!("({}, {}), }}", u64::MAX, usize::MAX)));
    }

    #[test]
    fn a_row_out_of_turn_is_refused() {
        let sink = Sink::direct("x".into(), tempfile::tempfile().unwrap());
        let mut npy = Npy::new(sink, 1).unwrap();
        let row = |index| Row { index, id: None, outcome: vector(&[1.0]) };
        npy.write(&row(0)).unwrap();
        let error = npy.write(&row(2)).unwrap_err();
        assert_eq!(error.to_string(), "input 2 came where input 1 was due");
    }
}
