//! How a score comes about: from the logit of a pair, or from what an encoder makes of each of two texts.

use std::sync::Arc;

use crate::engine::{
    Embedding, Engine, EngineError, Input, Prediction, Purpose, Role, Scoring, TextError, TokenEmbeddings,
};
use crate::engine::{SparseEmbedding, token_vectors};
use crate::model::activation::Activation;
use crate::model::similarity::Similarity;
use crate::model::task::{CrossEncoder, Task};
use crate::model::{Model, ModelError};

/// How the documents of a query are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Each pair of query and document goes through the model, whose one logit becomes the score.
    Pairs(Activation),
    /// The vector of the query is compared with those of the documents.
    Vectors(Similarity),
    /// The lexical weights that the query and a document share are multiplied.
    Sparse,
    /// The vectors of the query's tokens look for the nearest of the document's (MaxSim).
    Tokens,
}

impl Method {
    /// How `model` scores; `raw`: without an activation function.
    pub fn of(model: &Model, raw: bool) -> Result<Self, EngineError> {
        let refuse = |what: &str| Err(EngineError::wrong_task(model, what));
        match &model.task {
            Task::CrossEncoder(cross_encoder) | Task::Generative(cross_encoder) => {
                Self::pairs(model, cross_encoder, raw)
            }
            _ if model.sentence.splade.is_some() => Ok(Self::Sparse),
            _ if token_vectors::only(model) => Ok(Self::Tokens),
            Task::Embedding | Task::MaskedLanguageModel | Task::Unknown => Ok(Self::Vectors(model.similarity()?)),
            Task::Classifier { .. } => refuse("it gives no single score by which to order documents"),
            Task::Sparse | Task::LateInteraction | Task::Other(_) => refuse("infa cannot order documents by it"),
        }
    }

    /// How a model scores whose files do not say that it is a cross-encoder, but which gives one number for a pair.
    pub fn unnamed_pairs(model: &Model, raw: bool) -> Result<Self, EngineError> {
        Self::pairs(model, &CrossEncoder::of_one_label(&model.config), raw)
    }

    fn pairs(model: &Model, cross_encoder: &CrossEncoder, raw: bool) -> Result<Self, EngineError> {
        match &cross_encoder.activation {
            _ if raw => Ok(Self::Pairs(Activation::Identity)),
            Ok(activation) => Ok(Self::Pairs(*activation)),
            Err(name) => {
                let reason = format!("the activation function {name} is not implemented; --raw-scores does without it");
                Err(ModelError::Config { path: model.dir.clone(), reason }.into())
            }
        }
    }

    /// What the engine must be loaded for.
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Pairs(_) => Purpose::Predict,
            Self::Vectors(_) => Purpose::Embed,
            Self::Sparse => Purpose::EmbedSparse,
            Self::Tokens => Purpose::EmbedTokens,
        }
    }
}

/// A query and the documents to be ordered by it.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    /// The query.
    pub query: &'a str,
    /// The documents.
    pub documents: &'a [&'a str],
}

/// How well a document answers a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The score, larger is better.
    pub score: f64,
    /// What documents are ordered by: it still differs where scores have come so near to 1 that they are equal.
    pub order: f64,
    /// Tokens the model saw for this document, specials included; `None` where nobody tells.
    pub tokens: Option<usize>,
    /// Whether tokens were left out; `None` where nobody tells.
    pub truncated: Option<bool>,
}

/// A score for each document; or the reason why the query allows none.
pub type Scores = Result<Vec<Result<Score, TextError>>, TextError>;

/// Scores documents by an engine.
pub struct Reranker {
    engine: Arc<dyn Engine>,
    /// `None`: the engine scores documents itself.
    method: Option<Method>,
}

impl Reranker {
    /// `engine` was loaded for [`Method::purpose`].
    pub fn new(engine: Arc<dyn Engine>, method: Method) -> Result<Self, EngineError> {
        let (info, labels) = (engine.info(), engine.info().dimensions);
        if matches!(method, Method::Pairs(_)) && labels != 1 {
            return Err(EngineError::WrongTask {
                model: info.model.clone(),
                is: format!("a classifier with {}", crate::plural::counted(labels, "label")),
                what: "it gives no single score by which to order documents".into(),
                hint: Task::Classifier { labels }.command().map(str::to_owned),
            });
        }
        Ok(Self { engine, method: Some(method) })
    }

