//! CSV: a header, then a line a row; a row that failed has its error and no numbers.

use crate::record_id::RecordId;

use super::encoding::Encoding;
use super::row::check_dimensions;
use super::settings::Settings;
use crate::kept::KeptValue;
use crate::output::digits::Digits;
use crate::output::file::sink::Sink;
use crate::output::value::json;
use crate::output::{Numbers, OutputError, Row, RowWriter, Shape, Vector};

/// Writes `index,id,tokens,truncated,error,e0,…`.
pub(crate) struct Csv {
    sink: Sink,
    dimensions: usize,
    digits: Digits,
    encoding: Encoding,
    keep: usize,
}

impl Csv {
    pub(crate) fn new(mut sink: Sink, dimensions: usize, settings: &Settings) -> Self {
        if settings.rows == 0 {
            Self::header(sink.buffer(), dimensions, settings);
        }
        let (encoding, keep) = (settings.encoding.clone(), settings.keep.len());
        Self { sink, dimensions, digits: Digits(settings.precision), encoding, keep }
    }

    fn header(out: &mut Vec<u8>, dimensions: usize, settings: &Settings) {
        out.extend_from_slice(b"index,id");
        for column in &settings.keep {
            out.push(b',');
            quoted(&column.name, out);
        }
        out.extend_from_slice(b",tokens,truncated,error");
        for i in 0..settings.encoding.length(dimensions) {
            out.extend_from_slice(b",e");
            json(&i, out);
        }
        out.push(b'\n');
    }
}

impl RowWriter for Csv {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        check_dimensions(row, Shape::Dense(self.dimensions))?;
        let out = self.sink.buffer();
        json(&row.index, out);
        out.push(b',');
        id(row.id, out);
        out.push(b',');
        for i in 0..self.keep {
            quoted(&row.kept.get(i).and_then(KeptValue::text).unwrap_or_default(), out);
            out.push(b',');
        }
        match row.outcome {
            Ok(vector) => {
                if let Some(tokens) = vector.tokens {
                    json(&tokens, out);
                }
                out.push(b',');
                if let Some(truncated) = vector.truncated {
                    json(&truncated, out);
                }
                out.push(b',');
                let Vector { embedding: Numbers::Dense(numbers), .. } = vector else { return self.sink.settle() };
                match self.encoding.integers(row.index, numbers)? {
                    Some(integers) => integers.iter().for_each(|number| {
                        out.push(b',');
                        json(number, out);
                    }),
                    None => numbers.iter().for_each(|number| {
                        out.push(b',');
                        self.digits.field(*number, out);
                    }),
                }
            }
            Err(error) => {
                out.extend_from_slice(b",,");
                quoted(error, out);
                out.resize(out.len() + self.encoding.length(self.dimensions), b',');
            }
        }
        out.push(b'\n');
        self.sink.settle()
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.sink.flush()
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        self.sink.finish()
    }
}

/// Appends an id, if there is one.
pub(crate) fn id(id: Option<&RecordId>, out: &mut Vec<u8>) {
    if let Some(id) = id {
        quoted(id.text(), out);
    }
}

/// Appends a field, in quotes where it needs them.
pub(crate) fn quoted(field: &str, out: &mut Vec<u8>) {
    if !field.contains([',', '"', '\n', '\r']) && field == field.trim() {
        out.extend_from_slice(field.as_bytes());
        return;
    }
    out.push(b'"');
    for (i, part) in field.split('"').enumerate() {
        if i > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::output::tests::{vector, written};
    use crate::output::{Format, Row};
    use crate::record_id::RecordId;

    fn text(dimensions: usize, rows: &[Row<'_>]) -> String {
        String::from_utf8(written(Format::Csv, dimensions, rows)).unwrap()
    }

    #[test]
    fn the_exact_rows() {
        let string = |id: &str| RecordId::Text(id.into());
        let literal = |id: &str| RecordId::Literal(id.into());
        let ids = [string("a, \"b\"\n"), literal("7"), literal("null"), string(" x"), string("plain ü")];
        let rows = [
            Row { index: 0, id: None, kept: &[], outcome: vector(&[0.1, -1.0]) },
            Row { index: 1, id: Some(&ids[0]), kept: &[], outcome: vector(&[f32::NAN, f32::NEG_INFINITY]) },
            Row { index: 2, id: Some(&ids[1]), kept: &[], outcome: Err("a.csv:3: bad, \"very\"") },
            Row { index: 3, id: Some(&ids[2]), kept: &[], outcome: Err("bad") },
            Row { index: 4, id: Some(&ids[3]), kept: &[], outcome: vector(&[1e-10, 1e20]) },
            Row { index: 5, id: Some(&ids[4]), kept: &[], outcome: vector(&[0.0, -0.0]) },
        ];
        assert_eq!(
            text(2, &rows),
            concat!(
                "index,id,tokens,truncated,error,e0,e1\n",
                "0,,7,false,,0.1,-1.0\n",
                "1,\"a, \"\"b\"\"\n\",7,false,,NaN,-inf\n",
                "2,7,,,\"a.csv:3: bad, \"\"very\"\"\",,\n",
                "3,null,,,bad,,\n",
                "4,\" x\",7,false,,1e-10,1e+20\n",
                "5,plain ü,7,false,,0.0,-0.0\n",
            )
        );
    }

    #[test]
    fn no_rows_and_no_dimensions() {
        assert_eq!(text(1, &[]), "index,id,tokens,truncated,error,e0\n");
        assert_eq!(text(0, &[Row { index: 0, id: None, kept: &[], outcome: Err("x") }]).lines().last(), Some("0,,,,x"));
    }
}
