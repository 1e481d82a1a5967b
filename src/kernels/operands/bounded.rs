//! Integers so small that sums of two products have 16 bits.

use super::matrix::{Matrix, Numbers};

/// True if the integers of each matrix are so small that two products of neighbouring inputs with bytes up to 255 fit
/// 16 bits: inputs 0 and 1, 2 and 3 and so on, also where inputs are in pieces of `size` with zeros between.
pub(crate) fn bounded<'a>(matrices: impl IntoIterator<Item = (&'a Matrix<'a>, usize)>) -> bool {
    matrices.into_iter().all(|(matrix, size)| {
        let Numbers::I8(numbers, _) = matrix.numbers else { return false };
        let in_order = size.is_multiple_of(2) || size == matrix.inputs;
        in_order && numbers.chunks(2 * matrix.outputs.max(1)).all(|pair| fits_in_pairs(pair, matrix.outputs))
    })
}

/// The same for two inputs, or for the last one alone, of all outputs. 255 · 128 < 2¹⁵
fn fits_in_pairs(pair: &[u8], outputs: usize) -> bool {
    let (first, second) = pair.split_at(outputs.min(pair.len()));
    let second = second.iter().copied().chain(std::iter::repeat(0));
    first.iter().zip(second).all(|(&first, second)| {
        let [first, second] = [first, second].map(|number| i16::from(number.cast_signed()));
        first.max(0) + second.max(0) <= 128 && first.min(0) + second.min(0) >= -128
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_bounded_integers_fit_16_bits() {
        let is_bounded = |numbers: &[i8], outputs: usize, size: usize| {
            let bytes: Vec<u8> = numbers.iter().map(|number| number.cast_unsigned()).collect();
            let inputs = numbers.len() / outputs;
            let scales = vec![1.0; outputs];
            let numbers = Numbers::I8(&bytes, &scales);
            bounded([(&Matrix { inputs, outputs, numbers, bias: &[], smoothing: &[] }, size)])
        };
        // One output of two inputs, or of three.
        for (numbers, expected) in [
            (&[127, 1][..], true),
            (&[127, 2], false),
            (&[-128, 0], true),
            (&[-127, -2], false),
            (&[127, -128], true),
            (&[-128, 127], true),
            (&[1, 127, 127], true),
            (&[64, 64, 64], true),
            (&[0, 65, 64], true),
            (&[64, 65, 0], false),
        ] {
            assert_eq!(is_bounded(numbers, 1, numbers.len()), expected, "{numbers:?}");
        }
        // Three outputs of two inputs: neighbours are 1 and −128, 127 and 127, 0 and 0.
        assert!(!is_bounded(&[1, 127, 0, -128, 127, 0], 3, 2));
        assert!(is_bounded(&[127, 127, 0, -128, 1, 0], 3, 2));
        // Pieces of an odd size have other neighbours.
        assert!(is_bounded(&[1; 6], 1, 2) && !is_bounded(&[1; 6], 1, 3));
    }
}
