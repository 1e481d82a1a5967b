//! Classification: the labels of an input, best first.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Engine, Input, Prediction, TextError};
use crate::model::labels::{Labels, Problem};

/// Gives labels by an engine.
pub struct Classifier {
    engine: Arc<dyn Engine>,
    labels: Labels,
    most: usize,
}

/// The labels of one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// Position of the label and its score, best first.
    pub labels: Vec<(usize, f64)>,
    /// Tokens the model saw, specials included.
    pub tokens: usize,
    /// Whether tokens were left out.
    pub truncated: bool,
}

impl Classifier {
    /// `engine` was loaded to predict and gives a logit for each of `labels`. `raw` leaves logits as they are; `most`
    /// labels are given, or all.
    pub fn new(engine: Arc<dyn Engine>, mut labels: Labels, raw: bool, most: Option<usize>) -> Self {
        if raw {
            labels.problem = Problem::Regression;
        }
        let most = most.unwrap_or(labels.names.len());
        Self { engine, labels, most }
    }

    /// The names of the labels.
    pub fn names(&self) -> &[String] {
        &self.labels.names
    }

    /// One result an input, in order.
    pub fn classify(&self, inputs: &[Input<'_>]) -> Vec<Result<Classified, TextError>> {
        let read = |prediction: Prediction| {
            let Prediction { logits, tokens, truncated } = prediction;
            let scores = self.labels.problem.scores(&logits);
            let mut labels: Vec<(usize, f64)> = scores.into_iter().enumerate().collect();
            // By logits, which still differ where scores have come so near to 1 or 0 that they are equal.
            labels.sort_by(|&(a, _), &(b, _)| logits[b].partial_cmp(&logits[a]).unwrap_or(Ordering::Equal));
            labels.truncate(self.most);
            Classified { labels, tokens, truncated }
        };
        self.engine.predict(inputs).into_iter().map(|result| result.map(read)).collect()
    }
}
