//! A matrix of f32 in 8-bit integers, with a scale for every output.

use rayon::prelude::*;

use crate::kernels::Set;

/// The instruction by which a processor multiplies 8-bit numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Multiplier {
    /// Sums are exact, as with VNNI and on ARM.
    Exact,
    /// x86 without VNNI adds the products of two neighbours in 16 bits, and cuts off what does not fit (`vpmaddubsw`).
    /// Weights of two neighbouring inputs must be small enough together that it does not happen with any activations.
    Saturating,
}

/// The operators that quantised weights are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    /// Our own: sums are exact, and every row of activations has a scale of its own.
    Own(Multiplier),
    /// ONNX Runtime's.
    BuiltIn(Multiplier),
    /// Those of an exported file, on any processor: every row has a scale of its own. It costs a twentieth of the
    /// speed, and all-MiniLM-L6-v2 loses 0.0010 of the cosine to float32 instead of 0.0012.
    File,
}

impl Arithmetic {
    pub(crate) fn multiplier(self) -> Multiplier {
        match self {
            Self::Own(multiplier) | Self::BuiltIn(multiplier) => multiplier,
            Self::File => Multiplier::Saturating,
        }
    }

    /// A name that stays the same over versions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Own(Multiplier::Exact) => "own",
            Self::Own(Multiplier::Saturating) => "own, saturating",
            Self::File => "file",
            Self::BuiltIn(Multiplier::Exact) => "built-in",
            Self::BuiltIn(Multiplier::Saturating) => "built-in, saturating",
        }
    }
}

/// The largest weight.
const LARGEST: f32 = 127.0;
/// The most that two neighbours may add up to before they are rounded, which can add 1: 255 · 128 < 2¹⁵.
const LARGEST_PAIR: f32 = 127.0;

impl Multiplier {
    pub(crate) fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let vnni = is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
            if vnni { Self::Exact } else { Self::Saturating }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Self::Exact
    }

    /// The one of our own operators: they have exact sums on every set, but on some are faster with weights that need no more
    /// than 16 bits.
    pub(crate) fn of_set(set: Set) -> Self {
        if set.prefers_bounded() { Self::Saturating } else { Self::Exact }
    }

    /// The scale of an output's integer weights: the smallest one that keeps them in range.
    pub(super) fn scale(self, mut weights: impl Iterator<Item = f32>) -> f32 {
        let mut scale = 0f32;
        while let Some(first) = weights.next() {
            let second = weights.next().unwrap_or(0.0);
            scale = scale.max(first.abs().max(second.abs()) / LARGEST);
            if self == Self::Saturating {
                // Activations are not negative: weights of different signs take from one another.
                let above = first.max(0.0) + second.max(0.0);
                let below = -(first.min(0.0) + second.min(0.0));
                scale = scale.max(above.max(below) / LARGEST_PAIR);
            }
        }
        // A row of zeros is zeros by any scale.
        if scale > 0.0 { scale } else { 1.0 }
    }
}

/// Number of outputs that are written together, for locality.
const BLOCK: usize = 64;

