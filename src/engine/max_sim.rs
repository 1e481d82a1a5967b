//! MaxSim: the score of a query and a document by the vectors of their tokens.
//!
//! Khattab and Zaharia 2020, <https://arxiv.org/abs/2004.12832>; `sentence_transformers`, `util/similarity.py`.

use super::api::TokenEmbeddings;

/// The score of two texts by their token vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    /// The sum over the query's tokens of the largest product with a token of the document.
    MaxSim,
    /// The same divided by the number of the query's tokens (BGE-M3; `similarity_fn_name` "meanmaxsim").
    MeanMaxSim,
}

impl Scoring {
    /// The score of `query` and `document`; 0 if either has no vector.
    pub fn score(self, query: &TokenEmbeddings, document: &TokenEmbeddings) -> f32 {
        let sum = max_sim(&query.vectors, &document.vectors, query.dimensions);
        match self {
            Self::MaxSim => sum,
            Self::MeanMaxSim => sum / (query.vectors.len() / query.dimensions.max(1)).max(1) as f32,
        }
    }
}

/// The sum over `query`'s rows of the largest scalar product with a row of `document`. Both are rows of `dimensions`
/// numbers, one after the other; without rows on either side the sum is 0.
pub(crate) fn max_sim(query: &[f32], document: &[f32], dimensions: usize) -> f32 {
    if dimensions == 0 || document.len() < dimensions {
        return 0.0;
    }
    let largest = |q: &[f32]| {
        let products = document.chunks_exact(dimensions).map(|d| q.iter().zip(d).map(|(a, b)| a * b).sum::<f32>());
        products.fold(f32::NEG_INFINITY, f32::max)
    };
    query.chunks_exact(dimensions).map(largest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(numbers: &[f32]) -> TokenEmbeddings {
        TokenEmbeddings { vectors: numbers.to_vec(), dimensions: 2, tokens: numbers.len() / 2, truncated: false }
    }

    #[test]
    fn largest_product_of_each_query_token() {
        let query = vectors(&[1.0, 0.0, 0.0, 2.0, -1.0, -1.0]);
        let document = vectors(&[0.5, 0.5, 3.0, -1.0]);
        // 3 (second), 1 (first), -1 (first): negative numbers count, too.
        assert_eq!(Scoring::MaxSim.score(&query, &document), 3.0 + 1.0 - 1.0);
        assert_eq!(Scoring::MeanMaxSim.score(&query, &document), 1.0);
        // It is not symmetric: 1 (second), 3 (first).
        assert_eq!(Scoring::MaxSim.score(&document, &query), 1.0 + 3.0);
    }

    #[test]
    fn nothing_scores_nothing() {
        let (none, one) = (vectors(&[]), vectors(&[1.0, 2.0]));
        for scoring in [Scoring::MaxSim, Scoring::MeanMaxSim] {
            assert_eq!(scoring.score(&none, &one), 0.0);
            assert_eq!(scoring.score(&one, &none), 0.0);
        }
        assert_eq!(max_sim(&[], &[], 0), 0.0);
    }
}
