//! Records that end with one byte: lines, and texts that end with NUL.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use super::error::Problem;
use super::files::reader::{Reader, without_bom};
use super::origin::Origin;
use super::{InputError, Record, RecordError};

/// Bytes a buffer may keep between records; a giant record must not stay in memory for good.
pub(super) const KEEP: usize = 1 << 20;

/// Cuts a stream at every `separator`, holding at most one piece of at most `max` bytes.
pub(super) struct Splitter {
    reader: Option<Reader>,
    separator: u8,
    max: usize,
    name: Arc<str>,
    /// The line the next piece begins on.
    line: u64,
    buffer: Vec<u8>,
    begun: bool,
}

/// The bytes between two separators.
pub(super) enum Piece<'a> {
    /// All of it, without the separator.
    Whole(&'a [u8]),
    /// More bytes than this limit, skipped over.
    TooLong(usize),
}

impl Splitter {
    pub(crate) fn new(reader: Reader, separator: u8, max: usize, name: Arc<str>) -> Self {
        Self { reader: Some(reader), separator, max, name, line: 1, buffer: Vec::new(), begun: false }
    }

    /// The next piece and its origin; `None` at the end, and after an error.
    pub(crate) fn next(&mut self) -> Option<Result<(Origin, Piece<'_>), InputError>> {
        let origin = Origin { file: self.name.clone(), line: self.line };
        match self.read() {
            Ok(None) => None,
            Ok(Some(true)) => {
                let end = content_length(&self.buffer, self.separator);
                Some(Ok((origin, Piece::Whole(&self.buffer[..end]))))
            }
            Ok(Some(false)) => Some(Ok((origin, Piece::TooLong(self.max)))),
            Err(source) => {
                self.reader = None;
                Some(Err(InputError::Read { origin, source }))
            }
        }
    }

    /// Reads one piece into the buffer: `None` at the end, `false` if it is too long.
    fn read(&mut self) -> io::Result<Option<bool>> {
        if !self.begun {
            self.begun = true;
            if let Some(reader) = self.reader.take() {
                self.reader = Some(without_bom(reader)?);
            }
        }
        let Some(reader) = &mut self.reader else { return Ok(None) };
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
        // Room for the longest content and "\r\n": a line that fills it all is too long.
        let limit = self.max.saturating_add(2) as u64;
        if reader.by_ref().take(limit).read_until(self.separator, &mut self.buffer)? == 0 {
            return Ok(None);
        }
        self.line += newlines(&self.buffer, self.separator);
        let whole = content_length(&self.buffer, self.separator) <= self.max;
        let mut ended = (self.buffer.len() as u64) < limit || self.buffer.last() == Some(&self.separator);
        while !ended {
            // The rest goes by in chunks, each forgotten at once.
            self.buffer.clear();
            let read = reader.by_ref().take(KEEP as u64).read_until(self.separator, &mut self.buffer)?;
            self.line += newlines(&self.buffer, self.separator);
            ended = read < KEEP || self.buffer.last() == Some(&self.separator);
        }
        Ok(Some(whole))
    }
}

/// Appends the next line, or what of it fits into `max` bytes; whether there may be more to read.
pub(super) fn read_line(reader: &mut Reader, max: usize, line: &mut Vec<u8>) -> io::Result<bool> {
    let read = reader.by_ref().take(max as u64).read_until(b'\n', line)?;
    Ok(read > 0 && line.last() == Some(&b'\n'))
}

/// The length of `piece` without its separator, and for lines without a carriage return before it.
fn content_length(piece: &[u8], separator: u8) -> usize {
    match piece {
        [head @ .., b'\r', b'\n'] if separator == b'\n' => head.len(),
        [head @ .., last] if *last == separator => head.len(),
        _ => piece.len(),
    }
}

fn newlines(piece: &[u8], separator: u8) -> u64 {
    match separator {
        b'\n' => u64::from(piece.last() == Some(&b'\n')),
        _ => piece.iter().filter(|b| **b == b'\n').count() as u64,
    }
}

/// `bytes` as text, or an error that names the first byte that is not UTF-8.
pub(super) fn utf8<'a>(bytes: &'a [u8], origin: &Origin) -> Result<&'a str, RecordError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (before, rest) = bytes.split_at(error.valid_up_to());
        // A record may span lines: the message names the line of the byte, not of the record.
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let line = origin.line + newlines(before, 0);
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
        let byte = rest.first().copied().unwrap_or_default();
        RecordError::new(&Origin { file: origin.file.clone(), line }, Problem::Utf8 { byte, column })
    })
}

