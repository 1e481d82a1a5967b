//! The mean of a sequence's rows as an operator.

use std::sync::Arc;

use super::operator::{Inputs, Misfit, Operator, Scratch, tokens};

/// The mean of each sequence's rows of `width` values, `[sequences, width]`.
pub fn mean(width: usize) -> Arc<dyn Operator> {
    Arc::new(Mean { width })
}

struct Mean {
    width: usize,
}

impl Operator for Mean {
    fn width(&self) -> usize {
        self.width
    }

    fn rows(&self, inputs: &Inputs<'_>) -> Result<usize, Misfit> {
        tokens(inputs, self.width)?;
        Ok(inputs.lengths.len())
    }

    fn run(&self, inputs: &Inputs<'_>, _: &mut Scratch, output: &mut [f32]) {
        let mut states = inputs.states;
        for (&length, mean) in inputs.lengths.iter().zip(output.chunks_exact_mut(self.width)) {
            let (rows, rest) = states.split_at(length as usize * self.width);
            states = rest;
            mean.fill(0.0);
            for row in rows.chunks_exact(self.width) {
                for (mean, value) in mean.iter_mut().zip(row) {
                    *mean += value;
                }
            }
            for mean in mean {
                *mean /= length as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_each_sequence() {
        let states: Vec<f32> = (0u8..10).map(f32::from).collect();
        let inputs = Inputs { states: &states, lengths: &[2, 1, 2], table: &[] };
        let operator = mean(2);
        assert_eq!(operator.rows(&inputs), Ok(3));
        let mut output = [f32::NAN; 6];
        operator.run(&inputs, &mut Scratch::default(), &mut output);
        assert_eq!(output, [1.0, 2.0, 4.0, 5.0, 7.0, 8.0]);
    }

    #[test]
    fn inputs_that_do_not_fit_are_refused() {
        let states = [0.0; 10];
        for lengths in [&[5, 1][..], &[4], &[5, 0], &[6, -1], &[i64::MAX, i64::MAX]] {
            assert!(mean(2).rows(&Inputs { states: &states, lengths, table: &[] }).is_err(), "{lengths:?}");
        }
    }
}
