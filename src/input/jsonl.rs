//! JSON: the text, the id and the kept fields of each object; other fields are dropped.
//!
//! Blank lines are skipped. A line that has a field twice which is read is an error.

use std::borrow::Cow;
use std::io::{BufRead, Cursor, Read};
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::error::Problem;
use super::fields::{Parsed, check_id, check_text, malformed, missing, settled};
use super::files::reader::{Reader, without_bom};
use super::lines::{Piece, Splitter, read_line, utf8};
use super::object::{Fields, Leaf, Row, row};
use super::origin::Origin;
use super::values::JsonValues;
use super::{InputError, Record, RecordError, Text};
use crate::json_words;
use crate::kept::KeptValue;
use crate::record_id::RecordId;

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
            let parsed = match piece {
                Piece::Whole(line) if line.trim_ascii().is_empty() => continue,
                Piece::Whole(line) => (self.parse)(line, &origin),
                Piece::TooLong(limit) => Parsed::failed(RecordError::new(&origin, Problem::TooLong { limit })),
            };
            return Some(Ok(parsed.record(origin)));
        }
    }
}

/// Reads a line for a text, or a pair of texts.
pub(super) fn parse(line: &[u8], fields: &Fields, origin: &Origin) -> Parsed<Text> {
    let line = match utf8(line, origin) {
        Ok(line) => line,
        Err(error) => return Parsed::failed(error),
    };
    let failed = |problem| Parsed::failed(RecordError::new(origin, problem));
    let found = match row(line, &fields.names()) {
        Ok(Row::Object(found)) => found,
        // Without fields: the text itself.
        Ok(Row::Text(text)) if fields.template.is_none() => {
            let content = match &fields.pair {
                None => Ok(text.into()),
                Some(field) => Err(RecordError::new(origin, missing(field, line, "--pair-field"))),
            };
            return Parsed { id: None, kept: vec![KeptValue::Null; fields.keep.len()], content };
        }
        Ok(Row::Text(_)) => vec![None; fields.names().len()],
        Ok(Row::Other(found)) => return failed(Problem::NotARow { found }),
        Err(error) => return failed(malformed(&error)),
    };
    let line = Line { line, fields };
    let (texts, found) = found.split_at(fields.texts().len());
    let (id, found) = found.split_at(usize::from(fields.id.is_some()));
    let (pair, keep) = found.split_at(usize::from(fields.pair.is_some()));
    let content = || {
        let text = line.text(texts)?;
        let Some(field) = &fields.pair else { return Ok(Text { text, pair: None }) };
        let leaf = pair.first().copied().flatten().map(|json| line.leaf(json)).transpose()?;
        let pair = check_text(leaf, field, || missing(field, line.line, "--pair-field"))?;
        Ok(Text { text, pair: Some(pair) })
    };
    let kept: Result<Vec<KeptValue>, Problem> = keep.iter().map(|json| line.kept(*json)).collect();
    // A bad id leaves none; a bad text leaves the id, which identifies the failed row.
    match kept {
        Ok(kept) => settled(line.id(id.first().copied().flatten()), content(), kept, origin),
        Err(problem) => failed(problem),
    }
}

/// A line, and the fields that are read of it.
struct Line<'l> {
    line: &'l str,
    fields: &'l Fields,
}

