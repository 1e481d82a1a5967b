//! NumPy's file of one array: two dimensions of float16, float32 or float64, in C or Fortran order.
//!
//! The format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. Numbers become float32.

use std::io::{self, Read};
use std::sync::Arc;

use half::f16;

use super::super::InputError;
use super::VectorsError;
use super::limits::{MAX_NUMBERS, MAX_ROWS};
use super::set::{Builder, VectorSet, origin};
use crate::input::files::reader::Reader;

/// Longer heads are refused, as numpy does by default from 10,000 on: none of an array of numbers needs so much.
const MAX_HEAD: usize = 10_000;
/// Bytes that are read at a time; whole numbers of all sizes.
const PIECE: usize = 64 << 10;

/// Reads an array of shape (rows, dimensions). `size`: that of the whole file, where it is known before it is read.
pub(super) fn read(reader: Reader, builder: Builder<'_>, size: Option<u64>) -> Result<VectorSet, VectorsError> {
    File { reader, name: Arc::clone(&builder.set.name) }.read(size, builder)
}

struct File {
    reader: Reader,
    name: Arc<str>,
}

/// The number format of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Element {
    bytes: usize,
    big_endian: bool,
}

#[derive(Debug, PartialEq)]
struct Head {
    descr: String,
    fortran_order: bool,
    shape: Vec<u64>,
}

impl File {
    fn wrong(&self, reason: impl Into<String>, hint: Option<&'static str>) -> VectorsError {
        VectorsError::Npy { file: Arc::clone(&self.name), reason: reason.into(), hint }
    }

    fn read(mut self, size: Option<u64>, mut builder: Builder<'_>) -> Result<VectorSet, VectorsError> {
        let (text, begin) = self.head()?;
        let head = Parser { rest: &text }.head();
        let head = head.ok_or_else(|| self.wrong("the head of this .npy file is damaged", None))?;
        let element = self.element(&head.descr)?;
        let &[rows, dimensions] = &head.shape[..] else {
            let shape: Vec<String> = head.shape.iter().map(u64::to_string).collect();
            let reason = format!("its array has the shape ({}), and vectors need (rows, dimensions)", shape.join(", "));
            return Err(self.wrong(reason, Some("reshape it to two dimensions")));
        };
        if rows > 0 && dimensions == 0 {
            return Err(self.wrong("its vectors have no numbers", None));
        }
        let numbers = usize::try_from(rows).ok().zip(usize::try_from(dimensions).ok());
        let numbers = numbers.and_then(|(rows, dimensions)| rows.checked_mul(dimensions));
        // Columns one after the other make a row only when all are there.
        let streams = builder.streams() && !head.fortran_order;
        let fits = |numbers: &usize| streams || *numbers <= MAX_NUMBERS && rows <= MAX_ROWS as u64;
        let Some(numbers) = numbers.filter(fits) else {
            return Err(VectorsError::TooLarge { file: self.name });
        };
        let expected = (numbers as u64).saturating_mul(element.bytes as u64);
        if let Some(found) = size.map(|size| size.saturating_sub(begin)).filter(|&found| found != expected) {
            return Err(self.other_length(expected, &format!("{found} bytes follow")));
        }
        let (rows, dimensions) = (rows as usize, dimensions as usize);
        let mut values = Vec::new();
        if streams {
            self.pieces(expected, |piece| {
                append(piece, element, &mut values);
                let whole = values.len() - values.len() % dimensions;
                for row in values[..whole].chunks_exact(dimensions) {
                    builder.push(Some(builder.count() as u64), None, None, Some(row.iter().copied()))?;
                }
                values.drain(..whole);
                builder.settle()
            })?;
            return Ok(builder.set);
        }
        // The header's promise counts only if the size of the file agrees.
        let room = if size.is_some() { numbers } else { 0 };
        values.try_reserve_exact(room).map_err(|_| VectorsError::TooLarge { file: Arc::clone(&self.name) })?;
        self.pieces(expected, |piece| {
            append(piece, element, &mut values);
            Ok(())
        })?;
        if head.fortran_order {
            values = transposed(&values, rows, dimensions);
        }
        builder.set.numbers = values;
        builder.set.rows = (0..rows)
            .map(|row| {
                let place = Some(row * dimensions..(row + 1) * dimensions);
                super::set::VectorRow { index: Some(row as u64), id: None, text: None, place }
            })
            .collect();
        Ok(builder.set)
    }

