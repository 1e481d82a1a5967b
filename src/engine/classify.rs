//! Classification: the labels of an input, best first.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{
    Completed, Engine, EngineError, Input, Label, Labelled, Output, OutputKind, Request, RequestOptions, SubmitError,
    TextError, Times,
};
use crate::model::labels::{Labels, Problem};

#[derive(Clone)]
pub(crate) struct Classifier {
    engine: Arc<dyn Engine>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// Logits, with the names of the labels and the function that makes scores of them.
    Logits { names: Arc<[Arc<str>]>, problem: Problem },
    /// The engine itself, as servers do.
    Engine,
}

#[derive(Debug)]
pub(crate) struct Classified {
    /// One result an input, in order.
    pub results: Vec<Result<Labelled, TextError>>,
    pub times: Times,
}

impl Classifier {
    /// A classifier by an engine that was opened for labels.
    ///
    /// # Errors
    /// [`EngineError`] if the labels of a model in this process cannot be read.
    pub(crate) fn of(engine: Arc<dyn Engine>) -> Result<Self, EngineError> {
        let info = engine.info();
        let source = match &info.local {
            None => Source::Engine,
            Some(local) => {
                let Labels { names, problem } = local.model.head().labels(info.known_dimensions()?)?;
                tracing::info!(labels = names.len(), scores = problem.function(), "classifying");
                Source::Logits { names: names.into_iter().map(Arc::from).collect(), problem }
            }
        };
        Ok(Self { engine, source })
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// The names of the labels, where they are known before the first request.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        match &self.source {
            Source::Logits { names, .. } => names,
            Source::Engine => &[],
        }
    }

    /// The labels of each input, in order. With `raw`, logits stay logits (an engine that names labels itself was
    /// opened for raw ones, or not).
    ///
    /// # Errors
    /// [`SubmitError`] if the engine refuses the request.
    pub(crate) async fn classify(
        &self,
        inputs: Vec<Input>,
        raw: bool,
        options: RequestOptions,
    ) -> Result<Classified, SubmitError> {
        let output = match self.source {
            Source::Logits { .. } => OutputKind::Logits,
            Source::Engine => OutputKind::Labels,
        };
        let completed = self.engine.submit(Request::new(output, inputs, options))?.await?;
        let times = completed.times;
        let results = match &self.source {
            Source::Engine => completed.results_as(),
            Source::Logits { names, problem } => {
                let problem = if raw { Problem::Regression } else { *problem };
                let Completed { results, .. } = completed;
                results.into_iter().map(|result| labelled(result?, names, problem)).collect()
            }
        };
        Ok(Classified { results, times })
    }
}

fn labelled(output: Output, names: &[Arc<str>], problem: Problem) -> Result<Labelled, TextError> {
    let Output { logits, tokens, truncated, .. } = output;
    let logits = logits.ok_or_else(|| TextError::internal("the engine gave no logits"))?;
    let scores = problem.scores(&logits);
    let mut order: Vec<usize> = (0..scores.len().min(names.len())).collect();
    // By logits, which still differ where scores have come so near to 1 or 0 that they are equal.
    order.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).unwrap_or(Ordering::Equal));
    let label = |index| Label { index, name: Arc::clone(&names[index]), score: scores[index] };
    let labels = order.into_iter().map(label).collect();
    Ok(Labelled { labels, tokens, truncated })
}
