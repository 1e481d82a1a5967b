//! Classification: the labels of an input, best first.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Engine, Input, Prediction, RemoteEngine, TextError};
use crate::model::labels::{Labels, Problem};

/// Gives labels by an engine.
pub struct Classifier {
    source: Source,
    /// Most labels of an input; `None`: all.
    most: Option<usize>,
}

/// Where labels come from.
enum Source {
    /// Logits, and what they mean.
    Logits { engine: Arc<dyn Engine>, names: Vec<Arc<str>>, problem: Problem },
    /// A server, which knows its labels itself.
    Server(RemoteEngine),
}

/// The labels of one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// Name of the label and its score, best first.
    pub labels: Vec<(Arc<str>, f64)>,
    /// Tokens the model saw, specials included; `None` where nobody tells.
    pub tokens: Option<usize>,
    /// Whether tokens were left out; `None` where nobody tells.
    pub truncated: Option<bool>,
}

impl Classifier {
    /// `engine` was loaded to predict and gives a logit for each of `labels`. `raw` leaves logits as they are; `most`
    /// labels are given, or all.
    pub fn new(engine: Arc<dyn Engine>, labels: Labels, raw: bool, most: Option<usize>) -> Self {
        let problem = if raw { Problem::Regression } else { labels.problem };
        let names = labels.names.into_iter().map(Arc::from).collect();
        Self { source: Source::Logits { engine, names, problem }, most }
    }

    /// `server` was started for labels, raw ones or not.
    pub fn by_server(server: RemoteEngine, most: Option<usize>) -> Self {
        Self { source: Source::Server(server), most }
    }

    /// One result an input, in order.
    pub fn classify(&self, inputs: &[Input<'_>]) -> Vec<Result<Classified, TextError>> {
        let most = self.most.unwrap_or(usize::MAX);
        match &self.source {
            Source::Logits { engine, names, problem } => {
                let read = |prediction: Prediction| {
                    let Prediction { logits, tokens, truncated } = prediction;
                    let scores = problem.scores(&logits);
                    let mut order: Vec<usize> = (0..scores.len().min(names.len())).collect();
                    // By logits, which still differ where scores have come so near to 1 or 0 that they are equal.
                    order.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).unwrap_or(Ordering::Equal));
                    let labels = order.into_iter().take(most).map(|i| (Arc::clone(&names[i]), scores[i])).collect();
                    Classified { labels, tokens: Some(tokens), truncated: Some(truncated) }
                };
                engine.predict(inputs).into_iter().map(|result| result.map(read)).collect()
            }
            Source::Server(server) => {
                let read = |labels: Vec<(String, f64)>| {
                    let labels = labels.into_iter().take(most).map(|(name, score)| (name.into(), score)).collect();
                    Classified { labels, tokens: None, truncated: None }
                };
                server.classify(inputs).into_iter().map(|result| result.map(read)).collect()
            }
        }
    }
}
