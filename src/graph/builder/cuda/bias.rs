//! The bias of attention's scores: padding, causality, windows, slopes and tables of distances.
//!
//! A text of 8,192 tokens has 67 million pairs: what is made for each of them takes one byte or is in the format of the
//! layers, where that is exact enough.

use super::scores::Scores;
use crate::graph::Feed;
use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::mask::Mask;
use crate::graph::builder::value::Value;

impl Builder<'_> {
    /// All that is added to the scores, `[1 or batch, 1 or heads, sequence, sequence]`; `None` if the operator needs nothing.
    pub(super) fn score_bias(&mut self, scores: &Scores<'_>) -> Option<Value> {
        let Scores { mask, slopes, .. } = *scores;
        // Padding stands behind a text: a causal query never sees it.
        let padding = (!self.is_unpadded() && !mask.causal).then(|| self.padding_bias());
        let needs_mask = mask.reach.is_some() || mask.causal && (scores.bias.is_some() || !slopes.is_empty());
        let hidden = needs_mask.then(|| self.seen_bias(mask));
        let sloping = (!slopes.is_empty()).then(|| self.slope_bias(slopes));
        let parts: Vec<Value> = [scores.bias.cloned(), sloping, hidden, padding].into_iter().flatten().collect();
        let (first, others) = parts.split_first()?;
        Some(others.iter().fold(first.clone(), |sum, part| {
            let key = format!("sum of {} and {}", sum.0, part.0);
            let (sum, part) = (sum, part.clone());
            self.shared(&key, |b| b.op("Add", &[&sum, &part], &[]))
        }))
    }

    /// 0 for tokens, else a number that no score outweighs: `[batch, 1, sequence, sequence]`.
    fn padding_bias(&mut self) -> Value {
        self.masks = true;
        let mask = self.feed(Feed::Mask);
        self.shared("padding", |b| {
            let none = b.scalar(0);
            let hidden = b.op("Equal", &[&mask, &none], &[]);
            let keys = b.hidden_bias(&hidden, &[1, 2]);
            // Attention's operator requires a row for every query.
            let steps = b.feed(Feed::Steps);
            let zeros = b.op("Sub", &[&steps, &steps], &[]);
            let zeros = b.float_column(&zeros);
            let zeros = b.rounded(&zeros);
            b.op("Add", &[&keys, &zeros], &[])
        })
    }

    /// 0 where a query sees a key, else a number that no score outweighs: `[1, 1, sequence, sequence]`.
    fn seen_bias(&mut self, mask: Mask) -> Value {
        self.shared(&format!("{mask:?}"), |b| {
            let steps = b.feed(Feed::Steps);
            let (row, column) = (b.ints(&[0]), b.ints(&[1]));
            let keys = b.op("Unsqueeze", &[&steps, &row], &[]);
            let queries = b.op("Unsqueeze", &[&steps, &column], &[]);
            let reach = mask.reach.map(|reach| b.scalar(i64::try_from(reach).unwrap_or(i64::MAX).min(1 << 40)));
            let mut last = queries.clone();
            if let (Some(reach), false) = (&reach, mask.causal) {
                last = b.op("Add", &[&queries, reach], &[]);
            }
            let mut hidden = b.op("Greater", &[&keys, &last], &[]);
            if let Some(reach) = &reach {
                let first = b.op("Sub", &[&queries, reach], &[]);
                let before = b.op("Less", &[&keys, &first], &[]);
                hidden = b.op("Or", &[&hidden, &before], &[]);
            }
            b.hidden_bias(&hidden, &[0, 1])
        })
    }

    /// A number that no score outweighs where `hidden` holds, else 0; with more dimensions at `axes`.
    fn hidden_bias(&mut self, hidden: &Value, axes: &[i64]) -> Value {
        let masked = self.precision().masked();
        let (seen, masked, axes) = (self.float(0.0), self.float(masked), self.ints(axes));
        let bias = self.op("Where", &[hidden, &masked, &seen], &[]);
        self.op("Unsqueeze", &[&bias, &axes], &[])
    }

    /// −slope · |distance|: `[1, heads, sequence, sequence]`.
    fn slope_bias(&mut self, slopes: &[f32]) -> Value {
        self.shared(&format!("slopes {slopes:?}"), |b| {
            let steps = b.feed(Feed::Steps);
            let queries = b.float_column(&steps);
            let keys = b.op("Transpose", &[&queries], &[]);
            let distance = b.op("Sub", &[&queries, &keys], &[]);
            let distance = b.op("Abs", &[&distance], &[]);
            let distance = b.rounded(&distance);
            let falling: Vec<f32> = slopes.iter().map(|slope| -slope).collect();
            let falling = b.floats(&falling, &[1, falling.len() as i64, 1, 1]);
            let falling = b.rounded(&falling);
            b.op("Mul", &[&distance, &falling], &[])
        })
    }
}
