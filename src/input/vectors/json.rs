//! Vectors as JSON objects: one a line, or all in one array.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::lines::{Piece, Splitter};
use super::super::{InputError, MAX_RECORD_BYTES};
use super::VectorsError;
use super::set::{Builder, VectorSet, origin};
use crate::input::files::reader::{Reader, without_bom};
use crate::input::origin::Origin;
use crate::json_words;
use crate::record_id::RecordId;

/// One row as `infa embed` writes it. Embeddings APIs answer with rows of these names as well.
#[derive(Deserialize)]
#[serde(expecting = "an object with an \"embedding\"")]
struct Row {
    index: Option<u64>,
    id: Option<Box<RawValue>>,
    text: Option<Box<RawValue>>,
    /// Numbers that are not finite are null.
    embedding: Option<Vec<Option<f32>>>,
    /// The reason of a missing embedding.
    error: Option<IgnoredAny>,
    /// A sparse vector has them.
    indices: Option<IgnoredAny>,
    /// Vectors of tokens.
    embeddings: Option<IgnoredAny>,
}

/// For the words that Python and others write: `read` ends with the first bytes of one, or with the byte after those that
/// the parser stopped at.
fn hint(error: &serde_json::Error, read: &[u8]) -> Option<&'static str> {
    let begins = ["N", "I", "-In", "i"].iter().any(|word| read.ends_with(word.as_bytes()));
    // Python's nan begins like null.
    let nan = read.ends_with(b"na") || read.ends_with(b"nan");
    (begins || nan && error.to_string().starts_with("expected ident")).then_some(NULL)
}

const NULL: &str = "JSON has no NaN and no infinity: write null for them";

impl Row {
    /// Adds the row to the others, or returns its error. `place` is its line and what distinguishes it there.
    fn add(self, builder: &mut Builder<'_>, place: impl Fn() -> (Origin, String)) -> Result<(), VectorsError> {
        let wrong = |reason: &str, hint| {
            let (origin, row) = place();
            Err(VectorsError::row(origin, row + reason, hint))
        };
        let Self { index, id, text, embedding, error, indices, embeddings } = self;
        let id = match id.map(|id| RecordId::read(&id)).transpose() {
            Ok(id) => id.transpose(),
            Err(error) => return wrong(&json_words::reason(&error), None),
        };
        let Ok(id) = id else { return wrong("the id is neither a string nor a number", None) };
        let id = id.map(|id| id.text().to_owned());
        const DENSE: Option<&str> = Some("use dense vectors, one a text");
        let numbers = match (embedding, error) {
            (_, Some(_)) => None,
            (Some(numbers), None) if numbers.is_empty() => return wrong("the vector has no numbers", None),
            (Some(numbers), None) => Some(numbers),
            (None, None) if indices.is_some() => return wrong("sparse vectors are not compared", DENSE),
            (None, None) if embeddings.is_some() => return wrong("vectors of tokens are not compared", DENSE),
            (None, None) => return wrong("there is neither an \"embedding\" nor an \"error\"", None),
        };
        // Other values than strings are no texts.
        let text = text.filter(|_| builder.streams()).and_then(|text| serde_json::from_str(text.get()).ok());
        builder.push(index, id, text, numbers.map(|numbers| numbers.into_iter().map(|x| x.unwrap_or(f32::NAN))))?;
        builder.settle()
    }
}

/// Reads an object a line. Blank lines are skipped.
pub(super) fn lines(reader: Reader, builder: Builder<'_>) -> Result<VectorSet, VectorsError> {
    lines_of(reader, builder, MAX_RECORD_BYTES)
}

