//! A matrix of f32 in 8-bit integers, with a scale for every output.

/// How large the integers of weights get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// −127 … 127
    Eight,
    /// −64 … 64: x86 processors without VNNI add two products of 8-bit numbers in 16 bits, where larger ones overflow
    /// (and are cut off: `vpmaddubsw` saturates). 2 · 255 · 64 is the most that fits.
    Seven,
}

impl Bits {
    /// What this processor multiplies without overflow.
    pub fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let vnni = is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
            if vnni { Self::Eight } else { Self::Seven }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Self::Eight
    }

    /// The largest integer.
    pub fn largest(self) -> f32 {
        match self {
            Self::Eight => 127.0,
            Self::Seven => 64.0,
        }
    }
}

/// Outputs that are written together, so that what is written lies together.
const BLOCK: usize = 64;

/// `matrix` `[outputs, inputs]`, its columns divided by `factors` → integers `[inputs, outputs]` and the scales
/// `[outputs]` to multiply them with.
pub(super) fn quantise(matrix: &[f32], inputs: usize, factors: Option<&[f32]>, bits: Bits) -> (Vec<u8>, Vec<f32>) {
    let outputs = matrix.len() / inputs.max(1);
    let mut numbers = vec![0u8; matrix.len()];
    let mut scales = Vec::with_capacity(outputs);
    let mut block = vec![0i8; BLOCK * inputs];
    for (first, rows) in (0..).step_by(BLOCK).zip(matrix.chunks(BLOCK * inputs.max(1))) {
        for (row, block) in rows.chunks_exact(inputs).zip(block.chunks_exact_mut(inputs)) {
            let divided = |at: usize| factors.map_or(row[at], |factors| row[at] / factors[at]);
            let largest = (0..inputs).fold(0f32, |most, at| most.max(divided(at).abs()));
            // A row of zeros is zeros by any scale.
            let scale = if largest > 0.0 { largest / bits.largest() } else { 1.0 };
            for (at, number) in block.iter_mut().enumerate() {
                *number = (divided(at) / scale).round_ties_even() as i8;
            }
            scales.push(scale);
        }
        let count = rows.len() / inputs;
        for at in 0..inputs {
            for row in 0..count {
                numbers[at * outputs + first + row] = block[row * inputs + at].cast_unsigned();
            }
        }
    }
    (numbers, scales)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_by_output_and_transposes() {
        let matrix = [1.0, -2.0, 0.5, 0.0, 0.0, 0.0];
        let (numbers, scales) = quantise(&matrix, 3, None, Bits::Eight);
        assert_eq!(scales, [2.0 / 127.0, 1.0]);
        let numbers: Vec<i8> = numbers.into_iter().map(u8::cast_signed).collect();
        assert_eq!(numbers, [64, 0, -127, 0, 32, 0]);
        let (numbers, scales) = quantise(&matrix, 3, Some(&[1.0, 2.0, 1.0]), Bits::Seven);
        assert_eq!(scales[0], 1.0 / 64.0);
        assert_eq!(numbers.into_iter().step_by(2).map(u8::cast_signed).collect::<Vec<_>>(), [64, -64, 32]);
    }

    #[test]
    fn errs_by_half_a_step_at_most() {
        let (inputs, outputs) = (70, 131);
        let matrix: Vec<f32> =
            (0..inputs * outputs).map(|i| ((i * 7919 % 1009) as f32 / 504.0 - 1.0).powi(3)).collect();
        for bits in [Bits::Eight, Bits::Seven] {
            let (numbers, scales) = quantise(&matrix, inputs, None, bits);
            for (i, w) in matrix.iter().enumerate() {
                let (row, at) = (i / inputs, i % inputs);
                let number = f32::from(numbers[at * outputs + row].cast_signed());
                assert!(number.abs() <= bits.largest());
                assert!((number * scales[row] - w).abs() <= scales[row] * 0.5001, "{row} {at}");
            }
        }
    }
}
