//! JSON that is not one value a line: an array of records, or consecutive values that span lines.
//!
//! The file is cut into values without being parsed as a whole: one value is held at a time, at most as long as any
//! other record may be. A value that is malformed inside is the error of that record alone; if the structure around
//! values is broken, the rest of the file cannot be read, and the last record is the error.

use std::io::{self, BufRead};
use std::sync::Arc;

use super::error::Problem;
use super::fields::Parsed;
use super::files::reader::{Reader, without_bom};
use super::lines::KEEP;
use super::origin::Origin;
use super::{InputError, Record, RecordError};

/// Cuts a stream into JSON values.
struct Values {
    reader: Option<Reader>,
    name: Arc<str>,
    max: usize,
    /// The line reading has come to.
    line: u64,
    buffer: Vec<u8>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first value.
    Start,
    /// In an array, before its first value.
    First,
    /// In an array, after a value.
    Next,
    /// After the array.
    After,
    /// Between values that are in no array.
    Loose,
    /// The rest cannot be read.
    End,
}

/// A piece of the file.
enum Found {
    /// A value is in the buffer.
    Whole,
    /// A value was longer than the limit, and is skipped over.
    TooLong,
    /// The structure around values is broken.
    Broken(&'static str),
}

impl Values {
    /// The next value and the line it begins on.
    fn next(&mut self) -> io::Result<Option<(u64, Found)>> {
        if self.place == Place::Start
            && let Some(reader) = self.reader.take()
        {
            self.reader = Some(without_bom(reader)?);
        }
        loop {
            let next = self.skip_white_space()?;
            let line = self.line;
            let broken = |reason| Ok(Some((line, Found::Broken(reason))));
            match (self.place, next) {
                (Place::End, _) | (Place::Start | Place::After | Place::Loose, None) => return Ok(None),
                (Place::First | Place::Next, None) => {
                    self.place = Place::End;
                    return broken("the array has no end");
                }
                (Place::Start, Some(b'[')) => {
                    self.consume(1);
                    self.place = Place::First;
                }
                (Place::First | Place::Next, Some(b']')) => {
                    self.consume(1);
                    self.place = Place::After;
                }
                (Place::After, Some(_)) => {
                    self.place = Place::End;
                    return broken("there is more after the end of the array");
                }
                (Place::Next, Some(b',')) => {
                    self.consume(1);
                    self.skip_white_space()?;
                    let line = self.line;
                    return Ok(Some((line, self.value()?)));
                }
                (Place::Next, Some(_)) => {
                    self.place = Place::End;
                    return broken("a comma is missing between two values of the array");
                }
                (Place::Start | Place::First | Place::Loose, Some(_)) => {
                    self.place = if self.place == Place::First { Place::Next } else { Place::Loose };
                    return Ok(Some((line, self.value()?)));
                }
            }
        }
    }

    /// Reads one value into the buffer.
    fn value(&mut self) -> io::Result<Found> {
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
        let (mut depth, mut in_string, mut escaped) = (0u64, false, false);
        let (mut too_long, mut length) = (false, 0usize);
        while let Some(reader) = &mut self.reader {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            let (mut taken, mut ended) = (0, false);
            for &byte in bytes {
                let inside = in_string || depth > 0;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    _ if in_string => {}
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if inside => depth -= 1,
                    b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' if !inside => {
                        ended = true;
                        break;
                    }
                    _ => {}
                }
                taken += 1;
                // A string or an object is over with its last byte: the next need not be waited for.
                if !in_string && depth == 0 && matches!(byte, b'"' | b'}' | b']') {
                    ended = true;
                    break;
                }
            }
            let piece = &bytes[..taken];
            length = length.saturating_add(taken);
            too_long |= length > self.max;
            if too_long {
                self.buffer.clear();
            } else {
                self.buffer.extend_from_slice(piece);
            }
            self.line += piece.iter().filter(|&&byte| byte == b'\n').count() as u64;
            reader.consume(taken);
            if ended {
                break;
            }
        }
        Ok(match length {
            0 => {
                self.place = Place::End;
                Found::Broken("a value is missing")
            }
            _ if too_long => Found::TooLong,
            _ => Found::Whole,
        })
    }

    /// The next byte that is no white space; it is not taken.
    fn skip_white_space(&mut self) -> io::Result<Option<u8>> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let white = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
            self.line += bytes[..white].iter().filter(|&&byte| byte == b'\n').count() as u64;
            let next = bytes.get(white).copied();
            reader.consume(white);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        if let Some(reader) = &mut self.reader {
            reader.consume(bytes);
        }
    }
}

/// Every value is a record, which `parse` reads.
pub(super) struct JsonValues<P> {
    values: Values,
    parse: P,
}

impl<P> JsonValues<P> {
    /// The values in `reader`, each of at most `max` bytes.
    pub(crate) fn new(reader: Reader, max: usize, name: Arc<str>, parse: P) -> Self {
        let values = Values { reader: Some(reader), name, max, line: 1, buffer: Vec::new(), place: Place::Start };
        Self { values, parse }
    }
}

