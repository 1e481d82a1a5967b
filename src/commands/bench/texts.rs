//! The requests of a dataset, with their tokens counted.

use std::path::PathBuf;

use super::super::engine_set::TokenCounter;
use super::super::{AppContext, Error};
use super::plan::Plan;
use crate::bench::dataset::{Dataset, DatasetSpec, LengthHistogram, QuerySet, Recipe};
use crate::bench::engine::Prepared;
use crate::bench::report::Task;
use crate::bench::target::Request;
use crate::input;

pub(super) struct Texts {
    pub requests: Vec<Prepared>,
    /// Texts, or pairs of query and document.
    pub count: usize,
    /// The number of different ones.
    pub distinct: usize,
    /// The lengths of the texts; `None` without a tokenizer.
    pub lengths: Option<LengthHistogram>,
    /// Positions that a token of the dataset sees, on average: Σ length² / Σ length, without truncated tokens.
    pub positions: Option<f64>,
}

impl Texts {
    /// The dataset of `plan`, in the random order of its seed: every round sends the first texts, which should be like
    /// the others.
    pub(crate) fn read(plan: &Plan, counter: Option<&TokenCounter<'_>>, app: &AppContext) -> Result<Self, Error> {
        let dataset = match &plan.dataset {
            DatasetSpec::Made(recipe) => recipe.generate(plan.seed, |text| match counter {
                _ if app.cancel.is_cancelled() => Err(Error::Interrupted),
                Some(counter) => counter.text("--dataset", text),
                None => Err(needs_tokenizer(recipe)),
            })?,
            DatasetSpec::File(path) => read_file(path.clone(), plan, app)?,
        };
        not_empty(&dataset, "")?;
        let (count, distinct) = (dataset.len(), dataset.distinct());
        let mut requests = Vec::new();
        let (mut lengths, mut squares, mut seen) = (Vec::new(), 0.0, 0.0);
        for (request, first) in in_requests(dataset, plan.batch, plan.seed) {
            if app.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let mut tokens = None;
            if let Some(counter) = counter {
                let whole = counter.request("--dataset", &request)?;
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

impl Texts {
    /// Refuses unusable texts of a plan before the measurement; stdin and pipes are not read. `uncounted`: there will
    /// be no tokenizer.
    pub(crate) fn check(plan: &Plan, uncounted: bool, app: &AppContext) -> Result<(), Error> {
        match &plan.dataset {
            DatasetSpec::File(path) if path.is_file() => read_file(path.clone(), plan, app).map(|_| ()),
            DatasetSpec::Made(recipe) if uncounted => {
                recipe.generate(plan.seed, |_| Err(needs_tokenizer(recipe))).map(|_| ())
            }
            DatasetSpec::File(_) | DatasetSpec::Made(_) => Ok(()),
        }
    }
}

/// Refuses a dataset without texts; `reason`: why it has none, with a colon before.
fn not_empty(dataset: &Dataset, reason: &str) -> Result<(), Error> {
    match dataset.is_empty() {
        true => Err(Error::Flag { flag: "--dataset", reason: format!("it contains no text{reason}") }),
        false => Ok(()),
    }
}

fn needs_tokenizer(recipe: &Recipe) -> Error {
    let reason = format!("{} needs a tokenizer: name a model with --model-id", recipe.name());
    Error::Flag { flag: "--dataset", reason }
}

/// Requests of at most `batch` texts, or of one query, each with the index of its first text or query.
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

/// The texts or queries of a file. A warning has the number of rows that are left out, with the reasons.
fn read_file(path: PathBuf, plan: &Plan, app: &AppContext) -> Result<Dataset, Error> {
    let options = input::Options { field: plan.field.clone(), ..input::Options::default() };
    let file = path.display().to_string();
    let mut left_out = LeftOut::default();
    let dataset = match plan.set.task {
        Task::Embed => {
            let mut texts = Vec::new();
            for record in input::open(&[path], &options)? {
                match record?.content {
                    Ok(text) if !text.text.trim().is_empty() => texts.push(text.text),
                    Ok(_) => left_out.empty += 1,
                    Err(error) => left_out.add(error.to_string()),
                }
            }
            Dataset::Texts(texts)
        }
        Task::Rerank => {
            let mut queries = Vec::new();
            for record in input::open_queries(&[path], &options)? {
                match record?.content {
                    Ok(input::Query { query, documents, .. }) => {
                        let documents = documents.into_iter().map(|document| document.text).collect();
                        queries.push(QuerySet { query, documents });
                    }
                    Err(error) => left_out.add(error.to_string()),
                }
            }
            Dataset::Queries(queries)
        }
    };
    let Some(reasons) = left_out.reasons() else {
        not_empty(&dataset, &format!(": {file} is empty"))?;
        return Ok(dataset);
    };
    not_empty(&dataset, &format!(": {reasons}"))?;
    app.bars.printer().warning(&format!("{file}: left out {reasons}"));
    Ok(dataset)
}

/// Rows of a file that are not measured.
#[derive(Default)]
struct LeftOut {
    empty: usize,
    unreadable: usize,
    /// The error of the first that cannot be read, with its line.
    first: Option<String>,
}

impl LeftOut {
    fn add(&mut self, error: String) {
        self.unreadable += 1;
        self.first.get_or_insert(error);
    }

    /// `1 row without text; 2 rows that cannot be read, the first: texts.jsonl:1: …`.
    fn reasons(&self) -> Option<String> {
        let rows = |rows: usize| crate::plural::counted(rows, "row");
        let empty = (self.empty > 0).then(|| format!("{} without text", rows(self.empty)));
        let first = self.first.as_ref().map(|first| {
            let which = if self.unreadable > 1 { ", the first" } else { "" };
            format!("{} that cannot be read{which}: {first}", rows(self.unreadable))
        });
        let reasons: Vec<String> = empty.into_iter().chain(first).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
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
