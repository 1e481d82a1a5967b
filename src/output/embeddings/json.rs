//! JSON: an object a line, or one array of the same objects.

use super::encoding::Encoding;
use super::row::check_dimensions;
use super::settings::Settings;
use crate::kept::{KeptColumn, KeptValue};
use crate::output::digits::Digits;
use crate::output::file::sink::Sink;
use crate::output::objects::Objects;
use crate::output::value::{head, json, member};
use crate::output::{Numbers, OutputError, Row, RowWriter, Shape, Vector};

/// Embeddings as JSON objects.
pub(crate) struct Rows {
    objects: Objects,
    shape: Shape,
    digits: Digits,
    encoding: Encoding,
    keep: Vec<KeptColumn>,
}

impl Rows {
    /// `array`: one array of all; else an object a line.
    pub(crate) fn new(sink: Sink, array: bool, settings: &Settings) -> Self {
        let Settings { shape, precision, encoding, keep, .. } = settings.clone();
        Self { objects: Objects::new(sink, array), shape, digits: Digits(precision), encoding, keep }
    }
}

impl RowWriter for Rows {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        check_dimensions(row, self.shape)?;
        let Self { objects, digits, encoding, keep, .. } = self;
        let integers = match row.outcome {
            Ok(Vector { embedding: Numbers::Dense(vector), .. }) => encoding.integers(row.index, vector)?,
            _ => None,
        };
        objects.write(|out| object(row, *digits, integers.as_deref(), keep, out))
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.objects.flush()
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        self.objects.finish()
    }
}

/// Appends one row.
fn object(row: &Row<'_>, digits: Digits, integers: Option<&[i16]>, keep: &[KeptColumn], out: &mut Vec<u8>) {
    head(row.index, row.id, out);
    for (i, column) in keep.iter().enumerate() {
        member(&column.name, row.kept.get(i).unwrap_or(&KeptValue::Null), out);
    }
    match row.outcome {
        Ok(Vector { embedding, tokens, truncated }) => {
            match integers {
                Some(integers) => member("embedding", integers, out),
                None => numbers(embedding, digits, out),
            }
            if let Some(tokens) = tokens {
                member("tokens", &tokens, out);
            }
            if let Some(truncated) = truncated {
                member("truncated", &truncated, out);
            }
        }
        Err(error) => {
            out.extend_from_slice(b",\"error\":");
            json(error, out);
        }
    }
    out.push(b'}');
}

