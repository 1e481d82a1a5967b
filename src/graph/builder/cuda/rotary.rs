//! Rotary positions: a row of cosines and sines for each row of tokens, in f32 up to the last step.

use crate::graph::Feed;
use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::rope::{GrowingRotary, Rope, Rotary};
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::proto::TENSOR_FLOAT;

impl Builder<'_> {
    /// The tables of `rotary`: a row for each token, or, where texts are padded, one for each column.
    pub(in super::super) fn cuda_rope(&mut self, rotary: &Rotary) -> Rope {
        let positions = if self.is_unpadded() { Feed::Positions } else { Feed::Steps };
        let frequencies: Vec<f32> = rotary.frequencies.iter().map(|&f| f as f32).collect();
        let pairs = frequencies.len();
        let frequencies = self.floats(&frequencies, &[pairs as i64]);
        let (cos, sin) = self.cuda_tables(positions, &frequencies, rotary.factor as f32);
        let rows = self.ints(&[0]);
        Rope { cos, sin, dim: 2 * pairs, interleaved: rotary.interleaved, own: None, rows: Some(rows) }
    }

    /// The tables of angles that shrink with the length of a text: a row for each token.
    pub(in super::super) fn growing_rope_by_token(&mut self, rotary: &GrowingRotary) -> Rope {
        let lengths = self.feed(Feed::TextLengths);
        let trained = self.scalar(rotary.trained as i64);
        let longer = self.op("Max", &[&lengths, &trained], &[]);
        let beyond = self.op("Sub", &[&longer, &trained], &[]);
        let beyond = self.float_column(&beyond);
        let frequencies = self.grown_frequencies(rotary, &beyond);
        let (cos, sin) = self.cuda_tables(Feed::Positions, &frequencies, 1.0);
        let rows = match self.is_unpadded() {
            true => self.ints(&[0]),
            // The numbers of rows, in the shape of the ids.
            false => {
                let (first, steps) = (self.feed(Feed::FirstRows), self.feed(Feed::Steps));
                let (row, column) = (self.ints(&[0]), self.ints(&[1]));
                let first = self.op("Unsqueeze", &[&first, &column], &[]);
                let steps = self.op("Unsqueeze", &[&steps, &row], &[]);
                self.op("Add", &[&first, &steps], &[])
            }
        };
        Rope { cos, sin, dim: rotary.dim, interleaved: rotary.interleaved, own: None, rows: Some(rows) }
    }

    /// Cosine and sine of positions times `frequencies` (`[pairs]`, or a row for each position), times `factor`.
    fn cuda_tables(&mut self, positions: Feed, frequencies: &Value, factor: f32) -> (Value, Value) {
        let positions = self.feed(positions);
        let positions = self.float_column(&positions);
        let angles = self.op("Mul", &[&positions, frequencies], &[]);
        let mut table = |of: &str| {
            let mut table = self.op(of, &[&angles], &[]);
            if factor != 1.0 {
                let factor = self.floats(&[factor], &[]);
                table = self.op("Mul", &[&table, &factor], &[]);
            }
            self.rounded(&table)
        };
        (table("Cos"), table("Sin"))
    }

    /// Integers of any shape as f32 `[numbers, 1]`.
    pub(super) fn float_column(&mut self, x: &Value) -> Value {
        let column = self.ints(&[-1, 1]);
        let x = self.op("Cast", &[x], &[Attribute::Int("to", TENSOR_FLOAT.into())]);
        self.op("Reshape", &[&x, &column], &[])
    }

    /// Rotates the heads of all tokens `x`.
    pub(in super::super) fn cuda_rotation(&mut self, x: &Value, rope: &Rope, heads: usize, head_dim: usize) -> Value {
        let width = (heads * head_dim) as i64;
        let texts = match self.is_unpadded() {
            true => {
                let one = self.ints(&[1, -1, width]);
                self.op("Reshape", &[x, &one], &[])
            }
            false => x.clone(),
        };
        let rows = rope.rows.clone().unwrap_or_else(Self::absent);
        let attributes = [
            Attribute::Int("num_heads", heads as i64),
            Attribute::Int("rotary_embedding_dim", if rope.dim == head_dim { 0 } else { rope.dim as i64 }),
            Attribute::Int("interleaved", i64::from(rope.interleaved)),
        ];
        let turned = self.microsoft("RotaryEmbedding", &[&texts, &rows, &rope.cos, &rope.sin], &attributes);
        match self.is_unpadded() {
            true => {
                let flat = self.ints(&[-1, width]);
                self.op("Reshape", &[&turned, &flat], &[])
            }
            false => turned,
        }
    }
}
