//! What is sent: the dataset in requests, its tokens counted.

use std::path::PathBuf;

use super::super::{Error, World};
use super::plan::Plan;
use crate::bench::backend::Prepared;
use crate::bench::dataset::{Dataset, DatasetSpec, LengthHistogram, QuerySet};
use crate::bench::report::Task as Asked;
use crate::bench::target::Request;
use crate::engine::{self, Purpose};
use crate::input;
use crate::model::task::Task;
use crate::model::tokenizer::Truncate;
use crate::model::{Model, ModelError};

/// More tokens of a text are not counted.
const LONGEST: usize = 1 << 24;

/// The dataset, ready to be sent.
pub(super) struct Texts {
    pub requests: Vec<Prepared>,
    /// Texts; of queries, pairs of query and document.
    pub count: usize,
    /// How many of them are different from one another.
    pub distinct: usize,
    /// How long they are; `None` without a tokenizer.
    pub lengths: Option<LengthHistogram>,
    /// Positions that a token of the dataset sees, on average: Σ length² / Σ length, of what is not cut off.
    pub positions: Option<f64>,
}

/// Counts tokens as the model sees them.
pub(super) struct Counter<'m> {
    model: &'m Model,
    /// Text before each input.
    prompt: String,
    /// Longest text, specials included.
    pub max_length: usize,
    /// Whether query and document go through the model as one.
    pairs: bool,
}

impl<'m> Counter<'m> {
    pub fn new(model: &'m Model, task: Asked) -> Result<Self, ModelError> {
        let pairs = task == Asked::Rerank && matches!(model.task, Task::CrossEncoder(_) | Task::Generative(_));
        let purpose = if pairs { Purpose::Predict } else { Purpose::Embed };
        let max_length = engine::max_length(model, purpose, None, model.max_position_embeddings())?;
        let prompt = if pairs { None } else { model.prompt(None, None)? };
        Ok(Self { model, prompt: prompt.unwrap_or_default(), max_length, pairs })
    }

    /// Tokens of a text, specials included, nothing cut off.
    fn text(&self, text: &str) -> Result<usize, Error> {
        let tokenizer = &self.model.tokenizer;
        let tokens = match self.prompt.as_str() {
            "" => tokenizer.encode(text, LONGEST, Truncate::Right),
            prompt => tokenizer.encode(&format!("{prompt}{text}"), LONGEST, Truncate::Right),
        };
        Ok(tokens.map_err(|e| unreadable(text, &e.to_string()))?.ids.len())
    }

    fn pair(&self, query: &str, document: &str) -> Result<usize, Error> {
        let tokens = self.model.tokenizer.encode_pair(query, document, LONGEST, Truncate::Right);
        Ok(tokens.map_err(|e| unreadable(document, &e.to_string()))?.ids.len())
    }

    /// Lengths of what the model sees for a request, in tokens.
    fn request(&self, request: &Request) -> Result<Vec<usize>, Error> {
        match request {
            Request::Texts(texts) => texts.iter().map(|text| self.text(text)).collect(),
            Request::Rerank { query, documents } if self.pairs => {
                documents.iter().map(|document| self.pair(query, document)).collect()
            }
            Request::Rerank { query, documents } => {
                std::iter::once(query).chain(documents).map(|text| self.text(text)).collect()
            }
        }
    }
}

fn unreadable(text: &str, reason: &str) -> Error {
    let text: String = text.chars().take(40).collect();
    Error::Flag { flag: "--dataset", reason: format!("{text:?} cannot be tokenised: {reason}") }
}