/// Appends the members that hold an embedding.
fn numbers(embedding: Numbers<'_>, digits: Digits, out: &mut Vec<u8>) {
    match embedding {
        Numbers::Dense(vector) => {
            out.extend_from_slice(b",\"embedding\":");
            digits.array(vector, out);
        }
        Numbers::Sparse { indices, values } => {
            out.extend_from_slice(b",\"indices\":");
            json(indices, out);
            out.extend_from_slice(b",\"values\":");
            digits.array(values, out);
        }
        Numbers::Tokens { vectors, dimensions } => {
            out.extend_from_slice(b",\"embeddings\":[");
            for (i, vector) in vectors.chunks_exact(dimensions.max(1)).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                digits.array(vector, out);
            }
            out.push(b']');
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::output::digits::Digits;
    use crate::output::tests::{vector, written};
    use crate::output::{Format, Numbers, Row, Vector};
    use crate::record_id::RecordId;
    use serde_json::{Value, json};

    fn text(format: Format, rows: &[Row<'_>]) -> String {
        String::from_utf8(written(format, 3, rows)).unwrap()
    }

    #[test]
    fn the_exact_lines() {
        let literal = |id: &str| RecordId::Literal(id.into());
        let (string, number, null) = (RecordId::Text("ä\"\n".into()), literal("1.20"), literal("null"));
        let rows = [
            Row { index: 0, id: None, kept: &[], outcome: vector(&[0.1, -1.0, 1e-10]) },
            Row {
                index: 1,
                id: Some(&string),
                kept: &[],
                outcome: Ok(Vector {
                    embedding: Numbers::Dense(&[0.0, 16_777_216.0, -0.0]),
                    tokens: Some(512),
                    truncated: Some(true),
                }),
            },
            Row { index: 2, id: Some(&number), kept: &[], outcome: Err("a.txt:3: \"bad\"\u{1b}") },
            Row { index: 3, id: Some(&null), kept: &[], outcome: Err("x") },
        ];
        assert_eq!(
            text(Format::Jsonl, &rows),
            concat!(
                "{\"index\":0,\"embedding\":[0.1,-1.0,1e-10],\"tokens\":7,\"truncated\":false}\n",
                "{\"index\":1,\"id\":\"ä\\\"\\n\",\"embedding\":[0.0,16777216.0,-0.0],\"tokens\":512,\"truncated\":true}\n",
                "{\"index\":2,\"id\":1.20,\"error\":\"a.txt:3: \\\"bad\\\"\\u001b\"}\n",
                "{\"index\":3,\"id\":null,\"error\":\"x\"}\n",
            )
        );
        let array = text(Format::Json, &rows);
        assert!(array.starts_with("[{\"index\":0,") && array.ends_with("\"x\"}]\n"), "{array}");
        let array: Vec<Value> = serde_json::from_str(&array).unwrap();
        assert_eq!(array.len(), 4);
        assert_eq!(array[3], json!({"index": 3, "id": null, "error": "x"}));
    }

    #[test]
    fn sparse_vectors_and_vectors_of_tokens() {
        let sparse = Numbers::Sparse { indices: &[3, 70_000], values: &[0.1, 2.0] };
        let tokens = Numbers::Tokens { vectors: &[1.0, 0.5, -1.0, 0.0], dimensions: 2 };
        let none = Numbers::Tokens { vectors: &[], dimensions: 2 };
        let mut lines = Vec::new();
        for (index, embedding) in [sparse, tokens, none].into_iter().enumerate() {
            let outcome = Ok(Vector { embedding, tokens: Some(4), truncated: Some(false) });
            super::object(
                &Row { index: index as u64, id: None, kept: &[], outcome },
                Digits(None),
                None,
                &[],
                &mut lines,
            );
            lines.push(b'\n');
        }
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            concat!(
                "{\"index\":0,\"indices\":[3,70000],\"values\":[0.1,2.0],\"tokens\":4,\"truncated\":false}\n",
                "{\"index\":1,\"embeddings\":[[1.0,0.5],[-1.0,0.0]],\"tokens\":4,\"truncated\":false}\n",
                "{\"index\":2,\"embeddings\":[],\"tokens\":4,\"truncated\":false}\n",
            )
        );
    }

    #[test]
    fn no_rows() {
        assert_eq!(text(Format::Jsonl, &[]), "");
        assert_eq!(text(Format::Json, &[]), "[]\n");
    }

    #[test]
    fn floats_read_back_as_the_same_bits() {
        let numbers: Vec<f32> = (0..10_000_u32)
            .map(|i| f32::from_bits(i.wrapping_mul(0x9e37_79b9)))
            .map(|f| if f.is_finite() { f } else { 0.5 })
            .collect();
        for chunk in numbers.chunks_exact(3) {
            let line = text_of(chunk);
            let value: Value = serde_json::from_str(&line).unwrap();
            let printed = &line[line.find('[').unwrap() + 1..line.find(']').unwrap()];
            assert_eq!(value["embedding"].as_array().unwrap().len(), 3);
            for (number, printed) in chunk.iter().zip(printed.split(',')) {
                assert_eq!(printed.parse::<f32>().unwrap().to_bits(), number.to_bits(), "{printed}");
                let digits: String = printed.split('e').next().unwrap().replace(['.', '-'], "");
                let digits = digits.trim_matches('0').len();
                assert!(digits <= 9, "more digits than an f32 has: {printed}");
            }
        }
    }

    fn text_of(embedding: &[f32]) -> String {
        let mut out = Vec::new();
        super::object(
            &Row { index: 0, id: None, kept: &[], outcome: vector(embedding) },
            Digits(None),
            None,
            &[],
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn many_rows_go_through_a_small_buffer() {
        let embedding = [0.123_456_78_f32; 3];
        let rows: Vec<_> =
            (0..10_000).map(|index| Row { index, id: None, kept: &[], outcome: vector(&embedding) }).collect();
        let lines = text(Format::Jsonl, &rows);
        assert_eq!(lines.lines().count(), 10_000);
        assert!(lines.lines().last().unwrap().starts_with("{\"index\":9999,"));
    }
}
