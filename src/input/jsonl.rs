//! JSON: the text and the id of each object; other fields are dropped.
//!
//! Blank lines are skipped. A line that has a field twice which is read is an error.

use std::io::{BufRead, Cursor, Read};
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::error::Problem;
use super::fields::{Parsed, check_id, check_text, malformed, missing, settled};
use super::files::reader::{Reader, without_bom};
use super::lines::{Piece, Splitter, read_line, utf8};
use super::object::{Fields, Leaf, Row, row};
use super::origin::Origin;
use super::values::JsonValues;
use super::{InputError, Record, RecordError, Text};

/// Records of any kind.
type Boxed<T> = Box<dyn Iterator<Item = Result<Record<T>, InputError>> + Send>;

/// The records in `bytes`, which `parse` reads from one value each: JSON lines if `lines`, else any JSON.
///
/// # Errors
/// The beginning cannot be read.
pub(super) fn records<T, P>(
    bytes: Reader,
    lines: bool,
    max: usize,
    name: Arc<str>,
    parse: P,
) -> Result<Boxed<T>, InputError>
where
    T: 'static,
    P: Fn(&[u8], &Origin) -> Parsed<T> + Send + 'static,
{
    let (bytes, lines) = match lines {
        true => (bytes, true),
        false => is_lines(bytes, max)
            .map_err(|source| InputError::Read { origin: Origin { file: name.clone(), line: 1 }, source })?,
    };
    Ok(if lines {
        Box::new(JsonLines { pieces: Splitter::new(bytes, b'\n', max, name), parse })
    } else {
        Box::new(JsonValues::new(bytes, max, name, parse))
    })
}

/// True if the first line that is not blank holds a whole value that is not an array: then an error in one line does
/// not affect others. Reads at most one line of `max` bytes, and returns a reader that begins with it.
fn is_lines(reader: Reader, max: usize) -> std::io::Result<(Reader, bool)> {
    let mut reader = without_bom(reader)?;
    let mut head = Vec::new();
    let lines = loop {
        let next = reader.fill_buf()?.trim_ascii_start();
        if next.first() == Some(&b'[') {
            break false;
        }
        let before = head.len();
        let more = read_line(&mut reader, max.saturating_sub(before), &mut head)?;
        let line = head[before..].trim_ascii();
        match line.first() {
            None if more => {}
            Some(b'{') => break serde_json::from_slice::<IgnoredAny>(line).is_ok(),
            first => break first.is_some_and(|&byte| byte != b'['),
        }
    };
    Ok((Box::new(Cursor::new(head).chain(reader)), lines))
}

/// Every line is an object or a string, which `parse` reads.
pub(super) struct JsonLines<P> {
    pub pieces: Splitter,
    pub parse: P,
}

impl<T, P: Fn(&[u8], &Origin) -> Parsed<T>> Iterator for JsonLines<P> {
    type Item = Result<Record<T>, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (origin, piece) = match self.pieces.next()? {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            let (id, content) = match piece {
                Piece::Whole(line) if line.trim_ascii().is_empty() => continue,
                Piece::Whole(line) => (self.parse)(line, &origin),
                Piece::TooLong(limit) => (None, Err(RecordError::new(&origin, Problem::TooLong { limit }))),
            };
            return Some(Ok(Record { id, content, origin }));
        }
    }
}

