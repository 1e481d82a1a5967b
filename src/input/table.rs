//! Rows of a CSV or TSV file, cut by csv-core into buffers of ours.
//!
//! The csv crate above csv-core collects a row of any length, and one forgotten quote makes the
//! rest of a file one row. Here a row over the limit is skipped without being held.

use std::io;

use super::files::reader::{Reader, without_bom};
use super::lines::KEEP;

/// Maximum number of columns; it bounds the memory for a file of separators.
pub(super) const MAX_COLUMNS: usize = 1 << 16;

/// Cuts a stream into rows of fields; quoted fields may span lines. Blank lines are no rows.
pub(super) struct Table {
    /// `None` after the end.
    reader: Option<Reader>,
    core: csv_core::Reader,
    max: usize,
    /// The line reading has come to.
    line: u64,
    begun: bool,
    fields: Vec<u8>,
    ends: Vec<usize>,
    /// Number of `ends` that belong to the current row.
    kept: usize,
}

/// A row without its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowInfo {
    /// The line it begins on.
    pub line: u64,
    /// Number of its fields, kept or not.
    pub columns: usize,
    /// True if the row is over the limit; then it has no fields.
    pub too_long: bool,
}

impl Table {
    pub fn new(reader: Reader, delimiter: u8, max: usize) -> Self {
        Self {
            reader: Some(reader),
            core: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            max,
            line: 1,
            begun: false,
            fields: vec![0; 4096],
            ends: vec![0; 32],
            kept: 0,
        }
    }

    /// The line reading has come to.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The fields of the current row, without quotes.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.kept).map(|i| self.field(i))
    }

    /// One field of the current row; empty if it is missing.
    pub fn field(&self, column: usize) -> &[u8] {
        if column >= self.kept {
            return &[];
        }
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        self.fields.get(start..self.ends[column]).unwrap_or_default()
    }

    /// Moves on to the next row; `None` at the end, and after an error.
    pub fn advance(&mut self) -> io::Result<Option<RowInfo>> {
        let result = self.read();
        if !matches!(result, Ok(Some(_))) {
            self.reader = None;
            self.kept = 0;
        }
        result
    }

    fn read(&mut self) -> io::Result<Option<RowInfo>> {
        if !self.begun {
            self.begun = true;
            if let Some(reader) = self.reader.take() {
                self.reader = Some(without_bom(reader)?);
            }
        }
        let Some(reader) = &mut self.reader else { return Ok(None) };
        if self.fields.len() > KEEP {
            self.fields.truncate(KEEP);
            self.fields.shrink_to_fit();
        }
        // Blank lines go first, so that the row's line is its own. csv-core skips them likewise.
        loop {
            let input = reader.fill_buf()?;
            let blank = input.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            let more = blank > 0 && blank == input.len();
            self.line += newlines(&input[..blank]);
            reader.consume(blank);
            if !more {
                break;
            }
        }
        let mut row = RowInfo { line: self.line, columns: 0, too_long: false };
        let mut filled = 0;
        self.kept = 0;
        loop {
            let input = reader.fill_buf()?;
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.fields[filled..], &mut self.ends[self.kept..]);
            self.line += newlines(&input[..read]);
            reader.consume(read);
            filled += written;
            self.kept += ended;
            row.columns += ended;
            match result {
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::OutputFull if row.too_long || filled > self.max => {
                    row.too_long = true;
                    filled = 0;
                }
                csv_core::ReadRecordResult::OutputFull => {
                    let size = (self.fields.len() * 2).min(self.max.saturating_add(1)).max(filled + 1);
                    self.fields.resize(size, 0);
                }
                csv_core::ReadRecordResult::OutputEndsFull if self.ends.len() <= MAX_COLUMNS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                // More fields than any header has: they are counted, and the row is unusable.
                csv_core::ReadRecordResult::OutputEndsFull => self.kept = 0,
                csv_core::ReadRecordResult::Record => break,
                csv_core::ReadRecordResult::End => return Ok(None),
            }
        }
        row.too_long |= filled > self.max;
        if row.too_long || row.columns > MAX_COLUMNS {
            self.kept = 0;
        }
        Ok(Some(row))
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|b| **b == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{BufReader, Read};

    fn rows(bytes: &'static [u8], chunk: usize, max: usize) -> Vec<String> {
        let reader = BufReader::with_capacity(chunk, bytes);
        let mut table = Table::new(Box::new(reader), b',', max);
        let mut out = Vec::new();
        while let Some(row) = table.advance().unwrap() {
            let fields: Vec<_> = table.fields().map(|f| String::from_utf8_lossy(f).into_owned()).collect();
            out.push(match row.too_long {
                true => format!("{}!{}", row.line, fields.len()),
                false => format!("{}:{}:{}", row.line, row.columns, fields.join("|")),
            });
        }
        assert_eq!(table.advance().unwrap(), None);
        out
    }

    #[test]
    fn rows_and_their_first_lines_whatever_the_chunks() {
        let bytes = b"\xef\xbb\xbfa,b\r\n\r\n\n\"x\r\ny\",\"q\"\"q\"\r\n\r\nlast,\n\"\"\nend,1";
        for chunk in [1, 2, 3, 5, 7, 1000] {
            let expected = ["1:2:a|b", "4:2:x\r\ny|q\"q", "7:2:last|", "8:1:", "9:2:end|1"];
            assert_eq!(rows(bytes, chunk, 100), expected, "{chunk}");
        }
    }

    #[test]
    fn nothing_but_blank_lines_is_nothing() {
        assert!(rows(b"", 10, 100).is_empty());
        assert!(rows(b"\n\r\n\n", 2, 100).is_empty());
    }

    #[test]
    fn a_row_over_the_limit_is_skipped() {
        for chunk in [1, 3, 1000] {
            assert_eq!(
                rows(b"ab,cd\nab,cde\n\"a\n,bcdefgh\",y\nok,1\nxxxxx", chunk, 4),
                ["1:2:ab|cd", "2!0", "3!0", "5:2:ok|1", "6!0"],
                "{chunk}"
            );
        }
    }

    #[test]
    fn what_is_too_long_is_not_held() {
        let bytes = b"a\n\"".chain(io::repeat(b',').take(20 << 20)).chain(&b"\"\nb\n"[..]);
        let mut table = Table::new(Box::new(BufReader::new(bytes)), b',', 100_000);
        assert!(!table.advance().unwrap().unwrap().too_long);
        assert!(table.advance().unwrap().unwrap().too_long);
        assert!(table.fields.capacity() <= 200_000, "{}", table.fields.capacity());
        assert_eq!(table.advance().unwrap().unwrap().line, 3);
        assert_eq!(table.field(0), b"b");
    }

    #[test]
    fn too_many_columns_are_counted_and_not_held() {
        let bytes = io::repeat(b',').take(1 << 20).chain(&b"\nb\n"[..]);
        let mut table = Table::new(Box::new(BufReader::new(bytes)), b',', 100);
        assert_eq!(table.advance().unwrap().unwrap().columns, (1 << 20) + 1);
        assert_eq!(table.fields().count(), 0);
        assert!(table.ends.len() <= 4 * MAX_COLUMNS);
        assert_eq!(table.advance().unwrap().unwrap().columns, 1);
        assert_eq!(table.field(0), b"b");
    }
}
