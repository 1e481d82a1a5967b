//! Scaled dot-product attention, with what architectures add to it: causality, windows, biases, shared keys.

use super::super::proto::TENSOR_FLOAT;
use super::super::{Operators, Rows};
use super::cuda::scores::{Qkv, Scores};
use super::graph_builder::Builder;
use super::mask::Mask;
use super::value::{Attribute, Value};

/// One attention: the rows that are queries, the shapes of the values, and the bias of the scores.
pub(in super::super) struct Attention<'a> {
    /// Queries, flat `[rows, heads · head_dim]`; `rows` are their tokens.
    pub q: &'a Value,
    /// Keys, flat `[batch · sequence, kv_heads · head_dim]`.
    pub k: &'a Value,
    /// Values, as the keys.
    pub v: &'a Value,
    pub heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` heads of queries.
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Factor of the scores; `None`: 1/√head_dim.
    pub scale: Option<f32>,
    pub mask: Mask,
    /// Added to the scores: `[1 or batch, 1 or heads, sequence, sequence]`.
    pub bias: Option<&'a Value>,
    pub rows: Rows,
}

impl Builder<'_> {
    /// Every query's mean of the values it sees: `[rows, heads · head_dim]`, flat.
    pub(in super::super) fn attention(&mut self, a: &Attention<'_>) -> Value {
        self.attention_width += a.heads * a.head_dim;
        if self.is_cuda() {
            let (k, v) = (self.keys(a.k, a), self.keys(a.v, a));
            let Attention { heads, scale, mask, bias, .. } = *a;
            let scores = Scores { heads, kv_heads: heads, scale, mask, slopes: &[], bias };
            return self.scored(&Qkv::Apart([a.q, &k, &v]), &scores);
        }
        if self.operators == Operators::OnnxRuntime && self.attention_mask.is_none() && a.can_be_grouped() {
            return self.grouped_attention(a);
        }
        let q = self.sequences(a.q, a.heads * a.head_dim, a.rows);
        let (k, v) = (self.keys(a.k, a), self.keys(a.v, a));
        if let (Some(reach), false, None, None) = (a.mask.reach, a.mask.causal, a.bias, &self.attention_mask) {
            let context = self.local_attention(a, [&q, &k, &v], reach);
            return self.flatten(&context, a.heads * a.head_dim);
        }
        let bias = a.bias.map(|bias| self.rows_of(bias, a.rows, 2));
        let bias = self.with_masked_tokens(bias, a.rows);
        // Without a window the last token sees every key; and the runtime's operator implements causality itself.
        let implied = a.mask.reach.is_none()
            && (!a.mask.causal
                || a.rows == Rows::Last
                || a.rows == Rows::All && bias.is_none() && self.operators == Operators::OnnxRuntime);
        let bias = if implied {
            bias
        } else {
            let mask = self.mask_bias(a.mask, a.rows);
            Some(match bias {
                Some(bias) => self.op("Add", &[&bias, &mask], &[]),
                None => mask,
            })
        };
        let mut context = self.attend(a, [&q, &k, &v], bias.as_ref());
        if let (Some(bias), Some(_), Some(_)) = (&bias, a.mask.reach, &self.attention_mask) {
            context = self.nothing_of_nothing(&context, bias);
        }
        self.flatten(&context, a.heads * a.head_dim)
    }

    /// `context` with zeros for queries that see no key at all, as torch has it: all that is near them is masked.
    fn nothing_of_nothing(&mut self, context: &Value, bias: &Value) -> Value {
        // [batch, 1, queries]
        let best = self.op("ReduceMax", &[bias], &[Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 0)]);
        let masked = self.float(self.masked / 2.0);
        let sees = self.op("Greater", &[&best, &masked], &[]);
        let sees = self.op("Cast", &[&sees], &[Attribute::Int("to", TENSOR_FLOAT.into())]);
        let rows = self.op("Transpose", &[&sees], &[Attribute::Ints("perm", &[0, 2, 1])]);
        self.op("Mul", &[context, &rows], &[])
    }

    /// softmax(q · kᵀ · scale + bias) · v over `[batch, …, heads · head_dim]` each: `[batch, queries, heads ·
    /// head_dim]`. `bias` is of those queries and keys; of `a`, shape and scale count, and causality if nothing else
    /// masks.
    pub(in super::super) fn attend(
        &mut self,
        a: &Attention<'_>,
        [q, k, v]: [&Value; 3],
        bias: Option<&Value>,
    ) -> Value {
        if self.operators == Operators::Standard {
            return self.standard_attention(a, [q, k, v], bias);
        }
        let absent = Self::absent();
        let mut inputs = vec![q, k, v];
        if let Some(bias) = bias {
            // Between them: the projections' bias and a padding mask.
            inputs.extend([&absent, &absent, bias]);
        }
        let mut attributes = vec![Attribute::Int("num_heads", a.heads as i64)];
        if let Some(scale) = a.scale {
            attributes.push(Attribute::Float("scale", scale));
        }
        if a.mask.causal && a.rows == Rows::All && bias.is_none() {
            attributes.push(Attribute::Int("unidirectional", 1));
        }
        self.microsoft("MultiHeadAttention", &inputs, &attributes)
    }

    /// Flat keys or values → `[batch, sequence, heads · head_dim]`: every head as often as heads of queries share it.
    fn keys(&mut self, x: &Value, a: &Attention<'_>) -> Value {
        let x = self.sequences(x, a.kv_heads * a.head_dim, Rows::All);
        if a.heads == a.kv_heads {
            return x;
        }
        let (kv, dim, each) = (a.kv_heads as i64, a.head_dim as i64, (a.heads / a.kv_heads) as i64);
        let apart = self.ints(&[0, 0, kv, 1, dim]);
        let x = self.op("Reshape", &[&x, &apart], &[]);
        let often = self.ints(&[1, 1, 1, each, 1]);
        let x = self.op("Expand", &[&x, &often], &[]);
        let together = self.ints(&[0, 0, kv * each * dim]);
        self.op("Reshape", &[&x, &together], &[])
    }

    /// softmax(q · kᵀ · scale + bias) · v: `[batch, queries, heads · head_dim]`.
    fn standard_attention(&mut self, a: &Attention<'_>, [q, k, v]: [&Value; 3], bias: Option<&Value>) -> Value {
        let heads = self.ints(&[0, 0, a.heads as i64, a.head_dim as i64]);
        let mut by_head = |x: &Value, order: &[i64]| {
            let x = self.op("Reshape", &[x, &heads], &[]);
            self.op("Transpose", &[&x], &[Attribute::Ints("perm", order)])
        };
        let (q, k, v) = (by_head(q, &[0, 2, 1, 3]), by_head(k, &[0, 2, 3, 1]), by_head(v, &[0, 2, 1, 3]));
        let scores = self.op("MatMul", &[&q, &k], &[]);
        let scale = self.float(a.scale.unwrap_or(1.0 / (a.head_dim as f32).sqrt()));
        let mut scores = self.op("Mul", &[&scores, &scale], &[]);
        if let Some(bias) = bias {
            scores = self.op("Add", &[&scores, bias], &[]);
        }
        let weights = self.op("Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        let context = self.op("MatMul", &[&weights, &v], &[]);
        let context = self.op("Transpose", &[&context], &[Attribute::Ints("perm", &[0, 2, 1, 3])]);
        let together = self.ints(&[0, 0, (a.heads * a.head_dim) as i64]);
        self.op("Reshape", &[&context, &together], &[])
    }

    /// `bias` (shape as of [`Attention::bias`]) with the tokens masked that the graph's attention mask leaves out.
    pub(in super::super) fn with_masked_tokens(&mut self, bias: Option<Value>, rows: Rows) -> Option<Value> {
        let Some(mask) = self.attention_mask.clone() else { return bias };
        self.masks = true;
        // [batch, 1, 1, sequence]
        let masked = self.shared("masked tokens", |b| {
            let none = b.scalar(0);
            let hidden = b.op("Equal", &[&mask, &none], &[]);
            let (seen, masked) = (b.float(0.0), b.float(b.masked));
            let bias = b.op("Where", &[&hidden, &masked, &seen], &[]);
            let axes = b.ints(&[1, 2]);
            b.op("Unsqueeze", &[&bias, &axes], &[])
        });
        Some(match (bias, rows) {
            (Some(bias), _) => self.op("Add", &[&bias, &masked], &[]),
            (None, Rows::First | Rows::Last) => masked,
            // ONNX Runtime's operator requires a row for every query.
            (None, Rows::All) => self.shared("masked tokens of every query", |b| {
                let (length, one, two) = (b.length(), b.ints(&[1]), b.ints(&[1, 1]));
                let shape = b.op("Concat", &[&two, &length, &one], &[Attribute::Int("axis", 0)]);
                b.op("Expand", &[&masked, &shape], &[])
            }),
        })
    }

    /// 0 where a query of `rows` sees a key, else a number that no score outweighs: `[1, 1, queries, sequence]`.
    pub(super) fn mask_bias(&mut self, mask: Mask, rows: Rows) -> Value {
        self.shared(&format!("{mask:?} {rows:?}"), |b| {
            let distance = b.distance_from(rows);
            let zero = b.scalar(0);
            let after = mask.causal.then(|| b.op("Greater", &[&distance, &zero], &[]));
            let beyond = mask.reach.map(|reach| {
                let apart = b.op("Abs", &[&distance], &[]);
                let reach = b.scalar(reach as i64);
                b.op("Greater", &[&apart, &reach], &[])
            });
            let (seen, masked) = (b.float(0.0), b.float(b.masked));
            let hidden = match (after, beyond) {
                (Some(after), Some(beyond)) => b.op("Or", &[&after, &beyond], &[]),
                (Some(hidden), None) | (None, Some(hidden)) => hidden,
                (None, None) => b.op("Greater", &[&distance, &distance], &[]),
            };
            let bias = b.op("Where", &[&hidden, &masked, &seen], &[]);
            let axes = b.ints(&[0, 1]);
            b.op("Unsqueeze", &[&bias, &axes], &[])
        })
    }

    /// The distance of key (column) and query (row) in positions, positive if the key comes later, i64 `[sequence,
    /// sequence]`.
    pub(in super::super) fn distance(&mut self) -> Value {
        self.distance_from(Rows::All)
    }

    /// All distances in a text of n tokens, the longest where texts are packed, from −(n − 1) to n − 1: i64 `[2n − 1]`.
    pub(in super::super) fn distances(&mut self) -> Value {
        self.shared("distances", |b| {
            let length = b.length();
            let none = b.ints(&[]);
            let length = b.op("Reshape", &[&length, &none], &[]);
            let one = b.scalar(1);
            let first = b.op("Sub", &[&one, &length], &[]);
            b.op("Range", &[&first, &length, &one], &[])
        })
    }

    /// The distances of [`Builder::distance`] from the queries of `rows` alone: `[queries, sequence]`.
    fn distance_from(&mut self, rows: Rows) -> Value {
        self.shared(&format!("distance {rows:?}"), |b| {
            let positions = b.positions();
            let queries = b.rows_of(&positions, rows, 0);
            let (row, column) = (b.ints(&[0]), b.ints(&[1]));
            let keys = b.op("Unsqueeze", &[&positions, &row], &[]);
            let queries = b.op("Unsqueeze", &[&queries, &column], &[]);
            b.op("Sub", &[&keys, &queries], &[])
        })
    }
}
