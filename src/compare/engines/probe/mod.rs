//! One engine, with the same texts three times: in batches, one by one, and many at once in other batches.
//!
//! ```text
//! vectors   of texts
//! scores    of documents
//! failures  failed inputs, and the limit of failures in a row
//! ```

mod failures;
mod scores;
mod vectors;

use std::time::Duration;

use super::Stability;
use crate::bench::engine::{OpenEngine, limited};
use crate::bench::target::{Failure, FailureKind, Output, Request};

pub use failures::Failures;

/// A text that is embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Index of its role, and of the open engine for that role.
    pub role: usize,
}

/// A query with the documents that are ranked by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub query: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    pub documents: Vec<String>,
}

/// Options of the requests to engines.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// Texts in a request.
    pub batch: usize,
    /// Requests at a time, where many come at once.
    pub concurrency: usize,
    /// Number of texts (queries) that are repeated.
    pub samples: usize,
    /// Decides which those are, and what is beside them.
    pub seed: u64,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

/// An engine's results.
#[derive(Debug)]
pub struct Answers<T> {
    /// Its results, in batches.
    pub results: T,
    /// Time of all successful requests, in seconds.
    pub seconds: f64,
    /// Inputs that were answered in that time.
    pub answered: usize,
    /// The dependence of results on the batch; `None` without two results for any input.
    pub stability: Option<Stability>,
    pub failures: Failures,
}

impl Probe {
    /// Number of requests for this many texts or, for reranking, these queries.
    pub fn requests(&self, inputs: &Inputs) -> usize {
        let sample = |of: usize| self.samples.min(of);
        match inputs {
            Inputs::Texts(texts) => {
                let (all, among_many) = (vectors::batches(texts, self.batch), vectors::mixed(self, texts));
                all.len() + sample(texts.len()) + among_many.len()
            }
            Inputs::Queries(queries) => {
                let sampled = self.sample(queries.len());
                let documents: usize = sampled.iter().map(|&at| queries[at].documents.len()).sum();
                queries.len() + sampled.len() + documents
            }
        }
    }

    /// One request, with a time limit. The reply has as many results as the request has inputs; the comparison checks
    /// their values.
    async fn ask(&self, engine: Option<&OpenEngine>, request: &Request) -> Result<Output, Failure> {
        let Some(engine) = engine else { return Err(unexpected("there is no engine for this role")) };
        let output = limited(engine.send(request), self.timeout).await?.output;
        let count = match &output {
            Some(Output::Vectors(vectors)) => vectors.len(),
            Some(Output::Scores(scores)) => scores.len(),
            None => 0,
        };
        match output {
            Some(output) if count == request.inputs() => Ok(output),
            _ => Err(Failure::new(FailureKind::Shape, format!("{count} results for {} inputs", request.inputs()))),
        }
    }

    /// The positions of the repeated ones among `count` inputs, ascending.
    fn sample(&self, count: usize) -> Vec<usize> {
        let mut sample = fastrand::Rng::with_seed(self.seed).choose_multiple(0..count, self.samples);
        sample.sort_unstable();
        sample
    }
}

/// The inputs of a comparison.
pub enum Inputs {
    /// Texts to embed.
    Texts(Vec<Text>),
    /// Queries with documents to rank.
    Queries(Vec<Query>),
}

impl Inputs {
    /// Texts, or queries.
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Queries(queries) => queries.len(),
        }
    }

    /// True if there is nothing to ask for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn unexpected(what: &str) -> Failure {
    Failure::new(FailureKind::Shape, what)
}

#[cfg(test)]
mod tests;
