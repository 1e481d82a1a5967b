//! The inputs of a comparison, and the requests for them.

use crate::bench::target::Request;
use crate::compare::vectors::InputName;

/// A text that is embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub text: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Index of its role, and of the open engine for that role.
    pub role: usize,
}

/// A query with the documents that are ranked by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub query: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    pub documents: Vec<String>,
}

pub(crate) enum Inputs {
    /// Texts to embed.
    Texts(Vec<Text>),
    /// Queries with documents to rank.
    Queries(Vec<Query>),
}

impl Inputs {
    /// Texts, or queries.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Queries(queries) => queries.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of results of an input, as throughput counts them: a vector, or a score a document.
    pub(super) fn results(&self, at: usize) -> usize {
        match self {
            Self::Texts(_) => 1,
            Self::Queries(queries) => queries[at].documents.len(),
        }
    }

    /// Index of the open engine for an input.
    pub(super) fn role(&self, at: usize) -> usize {
        match self {
            Self::Texts(texts) => texts[at].role,
            Self::Queries(_) => 0,
        }
    }

    pub(super) fn name(&self, at: usize) -> InputName {
        let id = match self {
            Self::Texts(texts) => &texts[at].id,
            Self::Queries(queries) => &queries[at].id,
        };
        InputName { index: at as u64, id: id.clone() }
    }

    /// The inputs of each request, in their order: at most `size` texts of one role, or one query.
    pub(super) fn batches(&self, size: usize) -> Vec<Vec<usize>> {
        let places: Vec<usize> = (0..self.len()).collect();
        let size = if let Self::Texts(_) = self { size.max(1) } else { 1 };
        let of_a_role = places.chunk_by(|&a, &b| self.role(a) == self.role(b));
        of_a_role.flat_map(|run| run.chunks(size).map(<[usize]>::to_vec)).collect()
    }

    /// The request for texts, or for a query with all its documents.
    pub(super) fn request(&self, places: &[usize]) -> Request {
        match self {
            Self::Texts(texts) => Request::Texts(places.iter().map(|&at| texts[at].text.clone()).collect()),
            Self::Queries(queries) => {
                let Query { query, documents, .. } = &queries[places[0]];
                Request::Rerank { query: query.clone(), documents: documents.clone() }
            }
        }
    }

    /// The requests for each result of an input alone.
    pub(super) fn single(&self, at: usize) -> Vec<Request> {
        match self {
            Self::Texts(_) => vec![self.request(&[at])],
            Self::Queries(queries) => {
                let Query { query, documents, .. } = &queries[at];
                let alone =
                    |document: &String| Request::Rerank { query: query.clone(), documents: vec![document.clone()] };
                documents.iter().map(alone).collect()
            }
        }
    }
}
