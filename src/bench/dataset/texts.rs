use std::collections::HashSet;

/// The texts of a dataset, in the order in which they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dataset {
    /// Texts, for embedding and classification.
    Texts(Vec<String>),
    /// Queries with their documents, for reranking.
    Queries(Vec<QuerySet>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuerySet {
    pub query: String,
    pub documents: Vec<String>,
}

impl Dataset {
    /// The number of texts, or of pairs of query and document.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Queries(queries) => queries.iter().map(|set| set.documents.len()).sum(),
        }
    }

    /// True if there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of different texts or pairs. Engines that cache results are fast with few.
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
    fn equal_texts_count_once() {
        let texts = Dataset::Texts(["a", "b", "a"].map(String::from).into());
        assert_eq!((texts.len(), texts.distinct(), texts.is_empty()), (3, 2, false));
        let set = |query: &str| QuerySet { query: query.into(), documents: vec!["a".into(), "a".into(), "b".into()] };
        let queries = Dataset::Queries(vec![set("p"), set("q"), set("p")]);
        assert_eq!((queries.len(), queries.distinct()), (9, 4));
        assert!(Dataset::Texts(Vec::new()).is_empty() && Dataset::Queries(Vec::new()).is_empty());
    }
}
