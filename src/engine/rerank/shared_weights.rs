//! The score of two texts by their lexical weights.

use crate::engine::SparseEmbedding;

/// The sum of the products of the weights that both have; indices rise.
pub(crate) fn shared_weights(a: &SparseEmbedding, b: &SparseEmbedding) -> f64 {
    let weight = |index: &u32| b.indices.binary_search(index).ok().and_then(|at| b.values.get(at));
    let shared = a.indices.iter().zip(&a.values).filter_map(|(index, &value)| Some((value, *weight(index)?)));
    shared.map(|(a, b)| f64::from(a) * f64::from(b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_both_have() {
        let sparse = |indices: &[u32], values: &[f32]| SparseEmbedding {
            indices: indices.to_vec(),
            values: values.to_vec(),
            tokens: 0,
            truncated: false,
        };
        let a = sparse(&[1, 5, 9], &[1.0, 2.0, 3.0]);
        assert_eq!(shared_weights(&a, &sparse(&[0, 5, 9, 10], &[7.0, 0.5, 2.0, 7.0])), 7.0);
        assert_eq!(shared_weights(&a, &sparse(&[], &[])), 0.0);
    }
}