    /// The text of the head, and the byte at which the array begins.
    fn head(&mut self) -> Result<(String, u64), VectorsError> {
        let mut start = [0; 8];
        self.exactly(&mut start)?;
        let width = match start[6] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(self.wrong(format!("it is of version {version} of the .npy format"), None)),
        };
        let mut length = [0; 4];
        self.exactly(&mut length[..width])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEAD {
            return Err(self.wrong(format!("its head claims to be {length} bytes long"), None));
        }
        let mut head = vec![0; length];
        self.exactly(&mut head)?;
        Ok((String::from_utf8_lossy(&head).into_owned(), (8 + width + length) as u64))
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), VectorsError> {
        self.reader.read_exact(bytes).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.wrong("the head of this .npy file ends too early", None),
            _ => self.failed(source),
        })
    }

    fn failed(&self, source: io::Error) -> VectorsError {
        InputError::Read { origin: origin(&self.name, 1), source }.into()
    }

    fn other_length(&self, expected: u64, found: &str) -> VectorsError {
        let reason =
            format!("its head promises an array of {expected} bytes, and {found}: it is not whole, or not one");
        self.wrong(reason, None)
    }

    fn element(&self, descr: &str) -> Result<Element, VectorsError> {
        let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
        let big_endian = match order {
            "<" => false,
            ">" => true,
            _ => cfg!(target_endian = "big"),
        };
        let bytes = match kind {
            "f2" if "<>=".contains(order) => 2,
            "f4" if "<>=".contains(order) => 4,
            "f8" if "<>=".contains(order) => 8,
            _ => {
                let (what, hint) = match descr {
                    "|O" => {
                        (" (pickled Python objects)", "numpy.stack(array).astype(\"float32\") makes numbers of them")
                    }
                    _ => ("", "array.astype(\"float32\") converts it"),
                };
                let reason =
                    format!("its array is of the dtype {descr:?}{what}, and float16, float32 or float64 is needed");
                return Err(self.wrong(reason, Some(hint)));
            }
        };
        Ok(Element { bytes, big_endian })
    }

    /// Reads exactly `bytes` bytes in pieces of whole numbers, after which the file must end.
    fn pieces(
        &mut self,
        bytes: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), VectorsError>,
    ) -> Result<(), VectorsError> {
        let mut buffer = vec![0; PIECE];
        let mut left = bytes;
        while left > 0 {
            let piece = &mut buffer[..left.min(PIECE as u64) as usize];
            let read = fill(&mut self.reader, piece).map_err(|source| self.failed(source))?;
            each(&piece[..read])?;
            left -= read as u64;
            if read < piece.len() {
                return Err(self.other_length(bytes, &format!("{} bytes follow", bytes - left)));
            }
        }
        match fill(&mut self.reader, &mut buffer[..1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.other_length(bytes, "more follow")),
            Err(source) => Err(self.failed(source)),
        }
    }
}

/// Reads until `buffer` is full or the end has come.
fn fill(reader: &mut Reader, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Bytes as numbers; a part of one at the end is left out.
fn append(bytes: &[u8], Element { bytes: size, big_endian }: Element, values: &mut Vec<f32>) {
    /// As little-endian bytes.
    fn array<const N: usize>(chunk: &[u8], big_endian: bool) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(chunk);
        if big_endian {
            bytes.reverse();
        }
        bytes
    }
    let chunks = bytes.chunks_exact(size);
    match size {
        2 => values.extend(chunks.map(|chunk| f16::from_le_bytes(array(chunk, big_endian)).to_f32())),
        4 => values.extend(chunks.map(|chunk| f32::from_le_bytes(array(chunk, big_endian)))),
        _ => values.extend(chunks.map(|chunk| f64::from_le_bytes(array(chunk, big_endian)) as f32)),
    }
}