/// No line may have more than `max` bytes.
fn lines_of(reader: Reader, mut builder: Builder<'_>, max: usize) -> Result<VectorSet, VectorsError> {
    let mut pieces = Splitter::new(reader, b'\n', max, Arc::clone(&builder.set.name));
    while let Some(piece) = pieces.next() {
        let (origin, line) = match piece? {
            (origin, Piece::Whole(line)) => (origin, line),
            (origin, Piece::TooLong(limit)) => return Err(too_long(origin, limit)),
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row: Row = serde_json::from_slice(line).map_err(|error| {
            let read = line.get(..error.column()).unwrap_or(line);
            malformed(&error, origin.clone(), read)
        })?;
        row.add(&mut builder, || (origin.clone(), String::new()))?;
    }
    Ok(builder.set)
}

fn too_long(origin: Origin, limit: usize) -> VectorsError {
    VectorsError::row(origin, format!("the row is longer than {limit} bytes"), None)
}

/// `origin` is the place of the parsed text, and `read` the end of what was read of it.
fn malformed(error: &serde_json::Error, origin: Origin, read: &[u8]) -> VectorsError {
    let reason = json_words::reason(error);
    let (column, line) = (error.column(), origin.line + (error.line() as u64).saturating_sub(1));
    let origin = Origin { line, ..origin };
    match error.classify() {
        serde_json::error::Category::Eof => VectorsError::row(origin, "it ends in the middle of a row", None),
        serde_json::error::Category::Data => VectorsError::row(origin, format!("{reason} at column {column}"), None),
        _ => VectorsError::row(origin, format!("malformed JSON at column {column}: {reason}"), hint(error, read)),
    }
}

/// Reads an array of objects; at most one of them is held as text.
pub(super) fn array(reader: Reader, builder: Builder<'_>) -> Result<VectorSet, VectorsError> {
    array_of(reader, builder, MAX_RECORD_BYTES)
}

/// No element may have more than `max` bytes.
fn array_of(reader: Reader, mut builder: Builder<'_>, max: usize) -> Result<VectorSet, VectorsError> {
    let name = Arc::clone(&builder.set.name);
    let failed = |source: io::Error| VectorsError::from(InputError::Read { origin: origin(&name, 1), source });
    let (left, last) = (Cell::new(max), Cell::new([0; 3]));
    let reader = Bounded { inner: BufReader::new(without_bom(reader).map_err(failed)?), left: &left, last: &last };
    let mut refused = None;
    let mut json = serde_json::Deserializer::from_reader(reader);
    let rows = Rows { builder: &mut builder, refused: &mut refused, left: &left, max };
    let parsed = json.deserialize_seq(rows).and_then(|()| {
        left.set(max);
        json.end()
    });
    match (refused, parsed) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(builder.set),
        (None, Err(_)) if left.get() == 0 => Err(too_long(origin(&name, 1), max)),
        (None, Err(error)) if error.is_io() => Err(failed(error.into())),
        (None, Err(error)) => Err(malformed(&error, origin(&name, 1), &last.get())),
    }
}

/// Bytes of one row, and then no more until `left` is set anew.
struct Bounded<'a, R> {
    inner: R,
    left: &'a Cell<usize>,
    /// The last bytes that were read; the parser reads them one by one.
    last: &'a Cell<[u8; 3]>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(self.left.get());
        if room == 0 && !buffer.is_empty() {
            return Err(io::Error::other("the row is too long"));
        }
        let read = self.inner.read(&mut buffer[..room])?;
        self.left.set(self.left.get() - read);
        for byte in &buffer[..read] {
            let [_, second, third] = self.last.get();
            self.last.set([second, third, *byte]);
        }
        Ok(read)
    }
}

