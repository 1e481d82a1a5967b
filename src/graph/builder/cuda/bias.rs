//! The bias of attention's scores: padding, causality, windows, slopes and tables of distances.

use super::attention::Scores;
use crate::graph::builder::attention::Mask;
use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::proto::TENSOR_FLOAT;
use crate::graph::{Feed, Rows};

impl Builder<'_> {
    /// All that is added to the scores, `[1 or batch, 1 or heads, sequence, sequence]`; `None` if the operator needs nothing.
    pub(super) fn score_bias(&mut self, scores: &Scores<'_>) -> Option<Value> {
        let Scores { mask, slopes, .. } = *scores;
        // Padding stands behind a text: a causal query never sees it.
        let padding = (!self.is_unpadded() && !mask.causal).then(|| self.padding_bias());
        let needs_mask = mask.reach.is_some() || mask.causal && (scores.bias.is_some() || !slopes.is_empty());
        let hidden = needs_mask.then(|| self.mask_bias(mask, Rows::All));
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
            let (none, masked) = (b.scalar(0), b.precision().masked());
            let hidden = b.op("Equal", &[&mask, &none], &[]);
            let (seen, masked) = (b.float(0.0), b.float(masked));
            let keys = b.op("Where", &[&hidden, &masked, &seen], &[]);
            let axes = b.ints(&[1, 2]);
            let keys = b.op("Unsqueeze", &[&keys, &axes], &[]);
            // Attention's operator requires a row for every query.
            let no_distance = b.mask_bias(Mask::default(), Rows::All);
            b.op("Add", &[&keys, &no_distance], &[])
        })
    }

    /// −slope · |distance|: `[1, heads, sequence, sequence]`.
    fn slope_bias(&mut self, slopes: &[f32]) -> Value {
        let falling: Vec<f32> = slopes.iter().map(|slope| -slope).collect();
        self.shared(&format!("slopes {slopes:?}"), |b| {
            let distance = b.distance();
            let distance = b.op("Abs", &[&distance], &[]);
            let distance = b.op("Cast", &[&distance], &[Attribute::Int("to", TENSOR_FLOAT.into())]);
            let falling = b.floats(&falling, &[1, falling.len() as i64, 1, 1]);
            let bias = b.op("Mul", &[&distance, &falling], &[]);
            b.rounded(&bias)
        })
    }
}
