//! Rows of a CSV or TSV file, cut by csv-core into buffers of ours.
//!
//! The csv crate above csv-core collects a row of any length, and one forgotten quote makes the
//! rest of a file one row. Here a row over the limit is skipped without being held.

use std::io;

use super::error::Problem;
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
    /// The line it ends on; later than `line` where quoted fields hold line breaks.
    pub last_line: u64,
    /// The line on which a quote opens that the end of the file does not close.
    pub open_quote: Option<u64>,
}

impl RowInfo {
    /// The error of the row itself: a quote without an end, too many bytes, or not `expected` fields.
    pub(crate) fn problem(&self, expected: usize, max: usize) -> Option<(u64, Problem)> {
        let Self { line, columns: found, too_long, last_line, open_quote } = *self;
        match open_quote {
            // The row took in every later line of the file.
            Some(opened) => Some((opened, Problem::OpenQuote { lines: (opened, last_line) })),
            None if too_long => Some((line, Problem::TooLong { limit: max })),
            None if found != expected => {
                let lines = (last_line > line).then_some((line, last_line));
                Some((line, Problem::Ragged { found, expected, lines }))
            }
            None => None,
        }
    }
}

impl Table {
    pub(crate) fn new(reader: Reader, delimiter: u8, max: usize) -> Self {
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
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The fields of the current row, without quotes.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.kept).map(|i| self.field(i))
    }

    /// One field of the current row; empty if it is missing.
    pub(crate) fn field(&self, column: usize) -> &[u8] {
        if column >= self.kept {
            return &[];
        }
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        self.fields.get(start..self.ends[column]).unwrap_or_default()
    }

    /// Moves on to the next row; `None` at the end, and after an error.
    pub(crate) fn advance(&mut self) -> io::Result<Option<RowInfo>> {
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
        let line = self.line;
        let mut row = RowInfo { line, columns: 0, too_long: false, last_line: line, open_quote: None };
        // Bytes of the row so far, those given up included, and line breaks in its last field.
        let (mut filled, mut written_before, mut breaks, mut last_byte) = (0, 0, 0, 0);
        let mut probed = false;
        self.kept = 0;
        loop {
            let input = reader.fill_buf()?;
            let is_end = input.is_empty();
            // A line break ends the last row as the end of the file does; only to a quoted field it is one more byte.
            let input = if is_end && !probed { b"\n" } else { input };
            let (result, read, written, ended) =
                self.core.read_record(input, &mut self.fields[filled..], &mut self.ends[self.kept..]);
            let mut lines = 0;
            if is_end {
                probed |= read > 0;
                if written > 0 {
                    row.open_quote = Some(self.line - breaks);
                }
            } else {
                lines = newlines(&input[..read]);
                last_byte = input[..read].last().copied().unwrap_or(last_byte);
                reader.consume(read);
            }
            self.line += lines;
            if lines > 0 || ended > 0 {
                // The ends count from the row's first byte.
                let last_end = if ended > 0 { self.ends[self.kept + ended - 1] - written_before } else { 0 };
                let last_field = &self.fields[filled..filled + written][last_end.min(written)..];
                breaks = newlines(last_field) + if ended > 0 { 0 } else { breaks };
            }
            written_before += written;
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
        row.last_line = self.line - u64::from(last_byte == b'\n');
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
    fn a_quote_that_is_never_closed_is_found_where_it_opens() {
        let open = |text: &'static [u8], chunk: usize, max: usize| {
            let mut table = Table::new(Box::new(BufReader::with_capacity(chunk, text)), b',', max);
            let mut last = None;
            while let Some(row) = table.advance().unwrap() {
                assert!(last.replace(row).is_none_or(|row| row.open_quote.is_none()));
            }
            last.and_then(|row| Some((row.open_quote?, row.last_line)))
        };
        for chunk in [1, 2, 3, 5, 1000] {
            for (text, found) in [
                (&b"text\n\"unclosed\nrow 1\nrow 2\n"[..], Some((2, 4))),
                (b"a,b\n\"x\ny\",\"open\nz", Some((3, 4))),
                (b"a,b\n\"x\ny\",z,\"", Some((3, 3))),
                (b"a\n\"doubled \"\"\n\n", Some((2, 3))),
                (b"\"header\na\n", Some((1, 2))),
                (b"a\n\"closed\"", None),
                (b"a\n\"\"", None),
                (b"a\n\"x\ny\"\r\n\r\n", None),
                (b"a\n5\" disk\n", None),
                (b"a\n", None),
                (b"", None),
            ] {
                let shown = String::from_utf8_lossy(text);
                assert_eq!(open(text, chunk, 100), found, "{shown:?} in chunks of {chunk}");
                // Of a row that is too long nothing is held, but its quote is found all the same.
                assert_eq!(open(text, chunk, 3), found, "{shown:?} in chunks of {chunk}");
            }
        }
    }

    #[test]
    fn a_row_knows_its_last_line() {
        let mut table = Table::new(Box::new(&b"a,b\r\n\"x\ny\nz\"\r\nlast"[..]), b',', 100);
        let mut lines = Vec::new();
        while let Some(row) = table.advance().unwrap() {
            lines.push((row.line, row.last_line));
        }
        assert_eq!(lines, [(1, 1), (2, 4), (5, 5)]);
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
    fn rows_over_the_limit_are_skipped() {
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
