//! A convolution over the tokens of each text, as a product: the operator needs cuDNN.

use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::{Element, Feed, GraphError};
use crate::model::weights::TensorData;

impl Builder<'_> {
    /// The convolution `name`, weights of shape `[outputs, inputs of a group, kernel]`, over padded rows `x`, with zeros about
    /// each text.
    pub(in crate::graph) fn cuda_convolution(
        &mut self,
        x: &Value,
        name: &str,
        shape: [usize; 3],
    ) -> Result<Value, GraphError> {
        let [outputs, group, kernel] = shape;
        let (mask, axis) = (self.feed(Feed::Mask), self.ints(&[2]));
        let mask = self.op("Unsqueeze", &[&mask, &axis], &[]);
        let (none, zero) = (self.scalar(0), self.float(0.0));
        let hidden = self.op("Equal", &[&mask, &none], &[]);
        let x = self.op("Where", &[&hidden, &zero, x], &[]);
        let first = -((kernel as i64 - 1) / 2);
        let shifted: Vec<Value> = (0..kernel as i64).map(|at| self.tokens_after(&x, first + at)).collect();
        let shifted: Vec<&Value> = shifted.iter().collect();
        let around = self.op("Concat", &shifted, &[Attribute::Int("axis", 2)]);

        let (weights, full) = self.data(&format!("{name}.weight"), &shape)?;
        let numbers = by_place(weights.as_slice(), shape, outputs);
        let dims = [outputs, kernel * outputs];
        debug_assert!(group <= outputs);
        let weight =
            self.initializer(format!("{full} by place"), &dims, Element::F32, TensorData::Owned(numbers.into()));
        let bias = self.weight(&format!("{name}.bias"), &[outputs])?;
        let y = self.fused_product(&around, &weight);
        Ok(self.op("Add", &[&y, &bias], &[]))
    }

    /// The token `steps` after each token in its row of `x`; zeros beyond the ends of the row.
    fn tokens_after(&mut self, x: &Value, steps: i64) -> Value {
        let (start, end) = if steps < 0 { (0, steps) } else { (steps, i64::MAX) };
        if steps == 0 {
            return x.clone();
        }
        let axis = self.ints(&[1]);
        let (start, end) = (self.ints(&[start]), self.ints(&[end]));
        let tokens = self.op("Slice", &[x, &start, &end, &axis], &[]);
        // As many zeros as are missing; fewer in a text that is shorter.
        let (zero, count) = (self.ints(&[0]), self.ints(&[steps.abs()]));
        let some = self.op("Slice", &[x, &zero, &count, &axis], &[]);
        let zeros = self.op("Sub", &[&some, &some], &[]);
        let both = if steps < 0 { [&zeros, &tokens] } else { [&tokens, &zeros] };
        self.op("Concat", &both, &[Attribute::Int("axis", 1)])
    }
}

/// Weights `[outputs, inputs of a group, kernel]` → `[outputs, kernel, inputs]`, zeros for inputs of other groups.
fn by_place(weights: &[f32], [outputs, group, kernel]: [usize; 3], inputs: usize) -> Vec<f32> {
    let groups = inputs / group.max(1);
    let mut numbers = vec![0.0; outputs * kernel * inputs];
    for output in 0..outputs {
        let first = output * groups / outputs * group;
        for input in 0..group {
            for place in 0..kernel {
                numbers[(output * kernel + place) * inputs + first + input] =
                    weights[(output * group + input) * kernel + place];
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::by_place;

    #[test]
    fn groups_take_only_their_inputs() {
        // Two outputs over two inputs, in one group and in two; a kernel of two places.
        assert_eq!(by_place(&[1., 2., 3., 4., 5., 6., 7., 8.], [2, 2, 2], 2), [1., 3., 2., 4., 5., 7., 6., 8.]);
        assert_eq!(by_place(&[1., 2., 3., 4.], [2, 1, 2], 2), [1., 0., 2., 0., 0., 3., 0., 4.]);
    }
}