impl Texts {
    /// The dataset of `plan`. Its texts are sent in random order, that of its seed: every round sends the first ones, and
    /// these should be like the others.
    pub fn read(plan: &Plan, counter: Option<&Counter<'_>>, world: &World) -> Result<Self, Error> {
        let dataset = match &plan.dataset {
            DatasetSpec::Made(recipe) => recipe.generate(plan.seed, |text| match counter {
                _ if world.cancel.is_cancelled() => Err(Error::Interrupted),
                Some(counter) => counter.text(text),
                None => Err(Error::Flag {
                    flag: "--dataset",
                    reason: format!("{} needs a tokenizer: name a model with --model-id", recipe.name()),
                }),
            })?,
            DatasetSpec::File(path) => read_file(path.clone(), plan.task)?,
        };
        if dataset.is_empty() {
            return Err(Error::Flag { flag: "--dataset", reason: "there is no text in it".into() });
        }
        let (count, distinct) = (dataset.len(), dataset.distinct());
        let mut requests = Vec::new();
        let (mut lengths, mut squares, mut seen) = (Vec::new(), 0.0, 0.0);
        for (request, first) in in_requests(dataset, plan.batch, plan.seed) {
            if world.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let mut tokens = None;
            if let Some(counter) = counter {
                let whole = counter.request(&request)?;
                let kept = whole.iter().map(|&length| length.min(counter.max_length));
                tokens = Some(kept.clone().map(|length| length as u64).sum());
                squares += kept.clone().map(|length| (length as f64).powi(2)).sum::<f64>();
                seen += kept.map(|length| length as f64).sum::<f64>();
                lengths.extend(whole);
            }
            requests.push(Prepared { request, tokens, first });
        }
        let max_length = counter.map(|counter| counter.max_length);
        Ok(Self {
            requests,
            count,
            distinct,
            lengths: LengthHistogram::of(&lengths, max_length),
            positions: (seen > 0.0).then(|| squares / seen),
        })
    }
}

/// Requests of at most `batch` texts, each with the place of its first text; or one a query.
fn in_requests(dataset: Dataset, batch: usize, seed: u64) -> Vec<(Request, usize)> {
    let mut random = fastrand::Rng::with_seed(seed);
    match dataset {
        Dataset::Texts(mut texts) => {
            random.shuffle(&mut texts);
            let chunks = texts.chunks(batch.max(1)).map(|chunk| Request::Texts(chunk.to_vec()));
            chunks.enumerate().map(|(place, request)| (request, place * batch.max(1))).collect()
        }
        Dataset::Queries(mut queries) => {
            random.shuffle(&mut queries);
            let request = |QuerySet { query, documents }| Request::Rerank { query, documents };
            queries.into_iter().map(request).enumerate().map(|(place, request)| (request, place)).collect()
        }
    }
}

fn read_file(path: PathBuf, task: Asked) -> Result<Dataset, Error> {
    let (file, options) = (path.display().to_string(), input::Options::default());
    let mut skipped = 0_usize;
    let dataset = match task {
        Asked::Embed => {
            let mut texts = Vec::new();
            for record in input::open(&[path], &options)? {
                match record?.content {
                    Ok(text) if !text.text.trim().is_empty() => texts.push(text.text),
                    _ => skipped += 1,
                }
            }
            Dataset::Texts(texts)
        }
        Asked::Rerank => {
            let mut queries = Vec::new();
            for record in input::open_queries(&[path], &options)? {
                match record?.content {
                    Ok(input::Query { query, documents }) => {
                        let documents = documents.into_iter().map(|document| document.text).collect();
                        queries.push(QuerySet { query, documents });
                    }
                    Err(_) => skipped += 1,
                }
            }
            Dataset::Queries(queries)
        }
    };
    if skipped > 0 {
        tracing::warn!("{file}: {skipped} rows are empty or cannot be read; they are left out");
    }
    Ok(dataset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_sent_once_in_a_random_order() {
        let texts: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let requests = in_requests(Dataset::Texts(texts.clone()), 4, 1);
        let sizes: Vec<_> = requests.iter().map(|(request, first)| (request.inputs(), *first)).collect();
        assert_eq!(sizes, [(4, 0), (4, 4), (2, 8)]);
        let sent = |requests: Vec<(Request, usize)>| -> Vec<String> {
            let texts = |request| if let Request::Texts(texts) = request { texts } else { Vec::new() };
            requests.into_iter().flat_map(|(request, _)| texts(request)).collect()
        };
        let (mut one, again, other) = (
            sent(requests),
            sent(in_requests(Dataset::Texts(texts.clone()), 3, 1)),
            sent(in_requests(Dataset::Texts(texts.clone()), 4, 2)),
        );
        assert_eq!(one, again);
        assert_ne!(one, other);
        one.sort();
        assert_eq!(one, texts);
    }
}