/// Reads a line for a text, or a pair of texts.
pub(super) fn parse(line: &[u8], fields: &Fields, origin: &Origin) -> Parsed<Text> {
    let line = match utf8(line, origin) {
        Ok(line) => line,
        Err(error) => return (None, Err(error)),
    };
    let content = |text, pair| {
        let text = check_text(text, &fields.text, || missing(&fields.text, line, "--field"))?;
        let Some(field) = &fields.pair else { return Ok(Text { text, pair: None }) };
        let pair = check_text(pair, field, || missing(field, line, "--pair-field"))?;
        Ok(Text { text, pair: Some(pair) })
    };
    // A bad id leaves none; a bad text leaves the id, which identifies the failed row.
    let (id, content) = match row(line, fields) {
        Ok(Row::Text(text)) => (Ok(None), content(Some(Leaf::Text(text)), None)),
        Ok(Row::Object { text, id, pair }) => (check_id(id, line, fields), content(text, pair)),
        Ok(Row::Other(found)) => (Ok(None), Err(Problem::NotARow { found })),
        Err(error) => (Ok(None), Err(malformed(&error))),
    };
    settled(id, content, origin)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Each record as `line:id:text` or `line:id!error`.
    fn read_with(text: &str, field: &str, id: Option<&str>) -> Vec<String> {
        let fields =
            Fields { text: field.into(), id: Some(id.unwrap_or("id").into()), id_required: id.is_some(), pair: None };
        read_fields(text, &fields)
    }

    fn read_fields(text: &str, fields: &Fields) -> Vec<String> {
        let reader = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        let pieces = Splitter::new(reader, b'\n', 100_000, "f".into());
        let lines = JsonLines { pieces, parse: |line: &[u8], origin: &Origin| parse(line, fields, origin) };
        lines.map(|record| record.unwrap().shown()).collect()
    }

    fn read(text: &str) -> Vec<String> {
        read_with(text, "text", None)
    }

    #[test]
    fn objects_and_strings_and_blank_lines() {
        let text =
            "\u{feff}{\"text\": \"a\\n\\u00fc\", \"x\": [1, {\"text\": 2}]}\r\n \t\r\n\"b\"\n\n  {\"text\":\"\"}";
        assert_eq!(read(text), ["1::a\nü", "3::b", "5::"]);
    }

    #[test]
    fn ids_are_kept_as_they_are() {
        for id in ["1", "-0", "18446744073709551616", "1.50", "1E2", "1e-400", "\"a\"", "true", "null"] {
            assert_eq!(read(&format!("{{\"id\":{id},\"text\":\"t\"}}")), [format!("1:{id}:t")]);
        }
    }

    #[test]
    fn ids_that_cannot_be_kept_are_errors() {
        assert_eq!(
            read("{\"id\":{\"a\":[]},\"text\":\"t\"}\n\"x\""),
            ["1:!f:1: field \"id\" must be a string, a number, a boolean or null, but is an object", "2::x"]
        );
    }

    #[test]
    fn fields_by_name() {
        let text = "{\"id\":1,\"key\":\"k\",\"body\":\"b\",\"text\":\"t\"}";
        assert_eq!(read_with(text, "body", Some("key")), ["1:\"k\":b"]);
        assert_eq!(read_with(text, "body", Some("body")), ["1:\"b\":b"]);
        assert_eq!(
            read_with(text, "text", Some("nope")),
            ["1:!f:1: there is no field \"nope\"; there are: \"id\", \"key\", \"body\", \"text\""]
        );
    }

    #[test]
    fn a_pair_is_two_fields() {
        let fields = Fields { text: "a".into(), id: Some("id".into()), id_required: false, pair: Some("b".into()) };
        assert_eq!(
            read_fields("{\"a\":\"x\",\"b\":\"y\",\"id\":1}\n{\"a\":\"x\"}\n{\"a\":\"x\",\"b\":3}\n\"x\"", &fields),
            [
                "1:1:x+y",
                "2:!f:2: there is no field \"b\"; there are: \"a\"",
                "3:!f:3: field \"b\" must be a string, but is a number",
                "4:!f:4: there is no field \"b\"; there are none",
            ]
        );
        let twice = Fields { pair: Some("a".into()), ..fields };
        assert_eq!(read_fields("{\"a\":\"x\"}", &twice), ["1::x+x"]);
    }

    #[test]
    fn a_bad_text_keeps_its_id() {
        assert_eq!(
            read("{\"id\":1,\"body\":2}\n{}\n{\"text\":null,\"id\":2}\n{\"text\":1e300}\n{\"text\":[[]]}"),
            [
                "1:1!f:1: there is no field \"text\"; there are: \"id\", \"body\"",
                "2:!f:2: there is no field \"text\"; there are none",
                "3:2!f:3: field \"text\" must be a string, but is null",
                "4:!f:4: field \"text\" must be a string, but is a number",
                "5:!f:5: field \"text\" must be a string, but is an array",
            ]
        );
    }

    #[test]
    fn malformed_lines_are_their_own_trouble() {
        let rows = read("{\"text\":\"a\n{\"text\":\"b\"}\n[1]\n12\n{\"text\":\"c\"} x\n\"\\ud800\"");
        assert!(rows[0].starts_with("1:!f:1: malformed JSON at column 10: it ends within a string"), "{rows:?}");
        assert_eq!(rows[1], "2::b");
        assert_eq!(rows[2], "3:!f:3: expected a JSON object or string, found an array");
        assert_eq!(rows[3], "4:!f:4: expected a JSON object or string, found a number");
        assert_eq!(rows[4], "5:!f:5: malformed JSON at column 14: there is more after the end of the value");
        assert!(rows[5].starts_with("6:!f:6: malformed JSON"), "{rows:?}");
    }

    #[test]
    fn hostile_nesting_does_not_overflow_the_stack() {
        for open in ["[", "{\"text\":[", "{\"x\":{\"id\":", "{\"id\":", "{\"a\":"] {
            let text = format!("{}\n\"ok\"", open.repeat(50_000 / open.len()));
            let rows = read(&text);
            assert!(rows[0].contains("malformed JSON"), "{open} {:.100}", rows[0]);
            assert_eq!(rows[1], "2::ok");
        }
    }

    #[test]
    fn a_field_comes_once() {
        for field in ["text", "id"] {
            let rows = read(&format!("{{\"{field}\":\"a\",\"text\":\"b\",\"{field}\":\"c\"}}\n\"x\""));
            assert!(rows[0].contains("has the field \"text\" twice") || rows[0].contains("\"id\" twice"), "{rows:?}");
            assert_eq!(rows[1], "2::x");
        }
        // Others are not read, and neither are those of objects within.
        assert_eq!(read("{\"x\":1,\"x\":2,\"y\":{\"text\":1,\"text\":2},\"text\":\"b\"}"), ["1::b"]);
    }
}