/// Columns one after the other → rows one after the other.
fn transposed(columns: &[f32], rows: usize, dimensions: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(columns.len());
    for row in 0..rows {
        values.extend((0..dimensions).map(|column| columns[column * rows + row]));
    }
    values
}

/// Reads the dictionary of a head, which is a literal of Python: `{'descr': '<f4', 'fortran_order': False, 'shape':
/// (3, 2), }`.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn head(mut self) -> Option<Head> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.eat('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return None,
            }
            if !self.eat(',') {
                self.expect('}')?;
                break;
            }
        }
        self.rest.trim().is_empty().then_some(())?;
        Some(Head { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.eat(wanted).then_some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = if self.eat('\'') { '\'' } else { self.expect('"').map(|()| '"')? };
        let (text, rest) = self.rest.split_once(quote)?;
        self.rest = rest;
        (!text.contains('\\')).then_some(text)
    }

    /// A dtype; of records, which are a list, the list as it is.
    fn descr(&mut self) -> Option<String> {
        if !self.rest.trim_start().starts_with('[') {
            return self.string().map(str::to_owned);
        }
        let end = self.rest.find(']')?;
        let (list, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        Some(list.trim_start().to_owned())
    }

    fn boolean(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let (value, rest) = match rest.strip_prefix("True") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix("False")?),
        };
        self.rest = rest;
        Some(value)
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        let mut numbers = Vec::new();
        self.expect('(')?;
        while !self.eat(')') {
            self.rest = self.rest.trim_start();
            let end = self.rest.find(|c: char| !c.is_ascii_digit())?;
            let (digits, rest) = self.rest.split_at(end);
            numbers.push(digits.parse().ok()?);
            // Python 2 wrote `3L`.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(head: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((head.len() as u16).to_le_bytes());
        bytes.extend(head.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn head(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}   \n")
    }

    /// As a file of a known size, and as a pipe.
    fn both(bytes: &[u8]) -> [Result<VectorSet, VectorsError>; 2] {
        [Some(bytes.len() as u64), None].map(|size| {
            let reader = Box::new(io::BufReader::with_capacity(7, io::Cursor::new(bytes.to_vec())));
            read(reader, Builder::new("a.npy".into()), size)
        })
    }

    #[track_caller]
    fn numbers(bytes: &[u8]) -> Vec<f32> {
        let [file, pipe] = both(bytes).map(Result::unwrap);
        assert_eq!(file, pipe);
        assert_eq!(file.rows.len(), 2);
        assert_eq!((file.rows[1].index, file.rows[1].place.clone()), (Some(1), Some(3..6)));
        file.numbers
    }

    #[track_caller]
    fn message(bytes: &[u8]) -> String {
        let [file, pipe] = both(bytes).map(|result| result.unwrap_err().to_string());
        assert!(file.starts_with("a.npy: ") && pipe.starts_with("a.npy: "), "{file} {pipe}");
        file
    }

    const SIX: [f32; 6] = [1.0, -0.5, 0.25, 4.0, 0.0, 1024.0];

    fn four(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    #[test]
    fn all_widths_and_orders() {
        let data = |bytes: &dyn Fn(f32) -> Vec<u8>| SIX.iter().flat_map(|&x| bytes(x)).collect::<Vec<_>>();
        for (descr, data) in [
            ("<f4", four(&SIX)),
            (">f4", data(&|x| x.to_be_bytes().to_vec())),
            ("<f8", data(&|x| f64::from(x).to_le_bytes().to_vec())),
            (">f8", data(&|x| f64::from(x).to_be_bytes().to_vec())),
            ("<f2", data(&|x| f16::from_f32(x).to_le_bytes().to_vec())),
            (">f2", data(&|x| f16::from_f32(x).to_be_bytes().to_vec())),
        ] {
            assert_eq!(numbers(&file(&head(descr, "False", "(2, 3)"), &data)), SIX, "{descr}");
        }
        // Columns first.
        let columns = four(&[1.0, 4.0, -0.5, 0.0, 0.25, 1024.0]);
        assert_eq!(numbers(&file(&head("<f4", "True", "(2, 3)"), &columns)), SIX);
    }

    #[test]
    fn heads_of_other_writers() {
        for head in [
            "{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":False}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L)}\n",
            "  { 'fortran_order' :False , 'shape' : ( 2 , 3 , ) , 'descr' : '<f4' , }  ",
        ] {
            assert_eq!(numbers(&file(head, &four(&SIX))), SIX, "{head}");
        }
        let mut second = file(&head("<f4", "False", "(2, 3)"), &four(&SIX));
        second[6] = 2;
        second.splice(10..10, [0, 0]);
        assert_eq!(numbers(&second), SIX);
    }

    #[test]
    fn cut_off_npy_and_wrong_sizes_are_errors() {
        let whole = file(&head("<f4", "False", "(2, 3)"), &four(&SIX));
        for end in 8..whole.len() {
            for result in both(&whole[..end]) {
                let error = result.unwrap_err().to_string();
                assert!(error.contains("too early") || error.contains("head promises"), "{end}: {error}");
            }
        }
        assert!(message(&[&whole[..], b"x"].concat()).contains("promises an array of 24 bytes, and 25 bytes follow"));
        // Neither much memory nor much time is spent on promises.
        for shape in ["(1000000, 4000)", "(200000000, 4)"] {
            assert!(message(&file(&head("<f4", "False", shape), &four(&SIX))).contains("head promises"), "{shape}");
        }
        for shape in ["(18446744073709551615, 18446744073709551615)", "(4294967296, 4294967296)", "(4294967297, 1)"] {
            let error = message(&file(&head("<f4", "False", shape), b""));
            assert!(error.ends_with("holds more than 4294967296 numbers"), "{error}");
        }
        let mut long = whole.clone();
        long[8..10].copy_from_slice(&u16::MAX.to_le_bytes());
        assert!(message(&long).ends_with("its head claims to be 65535 bytes long"));
        let mut other = whole;
        other[6] = 9;
        assert!(message(&other).ends_with("it is of version 9 of the .npy format"));
    }

    #[test]
    fn other_arrays_are_refused() {
        for (descr, shape, expected) in [
            ("|O", "(2, 3)", "dtype \"|O\" (pickled Python objects), and float16"),
            ("<i8", "(2, 3)", "dtype \"<i8\", and float16"),
            ("|i1", "(2, 3)", "dtype \"|i1\", and"),
            ("|V2", "(2, 3)", "dtype \"|V2\", and"),
            ("", "(2, 3)", "dtype \"\", and"),
            ("é", "(2, 3)", "dtype \"é\", and"),
            ("xf4", "(2, 3)", "the dtype \"xf4\""),
            ("|f4", "(2, 3)", "the dtype \"|f4\""),
            ("<f4", "(6,)", "the shape (6), and vectors need (rows, dimensions)"),
            ("<f4", "(1, 2, 3)", "the shape (1, 2, 3), and"),
            ("<f4", "()", "the shape (), and"),
            ("<f4", "(2, 0)", "no numbers"),
        ] {
            let found = message(&file(&head(descr, "False", shape), &four(&SIX)));
            assert!(found.contains(expected), "{found}");
        }
        let records = "{'descr': [('x', '<f4'), ('y', '<f4')], 'fortran_order': False, 'shape': (3, 1)}";
        assert!(message(&file(records, &four(&SIX))).contains("of the dtype \"[('x', '<f4')"));
    }

    #[test]
    fn damaged_heads() {
        for head in [
            "",
            "{",
            "{}",
            "{'descr': '<f4'}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 99999999999999999999)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
            "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3)}",
            "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (2, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} and more",
            "\u{fffd}\u{fffd}",
        ] {
            assert!(message(&file(head, &four(&SIX))).ends_with("the head of this .npy file is damaged"), "{head}");
        }
    }
}
