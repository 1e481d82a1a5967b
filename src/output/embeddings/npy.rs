//! NumPy's file of one array: C order, a row an input; a row that failed is all NaN, or all 0 in whole numbers.
//!
//! The head names the number of rows, which is known only at the end. In a file a head of fixed size
//! is filled in then. Before a pipe, the rows wait in a temporary file without a name.

use std::fs::File;

use super::encoding::Encoding;
use super::row::check_dimensions;
use crate::output::file::sink::Sink;
use crate::output::file::spool::Spool;
use crate::output::{Numbers, OutputError, Row, RowWriter, Shape, Vector};

/// The bytes before the array: any number of rows and dimensions fits, and data stay aligned.
pub(super) const HEAD: usize = 128;

/// Writes an array of shape (rows, dimensions).
pub(crate) struct Npy {
    /// The output.
    sink: Sink,
    /// The temporary file of rows, if the output cannot be rewritten.
    spool: Option<Spool>,
    rows: u64,
    dimensions: usize,
    encoding: Encoding,
}

impl Npy {
    /// `rows`: those that the sink holds already.
    pub(crate) fn new(mut sink: Sink, dimensions: usize, encoding: Encoding, rows: u64) -> Result<Self, OutputError> {
        let spool = if sink.can_rewrite() { None } else { Some(Spool::new()?) };
        if spool.is_none() && rows == 0 {
            sink.buffer().extend_from_slice(&head(encoding.descr(), "0, 0"));
        }
        Ok(Self { sink, spool, rows, dimensions, encoding })
    }

    fn body(&mut self) -> &mut Sink {
        match &mut self.spool {
            Some(spool) => &mut spool.sink,
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
        let Self { sink, spool, dimensions, encoding, .. } = self;
        let out = spool.as_mut().map_or(sink, |spool| &mut spool.sink).buffer();
        match row.outcome {
            Ok(Vector { embedding: Numbers::Dense(numbers), .. }) => encoding.append(row.index, numbers, out)?,
            _ => encoding.append_missing(*dimensions, out),
        }
        self.body().settle()
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.body().flush()
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        let shape = format!("{}, {}", self.rows, self.encoding.length(self.dimensions));
        let head = head(self.encoding.descr(), &shape);
        match self.spool {
            None => self.sink.rewrite_start(&head)?,
            Some(spool) => {
                let mut file: File = spool.read()?;
                self.sink.buffer().extend_from_slice(&head);
                self.sink.copy(&mut file)?;
            }
        }
        self.sink.finish()
    }
}

/// Format version 1.0: magic, version, length of the text, text padded with spaces to a newline.
pub(super) fn head(descr: &str, shape: &str) -> Vec<u8> {
    let comma = if shape.contains(',') { "" } else { "," };
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}{comma}), }}");
    let length = HEAD - 10;
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(b"\x93NUMPY\x01\x00");
    head.extend_from_slice(&(length as u16).to_le_bytes());
    head.extend_from_slice(text.as_bytes());
    head.resize(HEAD - 1, b' ');
    head.push(b'\n');
    head
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
        Row { index: 0, id: None, kept: &[], outcome: Ok(VECTOR) },
        Row { index: 1, id: None, kept: &[], outcome: Err("bad") },
        Row { index: 2, id: None, kept: &[], outcome: Ok(VECTOR) },
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
        let mut npy = Box::new(Npy::new(sink, 2, Encoding::default(), 0).unwrap());
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
        let head = head("<f4", &format!("{}, {}", u64::MAX, usize::MAX));
        assert_eq!(head.len(), HEAD);
        assert!(head.ends_with(b"), }\n") || head.ends_with(b" \n"));
        assert!(String::from_utf8_lossy(&head).contains(&format!("({}, {}), }}", u64::MAX, usize::MAX)));
    }

    #[test]
    fn a_row_out_of_turn_is_refused() {
        let sink = Sink::direct("x".into(), tempfile::tempfile().unwrap());
        let mut npy = Npy::new(sink, 1, Encoding::default(), 0).unwrap();
        let row = |index| Row { index, id: None, kept: &[], outcome: vector(&[1.0]) };
        npy.write(&row(0)).unwrap();
        let error = npy.write(&row(2)).unwrap_err();
        assert_eq!(error.to_string(), "input 2 came where input 1 was due");
    }
}
