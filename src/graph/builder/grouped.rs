//! Causal attention by ONNX Runtime's `GroupQueryAttention`.

use super::super::Rows;
use super::super::proto::TENSOR_INT32;
use super::Attention;
use super::graph_builder::Builder;
use super::value::{Attribute, Value};

impl Attention<'_> {
    /// True if [`Builder::grouped_attention`] applies: its operator is causal and needs heads of 8, 16, 24 … numbers.
    pub(super) fn can_be_grouped(&self) -> bool {
        self.mask.causal && self.rows == Rows::All && self.bias.is_none() && self.head_dim.is_multiple_of(8)
    }
}

impl Builder<'_> {
    /// Causal attention of all tokens by ONNX Runtime's grouped-query operator, which shares the key heads in place and
    /// skips masked keys. Measured on CPU with 16 heads of 128 over 8 of keys, against `MultiHeadAttention` and
    /// repeated keys: 0.10 ms instead of 0.12 at 32 tokens, 19 instead of 28 at 512, 144 instead of 713 at 2,048.
    pub(super) fn grouped_attention(&mut self, a: &Attention<'_>) -> Value {
        let (width, kv_width) = (a.heads * a.head_dim, a.kv_heads * a.head_dim);
        let q = self.sequences(a.q, width, Rows::All);
        let (k, v) = (self.sequences(a.k, kv_width, Rows::All), self.sequences(a.v, kv_width, Rows::All));
        let (last, total) = (self.last_key(), self.total_keys());
        let absent = Self::absent();
        let mut attributes =
            vec![Attribute::Int("num_heads", a.heads as i64), Attribute::Int("kv_num_heads", a.kv_heads as i64)];
        if let Some(scale) = a.scale {
            attributes.push(Attribute::Float("scale", scale));
        }
        if let Some(reach) = a.mask.reach {
            // The window counts the query's own position.
            let window = i64::try_from(reach.saturating_add(1)).unwrap_or(i64::MAX).min(i64::from(i32::MAX));
            attributes.push(Attribute::Int("local_window_size", window));
        }
        // Between them: keys and values of tokens before the text.
        let inputs = [&q, &k, &v, &absent, &absent, &last, &total];
        let context = self.microsoft("GroupQueryAttention", &inputs, &attributes);
        // Keys and values for the tokens that would follow: up to 1.26 the runtime insists on having a place for them.
        let _: [Value; 2] = self.more_outputs();
        self.flatten(&context, width)
    }

    /// Position of each text's last key, i32 `[batch]`.
    fn last_key(&mut self) -> Value {
        self.shared("last key", |b| {
            let (ids, last) = (b.input_ids(), b.first_row(Rows::Last));
            let batch = b.op("Shape", &[&ids], &[Attribute::Int("start", 0), Attribute::Int("end", 1)]);
            let last = b.op("Expand", &[&last, &batch], &[]);
            b.op("Cast", &[&last], &[Attribute::Int("to", i64::from(TENSOR_INT32))])
        })
    }

    /// Number of keys of a text, i32 without dimensions.
    fn total_keys(&mut self) -> Value {
        self.shared("total keys", |b| {
            let (length, none) = (b.length(), b.ints(&[]));
            let length = b.op("Reshape", &[&length, &none], &[]);
            b.op("Cast", &[&length], &[Attribute::Int("to", i64::from(TENSOR_INT32))])
        })
    }
}
