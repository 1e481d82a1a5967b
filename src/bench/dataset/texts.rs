//! The texts of a dataset.

use std::collections::HashSet;

/// The texts of a dataset, in the order in which they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dataset {
    /// Texts, for embedding and classification.
    Texts(Vec<String>),
    /// Queries with their documents, for reranking.
    Queries(Vec<QuerySet>),
}

/// A query with the documents to be ordered by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuerySet {
    /// The query.
    pub query: String,
    /// The documents.
    pub documents: Vec<String>,
}

impl Dataset {
    /// How many texts there are; of queries, how many pairs of query and document.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Queries(queries) => queries.iter().map(|set| set.documents.len()).sum(),
        }
    }

    /// Whether there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of the texts, or pairs, are different from one another. What caches answers is fast with few.
    pub fn distinct(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.iter().collect::<HashSet<_>>().len(),
            Self::Queries(queries) => {
                let pairs = queries.iter().flat_map(|set| set.documents.iter().map(move |text| (&set.query, text)));
                pairs.collect::<HashSet<_>>().len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_counts_once() {
        let texts = Dataset::Texts(["a", "b", "a"].map(String::from).into());
        assert_eq!((texts.len(), texts.distinct(), texts.is_empty()), (3, 2, false));
        let set = |query: &str| QuerySet { query: query.into(), documents: vec!["a".into(), "a".into(), "b".into()] };
        let queries = Dataset::Queries(vec![set("p"), set("q"), set("p")]);
        assert_eq!((queries.len(), queries.distinct()), (9, 4));
        assert!(Dataset::Texts(Vec::new()).is_empty() && Dataset::Queries(Vec::new()).is_empty());
    }
}
