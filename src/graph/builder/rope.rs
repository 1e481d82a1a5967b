//! Rotary position embeddings: every pair of numbers of a head is turned by an angle that grows with the position.
//!
//! Su et al. 2021, <https://arxiv.org/abs/2104.09864>; scaled variants as in `transformers`, `modeling_rope_utils.py`.

use std::sync::Arc;

use super::super::proto::TENSOR_FLOAT;
use super::super::{Operators, Rows};
use super::graph_builder::Builder;
use super::value::{Attribute, Value};
use crate::kernels;

/// Numbers of the largest table that stands in the graph itself: half a megabyte, cosine and sine together.
const LARGEST_TABLE: usize = 1 << 16;

/// Angles of a rotary embedding, before they are a table in a graph.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Rotary {
    /// Angle a position, for each pair of numbers: half as many as numbers of a head that turn.
    pub frequencies: Vec<f64>,
    /// Factor of cosine and sine (1 but for some scaled variants).
    pub factor: f64,
    /// Positions of the longest text.
    pub positions: usize,
    /// True if pairs are neighbours (0 with 1, …) and not halves apart (0 with dim/2, …).
    pub interleaved: bool,
}

impl Rotary {
    /// Angles base^(-2i/dim), one pair of the first `dim` numbers of a head each.
    pub(in super::super) fn plain(base: f64, dim: usize, positions: usize) -> Self {
        // Rounded to f32 where the reference rounds: in a long text, the last bit of a frequency shows.
        let frequency = |i: usize| {
            let exponent = (2 * i) as f32 / dim as f32;
            let wavelength = f64::from(base as f32).powf(f64::from(exponent)) as f32;
            f64::from(1.0 / wavelength)
        };
        Self { frequencies: (0..dim / 2).map(frequency).collect(), factor: 1.0, positions, interleaved: false }
    }

    /// The same for operators of our own.
    pub(super) fn own(&self) -> kernels::Rope {
        let frequencies = self.frequencies.iter().map(|&frequency| frequency as f32).collect();
        kernels::Rope::new(frequencies, self.factor as f32, self.interleaved)
    }
}

/// A rotary embedding whose base grows with the text, once the text is longer than the training length (dynamic NTK
/// scaling): base · (1 + factor · (length − trained) / trained)^(dim / (dim − 2)).
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct GrowingRotary {
    pub base: f64,
    /// Numbers of a head that turn; more than 2.
    pub dim: usize,
    pub factor: f64,
    /// Length of a text up to which the base stays as it is.
    pub trained: usize,
    pub interleaved: bool,
}

/// The tables of a rotary embedding in a graph.
#[derive(Debug, Clone)]
pub(in super::super) struct Rope {
    /// `[positions, dim / 2]`
    pub(super) cos: Value,
    pub(super) sin: Value,
    /// Numbers of a head that turn.
    pub(super) dim: usize,
    pub(super) interleaved: bool,
    /// The angles for operators of our own, which have no tables in the graph.
    pub own: Option<Arc<kernels::Rope>>,
    /// The row of the tables for each token, or that for the first, where texts are of different lengths.
    pub(super) rows: Option<Value>,
}