    /// `engine` scores documents itself, as servers do ([`Engine::rerank`]).
    pub fn by_engine(engine: Arc<dyn Engine>) -> Self {
        Self { engine, method: None }
    }

    /// Scores for all documents of each query, in input order. All go through the engine together.
    pub fn score(&self, queries: &[Candidates<'_>]) -> Vec<Scores> {
        let engine = self.engine.as_ref();
        let Some(method) = self.method else { return engine.rerank(queries) };
        match method {
            Method::Pairs(activation) => by_pairs(engine, queries, activation),
            Method::Vectors(similarity) => by_encoding(queries, &|texts, role| engine.embed(texts, role), &|q, d| {
                similarity.of(&q.vector, &d.vector)
            }),
            Method::Sparse => by_encoding(queries, &|texts, role| engine.embed_sparse(texts, role), &shared_weights),
            Method::Tokens => {
                let scoring = engine.info().scoring.unwrap_or(Scoring::MaxSim);
                by_encoding(queries, &|texts, role| engine.embed_tokens(texts, role), &|q, d| {
                    f64::from(scoring.score(q, d))
                })
            }
        }
    }
}

fn by_pairs(engine: &dyn Engine, queries: &[Candidates<'_>], activation: Activation) -> Vec<Scores> {
    let inputs: Vec<Input<'_>> =
        queries.iter().flat_map(|q| q.documents.iter().map(|document| Input::Pair(q.query, document))).collect();
    let mut predictions = engine.predict(&inputs).into_iter();
    let lost = || TextError::internal("the engine gave no score");
    let score = |result: Option<Result<Prediction, TextError>>| {
        let Prediction { logits, tokens, truncated } = result.unwrap_or_else(|| Err(lost()))?;
        let logit = *logits.first().ok_or_else(lost)?;
        let (score, order) = (activation.apply(logit), f64::from(logit));
        Ok(Score { score, order, tokens: Some(tokens), truncated: Some(truncated) })
    };
    queries.iter().map(|q| Ok(q.documents.iter().map(|_| score(predictions.next())).collect())).collect()
}

/// What an encoder makes of a text.
trait Encoded {
    /// Tokens the model saw, and whether some were left out, where that is known.
    fn seen(&self) -> (Option<usize>, Option<bool>);
}

impl Encoded for Embedding {
    fn seen(&self) -> (Option<usize>, Option<bool>) {
        (self.tokens, self.truncated)
    }
}

impl Encoded for SparseEmbedding {
    fn seen(&self) -> (Option<usize>, Option<bool>) {
        (Some(self.tokens), Some(self.truncated))
    }
}

impl Encoded for TokenEmbeddings {
    fn seen(&self) -> (Option<usize>, Option<bool>) {
        (Some(self.tokens), Some(self.truncated))
    }
}

/// A way to encode texts: one result each.
type Encode<'e, T> = &'e dyn Fn(&[&str], Role) -> Vec<Result<T, TextError>>;

/// Queries and documents are encoded each for itself, by `encode`, and then compared.
fn by_encoding<T: Encoded>(
    queries: &[Candidates<'_>],
    encode: Encode<'_, T>,
    compare: &dyn Fn(&T, &T) -> f64,
) -> Vec<Scores> {
    let texts: Vec<&str> = queries.iter().map(|q| q.query).collect();
    let documents: Vec<&str> = queries.iter().flat_map(|q| q.documents.iter().copied()).collect();
    let mut encoded = encode(&documents, Role::Document).into_iter();
    let results = queries.iter().zip(encode(&texts, Role::Query)).map(|(candidates, query)| {
        let documents: Vec<_> = encoded.by_ref().take(candidates.documents.len()).collect();
        let query = query.map_err(|e| e.about("the query"))?;
        let score = |document: Result<T, TextError>| {
            let document = document?;
            let (score, (tokens, truncated)) = (compare(&query, &document), document.seen());
            Ok(Score { score, order: score, tokens, truncated })
        };
        Ok(documents.into_iter().map(score).collect())
    });
    results.collect()
}

/// The sum of the products of the weights that both have; indices rise.
pub fn shared_weights(a: &SparseEmbedding, b: &SparseEmbedding) -> f64 {
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
