//! Vectors on a terminal: a line a text, with the beginning of its vector and how many numbers it has.

use std::io::Write;

use crate::output::file::sink::Sink;
use crate::output::{Destination, Numbers, OutputError, Row, RowWriter, Vector};
use crate::plural::counted;

/// Numbers that are shown of a vector.
const SHOWN: usize = 6;
/// Vectors that are shown of a text that has several.
const VECTORS: usize = 2;

/// Writes the beginning of each embedding, for people.
pub(crate) struct Preview(Sink);

impl Preview {
    pub(crate) fn open() -> Result<Self, OutputError> {
        Ok(Self(Sink::open(&Destination::Stdout)?))
    }
}

impl RowWriter for Preview {
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError> {
        line(row, self.0.buffer());
        self.0.settle()
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.0.flush()
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        self.0.finish()
    }
}

/// Appends a row. Writing to memory does not fail.
fn line(row: &Row<'_>, out: &mut Vec<u8>) {
    let _ = write!(out, "{}", row.index);
    if let Some(id) = row.id {
        // As JSON: control codes of the input must not reach the terminal.
        let _ = write!(out, " (id {})", printable(&id.to_string()));
    }
    let _ = match row.outcome {
        Err(error) => write!(out, ": failed: {}", printable(error)),
        Ok(Vector { embedding, tokens, truncated }) => {
            let _ = write!(out, ": ");
            numbers(embedding, out);
            let _ = tokens.map(|tokens| write!(out, "  {}", counted(tokens, "token")));
            if truncated == Some(true) { write!(out, ", truncated") } else { Ok(()) }
        }
    };
    out.push(b'\n');
}

fn numbers(embedding: Numbers<'_>, out: &mut Vec<u8>) {
    let _ = match embedding {
        Numbers::Dense(vector) => {
            vector_of(vector, out);
            Ok(())
        }
        Numbers::Sparse { indices, values } => {
            let _ = write!(out, "{{");
            for (i, (index, value)) in indices.iter().zip(values).take(SHOWN).enumerate() {
                let _ = write!(out, "{}{index}: {value:.4}", if i == 0 { "" } else { ", " });
            }
            if values.len() > SHOWN { write!(out, ", … {} weights}}", values.len()) } else { write!(out, "}}") }
        }
        Numbers::Tokens { vectors, dimensions } => {
            let (width, count) = (dimensions.max(1), vectors.len() / dimensions.max(1));
            for (i, vector) in vectors.chunks_exact(width).take(VECTORS).enumerate() {
                let _ = if i == 0 { Ok(()) } else { write!(out, " ") };
                vector_of(vector, out);
            }
            if count > VECTORS { write!(out, " … {count} vectors") } else { Ok(()) }
        }
    };
}

fn vector_of(vector: &[f32], out: &mut Vec<u8>) {
    let _ = write!(out, "[");
    for (i, value) in vector.iter().take(SHOWN).enumerate() {
        let _ = write!(out, "{}{value:.4}", if i == 0 { "" } else { ", " });
    }
    let _ = if vector.len() > SHOWN { write!(out, ", … {} numbers]", vector.len()) } else { write!(out, "]") };
}

/// `text` on one line, without control characters.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::record_id::RecordId;

    fn shown(row: &Row<'_>) -> String {
        let mut out = Vec::new();
        line(row, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn six_numbers_and_how_many_there_are() {
        let vector: Vec<f32> = (0..384u16).map(|n| f32::from(n) / 8.0).collect();
        let dense = Vector { embedding: Numbers::Dense(&vector), tokens: Some(7), truncated: Some(false) };
        let row = Row { index: 3, id: None, kept: &[], outcome: Ok(dense) };
        let expected = "3: [0.0000, 0.1250, 0.2500, 0.3750, 0.5000, 0.6250, … 384 numbers]  7 tokens\n";
        assert_eq!(shown(&row), expected);
        let id = RecordId::Text("a\u{1b}".into());
        let short = Vector { embedding: Numbers::Dense(&vector[..2]), tokens: None, truncated: Some(true) };
        let row = Row { index: 0, id: Some(&id), kept: &[], outcome: Ok(short) };
        assert_eq!(shown(&row), "0 (id \"a\\u001b\"): [0.0000, 0.1250], truncated\n");
        let row = Row { index: 1, id: None, kept: &[], outcome: Err("bad\u{1b}[2J\ntext") };
        assert_eq!(shown(&row), "1: failed: bad\\u{1b}[2J\\ntext\n");
    }

    #[test]
    fn other_embeddings() {
        let (indices, values) = ([1, 5, 9, 11, 12, 13, 14], [0.5f32; 7]);
        let sparse = Numbers::Sparse { indices: &indices, values: &values };
        let outcome = Ok(Vector { embedding: sparse, tokens: Some(3), truncated: Some(false) });
        let row = shown(&Row { index: 0, id: None, kept: &[], outcome });
        assert!(row.starts_with("0: {1: 0.5000, 5: 0.5000") && row.contains("… 7 weights}  3 tokens"), "{row}");
        let vectors = [0.5f32; 6];
        let tokens = Numbers::Tokens { vectors: &vectors, dimensions: 2 };
        let outcome = Ok(Vector { embedding: tokens, tokens: Some(3), truncated: Some(false) });
        assert!(shown(&Row { index: 0, id: None, kept: &[], outcome }).contains("[0.5000, 0.5000] … 3 vectors"));
    }
}