/// `matrix` `[outputs, inputs]`, its columns divided by `factors` → integers `[inputs, outputs]` and the scales
/// `[outputs]` to multiply them with.
pub(super) fn quantise(
    matrix: &[f32],
    inputs: usize,
    factors: Option<&[f32]>,
    multiplier: Multiplier,
) -> (Vec<u8>, Vec<f32>) {
    let outputs = matrix.len() / inputs.max(1);
    let mut numbers = vec![0u8; matrix.len()];
    let mut scales = Vec::with_capacity(outputs);
    let mut block = vec![0i8; BLOCK * inputs];
    for (first, rows) in (0..).step_by(BLOCK).zip(matrix.chunks(BLOCK * inputs.max(1))) {
        for (row, block) in rows.chunks_exact(inputs).zip(block.chunks_exact_mut(inputs)) {
            let divided = |at: usize| factors.map_or(row[at], |factors| row[at] / factors[at]);
            let scale = multiplier.scale((0..inputs).map(divided));
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

/// `table` of rows of `width` numbers → integers of the same layout, and the scales to multiply each row with.
pub(crate) fn quantise_rows(table: &[f32], width: usize) -> (Vec<u8>, Vec<f32>) {
    let scales: Vec<f32> =
        table.par_chunks(width.max(1)).map(|row| Multiplier::Exact.scale(row.iter().copied())).collect();
    let number = |(at, x): (usize, &f32)| ((x / scales[at / width]).round_ties_even() as i8).cast_unsigned();
    (table.par_iter().enumerate().map(number).collect(), scales)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_a_scale_each() {
        let (numbers, scales) = quantise_rows(&[1.0, -2.0, 0.0, 0.0, 127.0, 3.4], 2);
        assert_eq!(scales, [2.0 / 127.0, 1.0, 1.0]);
        assert_eq!(numbers.into_iter().map(u8::cast_signed).collect::<Vec<_>>(), [64, -127, 0, 0, 127, 3]);
        assert_eq!(quantise_rows(&[], 0), (Vec::new(), Vec::new()));
    }

    #[test]
    fn scales_by_output_and_transposes() {
        let matrix = [1.0, -2.0, 0.5, 0.0, 0.0, 0.0];
        let (numbers, scales) = quantise(&matrix, 3, None, Multiplier::Exact);
        assert_eq!(scales, [2.0 / 127.0, 1.0]);
        let numbers: Vec<i8> = numbers.into_iter().map(u8::cast_signed).collect();
        assert_eq!(numbers, [64, 0, -127, 0, 32, 0]);
        let (numbers, scales) = quantise(&matrix, 3, Some(&[1.0, 2.0, 1.0]), Multiplier::Exact);
        assert_eq!(scales[0], 1.0 / 127.0);
        assert_eq!(numbers.into_iter().step_by(2).map(u8::cast_signed).collect::<Vec<_>>(), [127, -127, 64]);
    }

    #[test]
    fn neighbours_of_one_sign_share_the_room() {
        for (row, scale) in [
            ([1.0, 1.0, 0.0], 2.0 / 127.0),
            ([-0.75, -0.25, 0.5], 1.0 / 127.0),
            ([1.0, -1.0, 0.0], 1.0 / 127.0),
            ([0.0, 1.0, 1.0], 1.0 / 127.0),
        ] {
            assert_eq!(Multiplier::Saturating.scale(row.into_iter()), scale, "{row:?}");
        }
    }

    #[test]
    fn errs_by_half_a_step_at_most_and_nothing_overflows() {
        let (inputs, outputs) = (71, 131);
        let matrix: Vec<f32> =
            (0..inputs * outputs).map(|i| ((i * 7919 % 1009) as f32 / 504.0 - 1.0).powi(3)).collect();
        for multiplier in [Multiplier::Exact, Multiplier::Saturating] {
            let (numbers, scales) = quantise(&matrix, inputs, None, multiplier);
            let number = |row: usize, at: usize| i32::from(numbers[at * outputs + row].cast_signed());
            for (i, w) in matrix.iter().enumerate() {
                let (row, at) = (i / inputs, i % inputs);
                assert!((number(row, at) as f32 * scales[row] - w).abs() <= scales[row] * 0.5001, "{row} {at}");
                if multiplier == Multiplier::Saturating && at % 2 == 1 {
                    let (a, b) = (number(row, at - 1), number(row, at));
                    let sums = [255 * (a.max(0) + b.max(0)), 255 * (a.min(0) + b.min(0))];
                    assert!(sums.iter().all(|sum| i16::try_from(*sum).is_ok()), "{row} {at}: {a} {b}");
                }
            }
        }
        // Both kinds of numbers use their room.
        let largest = |multiplier| {
            let (numbers, _) = quantise(&matrix, inputs, None, multiplier);
            numbers.into_iter().map(|number| number.cast_signed().unsigned_abs()).max()
        };
        assert_eq!(largest(Multiplier::Exact), Some(127));
        assert!(largest(Multiplier::Saturating) > Some(64));
    }
}
