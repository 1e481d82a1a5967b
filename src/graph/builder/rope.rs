//! Rotary position embeddings: every pair of numbers of a head is turned by an angle that grows with the position.
//!
//! Su et al. 2021, <https://arxiv.org/abs/2104.09864>; scaled variants as in `transformers`, `modeling_rope_utils.py`.

use super::super::{Operators, Rows};
use super::{Attribute, Builder, Value};

/// Angles of a rotary embedding, before they are a table in a graph.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Rotary {
    /// Angle a position, for each pair of numbers: half as many as numbers of a head that turn.
    pub frequencies: Vec<f64>,
    /// Factor of cosine and sine (1 but for some scaled variants).
    pub factor: f64,
    /// Positions the table is made for.
    pub positions: usize,
    /// Whether pairs are neighbours (0 with 1, …) and not halves apart (0 with dim/2, …).
    pub interleaved: bool,
}

impl Rotary {
    /// Angles base^(-2i/dim), one pair of the first `dim` numbers of a head each.
    pub(in super::super) fn plain(base: f64, dim: usize, positions: usize) -> Self {
        let frequencies = (0..dim / 2).map(|i| base.powf(-((2 * i) as f64) / dim as f64)).collect();
        Self { frequencies, factor: 1.0, positions, interleaved: false }
    }
}

/// The tables of a rotary embedding in a graph.
#[derive(Debug, Clone)]
pub(in super::super) struct Rope {
    /// `[positions, dim / 2]`
    cos: Value,
    sin: Value,
    /// Numbers of a head that turn.
    dim: usize,
    interleaved: bool,
}

impl Builder<'_> {
    /// Puts the tables of `rotary` into the graph.
    pub(in super::super) fn rope(&mut self, rotary: &Rotary) -> Rope {
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
        Rope { cos, sin, dim: 2 * pairs, interleaved: rotary.interleaved }
    }

    /// Turns the heads of flat `x` `[rows, heads · head_dim]`; `rows` says which tokens they are.
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