/// Every piece is a text.
pub(super) struct Lines(pub Splitter);

impl Iterator for Lines {
    type Item = Result<Record, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|(origin, piece)| {
            let content = match piece {
                Piece::Whole(bytes) => utf8(bytes, &origin).map(|text| text.to_owned().into()),
                Piece::TooLong(limit) => Err(RecordError::new(&origin, Problem::TooLong { limit })),
            };
            Record { id: None, content, kept: Vec::new(), origin }
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::input::Text;

    /// Each record as `line:text` or `line!error`.
    fn read(bytes: &'static [u8], separator: u8, max: usize) -> Vec<String> {
        Lines(Splitter::new(Box::new(bytes), separator, max, "f".into()))
            .map(|record| {
                let record = record.unwrap();
                match record.content {
                    Ok(Text { text, .. }) => format!("{}:{text}", record.origin.line),
                    Err(error) => format!("{}!{error}", record.origin.line),
                }
            })
            .collect()
    }

    #[test]
    fn lines_end_in_lf_or_crlf_or_with_the_file() {
        assert_eq!(read(b"a\nb\r\nc", b'\n', 100), ["1:a", "2:b", "3:c"]);
        assert_eq!(read(b"a\n", b'\n', 100), ["1:a"]);
        assert_eq!(read(b"a\rb\r", b'\n', 100), ["1:a\rb\r"]);
    }

    #[test]
    fn empty_lines_count_and_empty_files_do_not() {
        assert_eq!(read(b"\n\r\n\nx\n", b'\n', 100), ["1:", "2:", "3:", "4:x"]);
        assert!(read(b"", b'\n', 100).is_empty());
        assert!(read(b"\xef\xbb\xbf", b'\n', 100).is_empty());
        assert!(read(b"", 0, 100).is_empty());
    }

    #[test]
    fn a_bom_is_stripped_once_and_only_at_the_start() {
        assert_eq!(read(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", b'\n', 100), ["1:a", "2:\u{feff}b"]);
    }

    #[test]
    fn bad_utf8_is_one_records_trouble() {
        assert_eq!(read("a\nü".as_bytes(), b'\n', 100)[1], "2:ü");
        assert_eq!(
            read(b"a\nb\n\xc3\xbcbcd\xffe\nd", b'\n', 100),
            ["1:a", "2:b", "3!f:3: invalid UTF-8 (byte 0xff at column 5)", "4:d"]
        );
        // A character cut off by the end of the line.
        assert_eq!(read(b"a\xc3\nb", b'\n', 100)[0], "1!f:1: invalid UTF-8 (byte 0xc3 at column 2)");
    }

    #[test]
    fn nul_separates_texts_with_newlines() {
        assert_eq!(read(b"a\nb\r\n\0\0c\0", 0, 100), ["1:a\nb\r\n", "3:", "3:c"]);
        assert_eq!(read(b"a\0b", 0, 100), ["1:a", "1:b"]);
        assert_eq!(read(b"x\0a\nb\xff\0", 0, 100)[1], "1!f:2: invalid UTF-8 (byte 0xff at column 2)");
    }

    #[test]
    fn the_limit_is_on_the_content() {
        assert_eq!(read(b"abcd\nabcd\r\nabcd", b'\n', 4), ["1:abcd", "2:abcd", "3:abcd"]);
        let long = "1!f:1: the record is longer than 4 bytes";
        for text in [&b"abcde\nx"[..], b"abcdef\nx", b"abcdefg\nx", b"abcdefghijklmnop\r\nx", b"abcde\r\nx"] {
            assert_eq!(read(text, b'\n', 4), [long, "2:x"], "{text:?}");
        }
        for text in [&b"abcde"[..], b"abcdef", b"abcdefg"] {
            assert_eq!(read(text, b'\n', 4), [long], "{text:?}");
        }
        assert_eq!(read(b"ab\ncdefg\nhij\0x", 0, 4), [long, "3:x"]);
    }

    #[test]
    fn lines_over_the_limit_are_skipped() {
        let reader = io::repeat(b'a').take(50 << 20).chain(&b"\nb\n"[..]);
        let reader = Box::new(io::BufReader::new(reader));
        let mut lines = Lines(Splitter::new(reader, b'\n', 1000, "f".into()));
        assert!(lines.next().unwrap().unwrap().content.is_err());
        assert!(lines.0.buffer.capacity() <= 2 * KEEP, "{}", lines.0.buffer.capacity());
        assert_eq!(lines.next().unwrap().unwrap().content.unwrap().text, "b");
        assert!(lines.next().is_none());
    }
}