impl<T, P: Fn(&[u8], &Origin) -> Parsed<T>> Iterator for JsonValues<P> {
    type Item = Result<Record<T>, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.values.next();
        let origin = |line| Origin { file: self.values.name.clone(), line };
        let (line, found) = match found {
            Ok(found) => found?,
            Err(source) => {
                let error = InputError::Read { origin: origin(self.values.line), source };
                (self.values.reader, self.values.place) = (None, Place::End);
                return Some(Err(error));
            }
        };
        let origin = origin(line);
        let wrong = |problem| Parsed::failed(RecordError::new(&origin, problem));
        let parsed = match found {
            Found::Whole => (self.parse)(&self.values.buffer, &origin),
            Found::TooLong => wrong(Problem::TooLong { limit: self.values.max }),
            Found::Broken(reason) => wrong(Problem::Structure { reason }),
        };
        Some(Ok(parsed.record(origin)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::input::jsonl::parse;
    use crate::input::object::Fields;
    use crate::input::{MAX_RECORD_BYTES, Options};

    fn read_up_to(text: &str, max: usize) -> Vec<String> {
        let fields = Fields::of(&Options::default());
        let reader = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let parse = |value: &[u8], origin: &Origin| parse(value, &fields, origin);
        JsonValues::new(reader, max, "f".into(), parse).map(|record| record.unwrap().shown()).collect()
    }

    fn read(text: &str) -> Vec<String> {
        read_up_to(text, MAX_RECORD_BYTES)
    }

    #[test]
    fn arrays_of_strings_and_objects() {
        assert_eq!(read("[]"), [""; 0]);
        assert_eq!(read(" [ ] \n"), [""; 0]);
        assert_eq!(read("[\"a\",\"b]\\\"\",\n\"c\"]"), ["1::a", "1::b]\"", "2::c"]);
        let text = "\u{feff}[\n  {\n    \"id\": 7,\n    \"text\": \"x, [y}\"\n  },\n  {\"text\": \"z\", \"more\": [{}, []]}\n]\n";
        assert_eq!(read(text), ["2:7:x, [y}", "6::z"]);
    }

    #[test]
    fn values_one_after_the_other() {
        assert_eq!(
            read("{\n\"text\": \"a\"\n}\n{\"text\":\"b\"}{\"text\":\"c\"} \"d\""),
            ["1::a", "4::b", "4::c", "4::d"]
        );
    }

    #[test]
    fn a_bad_value_harms_no_other() {
        let rows = read("[\"a\", 12, nonsense, [\"x\"], {\"text\" \"y\"}, null, \"b\"]");
        assert_eq!((rows.len(), rows[0].as_str(), rows[6].as_str()), (7, "1::a", "1::b"));
        assert!(rows[1].contains("found a number") && rows[2].contains("malformed JSON"), "{rows:?}");
        assert!(rows[3].contains("found an array") && rows[4].contains("malformed JSON"), "{rows:?}");
        let rows = read_up_to("[\"a\", \"far too long\", \"b\"]", 6);
        assert_eq!((rows[0].as_str(), rows[2].as_str()), ("1::a", "1::b"));
        assert!(rows[1].contains("longer than 6 bytes"), "{rows:?}");
    }

    #[test]
    fn a_broken_structure_is_an_error_and_the_end() {
        let cases = [
            ("[\"a\"", "the array has no end"),
            ("[\"a\",", "a value is missing"),
            ("[\"a\" \"b\"]", "a comma is missing"),
            ("[\"a\"] \"b\"", "more after the end"),
            ("[\"a\",,\"b\"]", "a value is missing"),
        ];
        for (text, reason) in cases {
            let rows = read(text);
            assert_eq!((rows.len(), rows[0].as_str()), (2, "1::a"), "{text}");
            assert!(rows[1].contains(reason), "{text}: {rows:?}");
        }
        assert!(read("[").last().unwrap().contains("no end"));
        assert!(read("}").last().unwrap().contains("a value is missing"));
        assert!(read("{\"text\": \"a").last().unwrap().contains("malformed JSON"));
    }

    #[test]
    fn hostile_nesting_does_not_overflow_the_stack() {
        for open in ["[", "{\"a\":", "[{\"text\":["] {
            let rows = read(&open.repeat(100_000));
            assert!(rows.iter().all(|row| row.contains("malformed JSON")), "{:.200}", rows[0]);
        }
    }

    #[test]
    fn values_over_the_limit_are_skipped() {
        let text = format!("[\"{}\", \"b\"]", "a".repeat(3 << 20));
        let reader = Box::new(io::BufReader::new(io::Cursor::new(text.into_bytes())));
        let fields = Fields::of(&Options::default());
        let parse = |value: &[u8], origin: &Origin| parse(value, &fields, origin);
        let mut values = JsonValues::new(reader, 1000, "f".into(), parse);
        assert!(values.next().unwrap().unwrap().content.is_err());
        assert!(values.values.buffer.capacity() <= 2 * KEEP, "{}", values.values.buffer.capacity());
        assert_eq!(values.next().unwrap().unwrap().content.unwrap().text, "b");
        assert!(values.next().is_none());
    }
}