/// Reads the elements of the array.
struct Rows<'a, 'r> {
    builder: &'a mut Builder<'r>,
    /// The error of a row.
    refused: &'a mut Option<VectorsError>,
    left: &'a Cell<usize>,
    max: usize,
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        struct Next<'a>(&'a Cell<usize>, usize);

        impl<'de> DeserializeSeed<'de> for Next<'_> {
            type Value = Row;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Row, D::Error> {
                self.0.set(self.1);
                Row::deserialize(deserializer)
            }
        }

        while let Some(row) = rows.next_element_seed(Next(self.left, self.max))? {
            // The parser does not report its line: the number of the row must do.
            let (file, number) = (Arc::clone(&self.builder.set.name), self.builder.count() + 1);
            let place = || (origin(&file, 1), format!("row {number}: "));
            if let Err(error) = row.add(self.builder, place) {
                *self.refused = Some(error);
                return Err(serde::de::Error::custom("a row is unusable"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = fn(Reader, Builder<'_>) -> Result<VectorSet, VectorsError>;

    fn read(read: Read, text: &str) -> Result<VectorSet, VectorsError> {
        read(Box::new(io::Cursor::new(text.as_bytes().to_vec())), Builder::new("a.json".into()))
    }

    const OBJECTS: [&str; 4] = [
        r#"{"index":0,"id":"ä","embedding":[0.5,-1,2e0],"tokens":3,"truncated":false}"#,
        r#"{"id":7.10,"embedding":[1,null,3],"index":1,"more":{"x":[1]}}"#,
        r#"{"index":2,"id":null,"error":"too \"long\""}"#,
        r#"{"object":"embedding","embedding":[0.25]}"#,
    ];

    #[test]
    fn rows_as_infa_writes_them() {
        let of_lines = read(lines, &format!("\u{feff}{}\r\n\n{}\n", OBJECTS[0], OBJECTS[1..].join("\n"))).unwrap();
        let of_array = read(array, &format!("\u{feff}[\n{}\n]\n", OBJECTS.join(",\n"))).unwrap();
        assert_eq!(of_lines.rows, of_array.rows);
        let ids: Vec<_> = of_lines.rows.iter().map(|row| (row.index, row.id.as_deref())).collect();
        assert_eq!(ids, [(Some(0), Some("ä")), (Some(1), Some("7.10")), (Some(2), None), (None, None)]);
        let places: Vec<_> = of_lines.rows.iter().map(|row| row.place.clone()).collect();
        assert_eq!(places, [Some(0..3), Some(3..6), None, Some(6..7)]);
        for found in [of_lines, of_array] {
            assert_eq!(
                (&found.numbers[..4], found.numbers[5], found.numbers[6]),
                (&[0.5, -1.0, 2.0, 1.0][..], 3.0, 0.25)
            );
            assert!(found.numbers[4].is_nan());
        }
    }

    #[test]
    fn rows_that_are_unusable() {
        for (row, expected) in [
            (r#"{"index":0}"#, "there is neither an \"embedding\" nor an \"error\""),
            (r#"{"embedding":[]}"#, "the vector has no numbers"),
            (r#"{"indices":[1],"values":[2]}"#, "sparse vectors are not compared"),
            (r#"{"embeddings":[[1]]}"#, "vectors of tokens are not compared"),
            (r#"{"embedding":[1],"id":[1]}"#, "the id is neither a string nor a number"),
            (r#"{"embedding":"AAAA"}"#, "expected an array, found a string at column"),
            (r#"{"embedding":[1],"index":-1}"#, "expected a whole number, not negative, found -1"),
            (r#"{"embedding":[1,NaN]}"#, "malformed JSON at column"),
            (r#"{"embedding":[1e300]}"#, "a number is too large"),
            (r#"{"embedding":[1,2"#, "it ends in the middle of a row"),
            (r#"{"embedding":[1]} {}"#, "malformed JSON at column"),
        ] {
            let good = r#"{"embedding":[1]}"#;
            let error = read(lines, &format!("{good}\n{row}\n")).unwrap_err().to_string();
            assert!(error.starts_with("a.json:2: ") && error.contains(expected), "{error}");
            let error = read(array, &format!("[{good},\n{row}")).unwrap_err().to_string();
            assert!(error.starts_with("a.json"), "{error}");
            // A second object is no second element.
            assert!(error.contains(expected) || row.ends_with("{}"), "{error}");
        }
        assert!(read(array, "[").is_err() && read(array, "[{\"embedding\":[1]}] x").is_err());
        assert!(read(array, "[1]").unwrap_err().to_string().contains("expected an object with an \"embedding\""));
    }

    #[test]
    fn the_hint_about_null_comes_where_it_fits() {
        for (row, fits) in [
            (r#"{"embedding":[1,NaN]}"#, true),
            (r#"{"embedding":[Infinity,1]}"#, true),
            (r#"{"embedding":[1,-Infinity]}"#, true),
            (r#"{"embedding":[1, nan]}"#, true),
            (r#"{"embedding":[inf]}"#, true),
            (r#"{"embedding":[1,]}"#, false),
            (r#"{embedding:[1]}"#, false),
            (r#"{"embedding":[1]} x"#, false),
            (r#"{"embedding":[0x1]}"#, false),
            (r#"{"embedding":['1']}"#, false),
        ] {
            for (of, text) in [(lines as Read, row.to_owned()), (array, format!("[{row}]"))] {
                let hint = read(of, &text).unwrap_err().hint();
                assert_eq!(hint.is_some_and(|hint| hint.contains("write null")), fits, "{text}");
            }
        }
    }

    #[test]
    fn no_row_is_longer_than_a_record() {
        let read = |read: fn(Reader, Builder<'_>, usize) -> Result<VectorSet, VectorsError>, text: &str| {
            read(Box::new(io::Cursor::new(text.as_bytes().to_vec())), Builder::new("a.json".into()), 20_000)
        };
        let long = |length: usize| format!("{{\"embedding\":[1],\"text\":\"{}\"}}", "x".repeat(length));
        let rows = [long(10_000), long(10_000), long(10_000)];
        assert_eq!(read(lines_of, &rows.join("\n")).unwrap().rows.len(), 3);
        assert_eq!(read(array_of, &format!("[{}]", rows.join(","))).unwrap().rows.len(), 3);
        let long = long(100_000);
        let array = format!("[{long}]");
        for error in [read(lines_of, &long).unwrap_err(), read(array_of, &array).unwrap_err()] {
            assert!(error.to_string().ends_with("the row is longer than 20000 bytes"), "{error}");
        }
    }

    #[test]
    fn nothing_is_nothing() {
        assert!(read(lines, "\n \n").unwrap().rows.is_empty());
        assert!(read(array, " [ ] \n").unwrap().rows.is_empty());
        assert!(read(lines, &"[".repeat(100_000)).is_err() && read(array, &"[".repeat(100_000)).is_err());
    }
}