impl Builder<'_> {
    /// Puts the tables of `rotary` into the graph, or, where they would be large, their computation.
    pub(in super::super) fn rope(&mut self, rotary: &Rotary) -> Rope {
        if self.is_cuda() {
            return self.cuda_rope(rotary);
        }
        if self.is_packed() {
            let (cos, sin) = (Self::absent(), Self::absent());
            let own = Some(Arc::new(rotary.own()));
            return Rope {
                cos,
                sin,
                dim: 2 * rotary.frequencies.len(),
                interleaved: rotary.interleaved,
                own,
                rows: None,
            };
        }
        if rotary.positions.saturating_mul(rotary.frequencies.len()) > LARGEST_TABLE {
            return self.computed_rope(rotary);
        }
        // In f32, as the reference has them: angle = position · frequency, each rounded.
        let angles: Vec<f32> = (0..rotary.positions)
            .flat_map(|position| rotary.frequencies.iter().map(move |&f| position as f32 * f as f32))
            .collect();
        let pairs = rotary.frequencies.len();
        let dims = [rotary.positions as i64, pairs as i64];
        let mut table = |of: fn(f64) -> f64| {
            let numbers: Vec<f32> = angles.iter().map(|&a| (of(f64::from(a)) * rotary.factor) as f32).collect();
            self.floats(&numbers, &dims)
        };
        let (cos, sin) = (table(f64::cos), table(f64::sin));
        Rope { cos, sin, dim: 2 * pairs, interleaved: rotary.interleaved, own: None, rows: None }
    }

    /// Has the graph compute as many rows of the tables as a text needs.
    fn computed_rope(&mut self, rotary: &Rotary) -> Rope {
        let frequencies: Vec<f32> = rotary.frequencies.iter().map(|&f| f as f32).collect();
        let pairs = frequencies.len();
        let frequencies = self.floats(&frequencies, &[pairs as i64]);
        let angles = self.angles(&frequencies);
        let mut table = |of: &str| {
            let table = self.op(of, &[&angles], &[]);
            if rotary.factor == 1.0 {
                return table;
            }
            let factor = self.float(rotary.factor as f32);
            self.op("Mul", &[&table, &factor], &[])
        };
        let (cos, sin) = (table("Cos"), table("Sin"));
        Rope { cos, sin, dim: 2 * pairs, interleaved: rotary.interleaved, own: None, rows: None }
    }

    /// Position times frequency: `[sequence, pairs]`.
    fn angles(&mut self, frequencies: &Value) -> Value {
        let positions = self.positions();
        let (positions, column) = (self.as_float(&positions), self.ints(&[1]));
        let positions = self.op("Unsqueeze", &[&positions, &column], &[]);
        self.op("Mul", &[&positions, frequencies], &[])
    }

    /// Has the graph compute the tables for the length of its texts.
    pub(in super::super) fn growing_rope(&mut self, rotary: &GrowingRotary) -> Rope {
        if self.picks_by_number() {
            return self.growing_rope_by_token(rotary);
        }
        let (length, trained) = (self.length(), self.ints(&[rotary.trained as i64]));
        let longer = self.op("Max", &[&length, &trained], &[]);
        let beyond = self.op("Sub", &[&longer, &trained], &[]);
        let beyond = self.as_float(&beyond);
        let frequencies = self.grown_frequencies(rotary, &beyond);
        let angles = self.angles(&frequencies);
        let (cos, sin) = (self.op("Cos", &[&angles], &[]), self.op("Sin", &[&angles], &[]));
        Rope { cos, sin, dim: rotary.dim, interleaved: rotary.interleaved, own: None, rows: None }
    }

    /// The frequencies `[pairs]` for a text with `beyond` more tokens than in training, f32; a row for each number of those.
    pub(super) fn grown_frequencies(&mut self, rotary: &GrowingRotary, beyond: &Value) -> Value {
        let pairs = rotary.dim / 2;
        let slope = (rotary.factor / rotary.trained as f64) as f32;
        let (slope, one) = (self.floats(&[slope], &[]), self.floats(&[1.0], &[]));
        let growth = self.op("Mul", &[beyond, &slope], &[]);
        let growth = self.op("Add", &[&growth, &one], &[]);
        // The i-th frequency is base^(-2i/dim): a base g^(dim/(dim-2)) times as large makes it g^(-2i/(dim-2)) times.
        let exponents: Vec<f32> = (0..pairs).map(|i| -((2 * i) as f32) / (rotary.dim - 2) as f32).collect();
        let exponents = self.floats(&exponents, &[pairs as i64]);
        let shrinking = self.op("Pow", &[&growth, &exponents], &[]);
        let plain = Rotary::plain(rotary.base, rotary.dim, 0).frequencies;
        let plain: Vec<f32> = plain.iter().map(|&f| f as f32).collect();
        let plain = self.floats(&plain, &[pairs as i64]);
        self.op("Mul", &[&plain, &shrinking], &[])
    }

    fn as_float(&mut self, x: &Value) -> Value {
        self.op("Cast", &[x], &[Attribute::Int("to", i64::from(TENSOR_FLOAT))])
    }

    /// Rotates the heads of flat `x` `[rows, heads · head_dim]`; `rows` are their tokens.
    pub(in super::super) fn rotate(
        &mut self,
        x: &Value,
        rope: &Rope,
        heads: usize,
        head_dim: usize,
        rows: Rows,
    ) -> Value {
        let width = heads * head_dim;
        let x = self.sequences(x, width, rows);
        if self.operators == Operators::Standard {
            let turned = self.standard_rotation(&x, rope, heads, head_dim, rows);
            return self.flatten(&turned, width);
        }
        let position = self.first_row(rows);
        let attributes = [
            Attribute::Int("num_heads", heads as i64),
            Attribute::Int("rotary_embedding_dim", if rope.dim == head_dim { 0 } else { rope.dim as i64 }),
            Attribute::Int("interleaved", i64::from(rope.interleaved)),
        ];
        let turned = self.microsoft("RotaryEmbedding", &[&x, &position, &rope.cos, &rope.sin], &attributes);
        self.flatten(&turned, width)
    }

    /// The rotation in ONNX's own operators: `(a, b)` → `(a·cos − b·sin, b·cos + a·sin)` for every pair.
    fn standard_rotation(&mut self, x: &Value, rope: &Rope, heads: usize, head_dim: usize, rows: Rows) -> Value {
        let pairs = (rope.dim / 2) as i64;
        let mut rows_of_table = |table: &Value| {
            if let Some(numbers) = &rope.rows {
                // [batch, queries, 1, pairs]
                let (of_tokens, axis) = (self.op("Gather", &[table, numbers], &[]), self.ints(&[2]));
                return self.op("Unsqueeze", &[&of_tokens, &axis], &[]);
            }
            let (length, zero) = (self.length(), self.ints(&[0]));
            let used = self.op("Slice", &[table, &zero, &length, &zero], &[]);
            let used = self.rows_of(&used, rows, 0);
            let axis = self.ints(&[1]);
            // [queries, 1, pairs]
            self.op("Unsqueeze", &[&used, &axis], &[])
        };
        let (cos, sin) = (rows_of_table(&rope.cos), rows_of_table(&rope.sin));
        let by_head = self.ints(&[0, 0, heads as i64, head_dim as i64]);
        let x = self.op("Reshape", &[x, &by_head], &[]);
        let axis = self.ints(&[3]);
        let mut part = |start: i64, end: i64, step: i64| {
            let (start, end, step) = (self.ints(&[start]), self.ints(&[end]), self.ints(&[step]));
            self.op("Slice", &[&x, &start, &end, &axis, &step], &[])
        };
        let (a, b) = if rope.interleaved {
            (part(0, 2 * pairs, 2), part(1, 2 * pairs, 2))
        } else {
            (part(0, pairs, 1), part(pairs, 2 * pairs, 1))
        };
        let rest = (rope.dim < head_dim).then(|| part(2 * pairs, head_dim as i64, 1));
        let mut combine = |op: &str, x: &Value, y: &Value| {
            let left = self.op("Mul", &[x, &cos], &[]);
            let right = self.op("Mul", &[y, &sin], &[]);
            self.op(op, &[&left, &right], &[])
        };
        let (a, b) = (combine("Sub", &a, &b), combine("Add", &b, &a));
        let turned = if rope.interleaved {
            let last = self.ints(&[4]);
            let (a, b) = (self.op("Unsqueeze", &[&a, &last], &[]), self.op("Unsqueeze", &[&b, &last], &[]));
            let both = self.op("Concat", &[&a, &b], &[Attribute::Int("axis", 4)]);
            let together = self.ints(&[0, 0, heads as i64, 2 * pairs]);
            self.op("Reshape", &[&both, &together], &[])
        } else {
            self.op("Concat", &[&a, &b], &[Attribute::Int("axis", 3)])
        };
        match rest {
            Some(rest) => self.op("Concat", &[&turned, &rest], &[Attribute::Int("axis", 3)]),
            None => turned,
        }
    }
}
