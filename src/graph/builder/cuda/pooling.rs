//! From the rows of tokens to one row a text. Sums over tokens are products, since sums over a middle axis need cuDNN.

use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::{Feed, Lexical, Precision, Rows};

impl Builder<'_> {
    /// The first or the last row of each text, by its number: `[batch, width]`.
    pub(in super::super) fn pick_by_number(&mut self, x: &Value, width: usize, rows: Rows) -> Value {
        match rows {
            Rows::All => x.clone(),
            Rows::First => self.rows_by(x, width, Feed::FirstRows),
            Rows::Last => self.rows_by(x, width, Feed::LastRows),
        }
    }

    /// The rows of tokens `x` whose numbers `feed` holds.
    pub(in crate::graph) fn rows_by(&mut self, x: &Value, width: usize, feed: Feed) -> Value {
        let flat = if self.is_unpadded() {
            x.clone()
        } else {
            let shape = self.ints(&[-1, width as i64]);
            self.op("Reshape", &[x, &shape], &[])
        };
        let numbers = self.feed(feed);
        self.op("Gather", &[&flat, &numbers], &[])
    }

    /// Tokens `x` as `[texts, longest, width]`. Places behind a text hold zeros, or, if `x` is padded, any finite numbers.
    fn by_text(&mut self, x: &Value) -> Value {
        if !self.is_unpadded() {
            return x.clone();
        }
        let places = self.feed_i32(Feed::Places);
        self.microsoft("RestorePadding", &[x, &places], &[])
    }

    /// The mean of f32 rows of each text: `[batch, width]`.
    fn pooled(&mut self, x: &Value, width: usize) -> Value {
        let texts = self.by_text(x);
        let pool = self.feed(Feed::Pool);
        let means = self.op("MatMul", &[&pool, &texts], &[]);
        let flat = self.ints(&[-1, width as i64]);
        self.op("Reshape", &[&means, &flat], &[])
    }

    /// The mean of the rows of each text: `[batch, width]`. It is summed in f32, as sums of long texts are beyond float16.
    pub(in super::super) fn mean_by_product(&mut self, x: &Value, width: usize) -> Value {
        let x = self.widened(x);
        let means = self.pooled(&x, width);
        self.rounded(&means)
    }

    /// Logits of tokens → f32 weights `[batch, vocab]`.
    pub(in crate::graph) fn cuda_lexical(&mut self, logits: &Value, vocab: usize, lexical: Lexical) -> Value {
        let logits = self.op("Relu", &[logits], &[]);
        if lexical.sum {
            let logits = self.widened(&logits);
            let weights = self.saturated(&logits, lexical.twice);
            let means = self.pooled(&weights, vocab);
            let lengths = self.feed(Feed::Lengths);
            let lengths = self.float_column(&lengths);
            return self.op("Mul", &[&means, &lengths], &[]);
        }
        let mut texts = self.by_text(&logits);
        if !self.is_unpadded() {
            let mask = self.feed(Feed::Mask);
            let axis = self.ints(&[2]);
            let mask = self.op("Unsqueeze", &[&mask, &axis], &[]);
            let (none, zero) = (self.scalar(0), self.float(0.0));
            let hidden = self.op("Equal", &[&mask, &none], &[]);
            texts = self.op("Where", &[&hidden, &zero, &texts], &[]);
        }
        // TopK takes bfloat16 from opset 24 on only; float16 takes half the memory of f32.
        let widens_before = self.precision() == Precision::Bfloat16;
        if widens_before {
            texts = self.widened(&texts);
        }
        // The maximum over a middle axis needs cuDNN; the first of the largest does not.
        let one = self.ints(&[1]);
        let largest = self.op("TopK", &[&texts, &one], &[Attribute::Int("axis", 1)]);
        let _ = self.further_output(1);
        let flat = self.ints(&[-1, vocab as i64]);
        let mut largest = self.op("Reshape", &[&largest, &flat], &[]);
        if !widens_before {
            largest = self.widened(&largest);
        }
        self.saturated(&largest, lexical.twice)
    }

    /// log(1 + x) of f32 numbers of at least 0, perhaps twice.
    fn saturated(&mut self, x: &Value, twice: bool) -> Value {
        let one = self.floats(&[1.0], &[]);
        (0..=usize::from(twice)).fold(x.clone(), |x, _| {
            let x = self.op("Add", &[&x, &one], &[]);
            self.op("Log", &[&x], &[])
        })
    }
}
