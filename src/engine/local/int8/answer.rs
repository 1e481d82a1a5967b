//! The output of a model for one text, to be compared with that of the same model in another number format.

use crate::graph::Output;

/// A model's output for one text: a vector (the mean of the output's rows), or logits.
pub(super) enum Answer {
    Vector(Vec<f32>),
    Logits(Vec<f32>),
}

impl Answer {
    pub(crate) fn new(shape: &[i64], numbers: &[f32], output: Output) -> Self {
        if matches!(output, Output::Logits | Output::Answer(_)) {
            return Self::Logits(numbers.to_vec());
        }
        let width = shape.last().and_then(|&width| usize::try_from(width).ok()).unwrap_or(1).max(1);
        let mut mean = vec![0f32; width];
        for row in numbers.chunks_exact(width) {
            for (sum, x) in mean.iter_mut().zip(row) {
                *sum += x;
            }
        }
        Self::Vector(mean)
    }
}