impl Line<'_> {
    fn text<'f>(&self, found: &[Option<&'f RawValue>]) -> Result<String, Problem> {
        let leaves = found.iter().map(|json| json.map(|json| self.leaf(json)).transpose());
        let mut leaves = leaves.collect::<Result<Vec<Option<Leaf>>, Problem>>()?;
        let names = self.fields.texts();
        let missing = || missing(names.first().map_or("", |name| name), self.line, self.fields.text_flag);
        let Some(template) = &self.fields.template else {
            return check_text(leaves.pop().flatten(), &self.fields.text, missing);
        };
        if leaves.iter().all(Option::is_none) {
            return Err(missing());
        }
        let value = |(i, json): (usize, Option<&'f RawValue>)| match (leaves[i].as_ref(), json) {
            (Some(Leaf::Text(text)), _) => Ok(Some(Cow::from(text.clone()))),
            (None | Some(Leaf::Other("null")), _) => Ok(None),
            // Numbers and booleans as they are written.
            (Some(Leaf::Other("a number" | "a boolean")), Some(json)) => Ok(Some(Cow::from(json.get()))),
            (Some(Leaf::Other(found)), _) => {
                let wanted = "a string, a number, a boolean or null";
                Err(Problem::WrongType { field: names[i].to_owned(), wanted, found })
            }
        };
        let values = found.iter().copied().enumerate().map(value).collect::<Result<Vec<_>, Problem>>()?;
        template.fill(&values).ok_or(Problem::AllNull)
    }

    fn id(&self, found: Option<&RawValue>) -> Result<Option<RecordId>, Problem> {
        let id = found.map(|json| RecordId::read(json).map_err(|error| self.malformed(json, &error))).transpose()?;
        check_id(id, self.line, self.fields)
    }

    fn kept(&self, found: Option<&RawValue>) -> Result<KeptValue, Problem> {
        found.map_or(Ok(KeptValue::Null), |json| KeptValue::read(json).map_err(|error| self.malformed(json, &error)))
    }

    fn leaf(&self, json: &RawValue) -> Result<Leaf, Problem> {
        Leaf::read(json).map_err(|error| self.malformed(json, &error))
    }

    /// The error of a value within the line.
    fn malformed(&self, json: &RawValue, error: &serde_json::Error) -> Problem {
        let before = (json.get().as_ptr() as usize).saturating_sub(self.line.as_ptr() as usize);
        Problem::Json { column: before + error.column(), reason: json_words::reason(error) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::input::Options;

    /// Each record as `line:id:text` or `line:id!error`.
    fn read_with(text: &str, field: &str, id: Option<&str>) -> Vec<String> {
        let fields = Fields {
            text: field.into(),
            id: Some(id.unwrap_or("id").into()),
            id_required: id.is_some(),
            ..Fields::default()
        };
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
        let fields = Fields { text: "a".into(), id: Some("id".into()), pair: Some("b".into()), ..Fields::default() };
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
    fn fields_within_objects() {
        let text = "{\"a\":{\"b\":{\"c\":\"inner\"}},\"k\":{\"id\":7}}\n{\"a.b.c\":\"whole\",\"a\":{\"b\":{\"c\":\"inner\"}}}\n\
            {\"a\":{\"b.c\":\"half\"}}\n{\"a.b\":{\"c\":\"other half\"},\"a\":1}\n{\"a\":{\"b\":[]}}\n{\"a\":{\"b\":{\"c\":3}}}\n\
            {\"a\":{\"b\":{\"c\":1,\"c\":2}}}";
        let fields = Fields { text: "a.b.c".into(), id: Some("k.id".into()), ..Fields::default() };
        let rows = read_fields(text, &fields);
        assert_eq!(rows[..4], ["1:7:inner", "2::whole", "3::half", "4::other half"]);
        assert_eq!(rows[4], "5:!f:5: there is no field \"a.b.c\"; there are: \"a\"");
        assert_eq!(rows[5], "6:!f:6: field \"a.b.c\" must be a string, but is a number");
        assert!(rows[6].contains("the field \"c\" twice"), "{}", rows[6]);
    }

    #[test]
    fn a_template_joins_fields_and_kept_fields_travel() {
        let options = Options {
            template: Some("{t}\\n{b.x}|{n}".parse().unwrap()),
            keep: vec!["n".into(), "b.x".into(), "l".into()],
            ..Options::default()
        };
        let line = |line: &str| {
            let origin = Origin { file: "f".into(), line: 1 };
            let Parsed { id, kept, content } = parse(line.as_bytes(), &Fields::of(&options), &origin);
            let content = content.map_or_else(|error| error.to_string(), |text| text.text);
            (id.map(|id| id.to_string()), kept, content)
        };
        let text = |text: &str| KeptValue::Text(text.into());
        let literal = |text: &str| KeptValue::Literal(text.into());
        let (id, kept, content) = line(r#"{"t":"T","b":{"x":"B"},"n":1.50,"id":3,"l":[1]}"#);
        assert_eq!((id.as_deref(), content.as_str()), (Some("3"), "T\nB|1.50"));
        assert_eq!(kept, [literal("1.50"), text("B"), literal("[1]")]);
        assert_eq!(line(r#"{"t":null,"b":{"x":"B"}}"#).2, "\nB|");
        let (_, kept, content) = line(r#"{"t":null,"l":null}"#);
        assert!(content.contains("every field of --template is missing or null"), "{content}");
        assert_eq!(kept, [KeptValue::Null, KeptValue::Null, KeptValue::Null]);
        assert!(line(r#"{"x":1}"#).2.contains("there is no field \"t\""));
        assert!(line(r#""t""#).2.contains("there is no field \"t\""));
        assert!(line(r#"{"t":[]}"#).2.contains("field \"t\" must be a string, a number, a boolean or null"));
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
