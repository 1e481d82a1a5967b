//! One engine, asked for the same texts three times: in batches, one by one, and many at once in other batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stability::{ScoreStability, Stability, VectorStability};
use crate::bench::backend::{Backend, limited};
use crate::bench::fidelity::Invariance;
use crate::bench::target::{Failure, FailureKind, Output, Request};
use crate::compare::rankings::{ScoreSet, ScoredQuery};
use crate::compare::vectors::{InputName, VectorRow, VectorSet};

/// Failures that are told one by one.
const EXAMPLES: usize = 5;
/// Requests in a row that nobody answers, after which nobody is asked any more.
const PATIENCE: usize = 3;
/// Requests in a row that the server says it cannot answer, each after its retries. It takes more of them, as a server may
/// break on a text or two.
const INDULGENCE: usize = 16;

/// A text that is embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Which of the engine's backends is asked for it: the place of its role.
    pub role: usize,
}

/// A query with the documents that are ranked by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The query.
    pub query: String,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// The documents.
    pub documents: Vec<String>,
}

/// How engines are asked.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// Texts in a request.
    pub batch: usize,
    /// Requests at a time, where many come at once.
    pub concurrency: usize,
    /// Texts (queries) that are asked for three times.
    pub samples: usize,
    /// Decides which those are, and what is beside them.
    pub seed: u64,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

/// What an engine answered.
#[derive(Debug)]
pub struct Answers<T> {
    /// Its results, in batches.
    pub results: T,
    /// How long it took to give them, in seconds: of all requests that were answered.
    pub seconds: f64,
    /// Inputs that were answered in that time.
    pub answered: usize,
    /// How results depend on what is computed beside them; `None` if nothing was answered twice.
    pub stability: Option<Stability>,
    /// What failed.
    pub failures: Failures,
}

/// Inputs without a result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failures {
    /// How many.
    pub inputs: usize,
    /// Inputs of batches that failed, which were answered when they were alone.
    pub answered_alone: usize,
    /// Inputs that were answered in batches, and not when they were asked for again: alone, or among many at once.
    #[serde(default)]
    pub not_answered_again: usize,
    /// The first of those that failed.
    pub examples: Vec<FailedInput>,
}

/// An input without a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailedInput {
    /// The input.
    pub input: InputName,
    /// Why.
    pub message: String,
}

impl Failures {
    fn push(&mut self, input: InputName, failure: &Failure) {
        self.inputs += 1;
        self.tell(input, failure);
    }

    /// One that was answered before.
    fn push_again(&mut self, input: InputName, failure: &Failure) {
        self.not_answered_again += 1;
        self.tell(input, failure);
    }

    fn tell(&mut self, input: InputName, failure: &Failure) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(FailedInput { input, message: failure.to_string() });
        }
    }
}

impl Asking {
    /// How many requests it takes to ask for so many texts or, of reranking, these queries.
    pub fn requests(&self, inputs: &Inputs) -> usize {
        let sample = |of: usize| self.samples.min(of);
        match inputs {
            Inputs::Texts(texts) => batches(texts, self.batch).len() + sample(texts.len()) + self.mixed(texts).len(),
            Inputs::Queries(queries) => {
                let sampled = self.sample(queries.len());
                let documents: usize = sampled.iter().map(|&at| queries[at].documents.len()).sum();
                queries.len() + sampled.len() + documents
            }
        }
    }

    /// Asks for the vectors of `texts`; `backends` has one for each of their roles, `tick` is called after each request.
    ///
    /// # Errors
    /// The engine is gone, or nobody answers, or it has no vector for any text.
    pub async fn vectors(
        &self,
        name: &str,
        backends: &[Arc<dyn Backend>],
        texts: &[Text],
        tick: &(dyn Fn() + Sync),
    ) -> Result<Answers<VectorSet>, Failure> {
        let asked = |places: &[usize]| {
            let backend = places.first().and_then(|&at| backends.get(texts[at].role)).or(backends.first());
            let request = Request::Texts(places.iter().map(|&at| texts[at].text.clone()).collect());
            let backend = backend.cloned();
            async move {
                let answer = self.ask(backend, &request).await;
                tick();
                match answer? {
                    Output::Vectors(vectors) => Ok(vectors),
                    Output::Scores(_) => Err(unexpected("scores instead of vectors")),
                }
            }
        };
        let named = |at: usize| InputName { index: at as u64, id: texts[at].id.clone() };
        let mut found: Vec<Option<Vec<f32>>> = vec![None; texts.len()];
        let (mut failures, mut first, mut patience) = (Failures::default(), None, Patience::default());
        let (mut seconds, mut answered) = (0.0, 0);
        for batch in batches(texts, self.batch) {
            let begin = Instant::now();
            match asked(&batch).await {
                Ok(vectors) => {
                    seconds += begin.elapsed().as_secs_f64();
                    answered += batch.len();
                    patience.answered();
                    batch.iter().zip(vectors).for_each(|(&at, vector)| found[at] = Some(vector));
                }
                Err(failure) => {
                    patience.refused(&failure)?;
                    // One text may spoil it for all.
                    let alone = if may_be_one(&failure) && batch.len() > 1 { batch.as_slice() } else { &[] };
                    if alone.is_empty() {
                        batch.iter().for_each(|&at| failures.push(named(at), &failure));
                    }
                    for &at in alone {
                        match asked(&[at]).await {
                            Ok(vectors) => {
                                patience.answered();
                                failures.answered_alone += 1;
                                found[at] = vectors.into_iter().next();
                            }
                            Err(failure) => {
                                patience.refused(&failure)?;
                                failures.push(named(at), &failure);
                            }
                        }
                    }
                    first.get_or_insert(failure);
                }
            }
        }
        if let (true, Some(failure)) = (found.iter().all(Option::is_none), first) {
            return Err(failure);
        }

        let (mut alone, mut together) = (Invariance::default(), Invariance::default());
        for at in self.sample(texts.len()) {
            let answer = asked(&[at]).await;
            patience.heard(&answer)?;
            let Some(batched) = &found[at] else { continue };
            match answer {
                Ok(vectors) => vectors.iter().for_each(|vector| alone.push(vector, batched)),
                Err(failure) => failures.push_again(named(at), &failure),
            }
        }
        let requests = self.mixed(texts);
        let asked = &asked;
        let send = |places: Vec<usize>| async move { (asked(&places).await, places) };
        let mut answers = futures_util::stream::iter(requests.into_iter().map(send)).buffer_unordered(self.concurrency);
        while let Some((answer, places)) = answers.next().await {
            patience.heard(&answer)?;
            let known = |&at: &usize| found[at].as_ref().map(|batched| (at, batched));
            match answer {
                Ok(vectors) => {
                    let pairs = places.iter().zip(vectors).filter_map(|(at, vector)| Some((vector, known(at)?.1)));
                    pairs.for_each(|(vector, batched)| together.push(&vector, batched));
                }
                Err(failure) => {
                    places.iter().filter_map(known).for_each(|(at, _)| failures.push_again(named(at), &failure));
                }
            }
        }
        let stability = VectorStability { alone: alone.report(), concurrent: together.report() };
        let stability = stability.known().then_some(Stability::Vectors(stability));
        Ok(Answers { results: set(name, texts, found), seconds, answered, stability, failures })
    }

    /// Asks for the scores of the documents of `queries`; `tick` is called after each request.
    ///
    /// # Errors
    /// The engine is gone, or nobody answers, or it has no scores for any query.
    pub async fn scores(
        &self,
        name: &str,
        backend: &Arc<dyn Backend>,
        queries: &[Query],
        tick: &(dyn Fn() + Sync),
    ) -> Result<Answers<ScoreSet>, Failure> {
        let asked = |at: usize, documents: &[String]| {
            let request = Request::Rerank { query: queries[at].query.clone(), documents: documents.to_vec() };
            let backend = Some(Arc::clone(backend));
            async move {
                let answer = self.ask(backend, &request).await;
                tick();
                match answer? {
                    Output::Scores(scores) => Ok(scores),
                    Output::Vectors(_) => Err(unexpected("vectors instead of scores")),
                }
            }
        };
        let named = |at: usize| InputName { index: at as u64, id: queries[at].id.clone() };
        let mut found: Vec<Option<Vec<f32>>> = vec![None; queries.len()];
        let (mut failures, mut first, mut patience) = (Failures::default(), None, Patience::default());
        let (mut seconds, mut answered) = (0.0, 0);
        for (at, query) in queries.iter().enumerate() {
            let begin = Instant::now();
            match asked(at, &query.documents).await {
                Ok(scores) => {
                    seconds += begin.elapsed().as_secs_f64();
                    answered += scores.len();
                    patience.answered();
                    found[at] = Some(scores);
                }
                Err(failure) => {
                    patience.refused(&failure)?;
                    failures.push(named(at), &failure);
                    first.get_or_insert(failure);
                }
            }
        }
        if let (true, Some(failure)) = (found.iter().all(Option::is_none), first) {
            return Err(failure);
        }

        let mut stability = ScoreStability::default();
        let sample = self.sample(queries.len());
        for &at in &sample {
            let Some(together) = &found[at] else { continue };
            for (document, &score) in queries[at].documents.iter().zip(together) {
                let answer = asked(at, std::slice::from_ref(document)).await;
                patience.heard(&answer)?;
                match answer {
                    Ok(scores) => scores.iter().for_each(|&alone| stability.alone.push(alone, score)),
                    Err(failure) => failures.push_again(named(at), &failure),
                }
            }
        }
        let asked = &asked;
        let send = |at: usize| async move { (asked(at, &queries[at].documents).await, at) };
        let mut answers = futures_util::stream::iter(sample.into_iter().map(send)).buffer_unordered(self.concurrency);
        while let Some((answer, at)) = answers.next().await {
            patience.heard(&answer)?;
            let Some(before) = &found[at] else { continue };
            match answer {
                Ok(scores) => {
                    scores.iter().zip(before).for_each(|(&again, &score)| stability.concurrent.push(again, score));
                }
                Err(failure) => failures.push_again(named(at), &failure),
            }
        }
        let stability = stability.known().then_some(Stability::Scores(stability));
        let query = |(at, scores): (usize, _)| ScoredQuery { index: at as u64, id: queries[at].id.clone(), scores };
        let queries = found.into_iter().enumerate().map(query).collect();
        Ok(Answers { results: ScoreSet { name: name.into(), queries }, seconds, answered, stability, failures })
    }

    /// One request, with a limit. What comes has as many results as the request has inputs; whether they are sound is
    /// what the comparison tells.
    async fn ask(&self, backend: Option<Arc<dyn Backend>>, request: &Request) -> Result<Output, Failure> {
        let Some(backend) = backend else { return Err(unexpected("nobody to ask")) };
        let output = limited(backend.ask(request), self.timeout).await?.output;
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

    /// The places of those of `count` inputs that are asked for three times, rising.
    fn sample(&self, count: usize) -> Vec<usize> {
        let mut sample = fastrand::Rng::with_seed(self.seed).choose_multiple(0..count, self.samples);
        sample.sort_unstable();
        sample
    }

    /// The sample once more, shuffled, in batches of all sizes, so that each text has other ones beside it.
    fn mixed(&self, texts: &[Text]) -> Vec<Vec<usize>> {
        let mut random = fastrand::Rng::with_seed(self.seed.wrapping_add(1));
        let mut places = self.sample(texts.len());
        random.shuffle(&mut places);
        // There are at least two requests for each that is under way at a time.
        let most = (places.len() / (2 * self.concurrency.max(1))).clamp(1, self.batch.max(1));
        let mut requests = Vec::new();
        let roles = texts.iter().map(|text| text.role).max().unwrap_or_default();
        for role in 0..=roles {
            let places: Vec<usize> = places.iter().copied().filter(|&at| texts[at].role == role).collect();
            let mut rest = places.as_slice();
            while !rest.is_empty() {
                let (request, left) = rest.split_at(random.usize(1..=most).min(rest.len()));
                requests.push(request.to_vec());
                rest = left;
            }
        }
        requests
    }
}

/// What engines are asked for.
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

    /// Whether there is nothing to ask for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Places of texts that follow one another, of one role each, at most `size` of them.
fn batches(texts: &[Text], size: usize) -> Vec<Vec<usize>> {
    let places: Vec<usize> = (0..texts.len()).collect();
    let of_a_role = places.chunk_by(|&a, &b| texts[a].role == texts[b].role);
    of_a_role.flat_map(|run| run.chunks(size.max(1)).map(<[usize]>::to_vec)).collect()
}

/// The vectors in the order of their texts.
fn set(name: &str, texts: &[Text], found: Vec<Option<Vec<f32>>>) -> VectorSet {
    let (mut rows, mut numbers) = (Vec::with_capacity(found.len()), Vec::new());
    for ((at, text), vector) in texts.iter().enumerate().zip(found) {
        let place = vector.map(|vector| {
            let start = numbers.len();
            numbers.extend_from_slice(&vector);
            start..numbers.len()
        });
        rows.push(VectorRow { index: Some(at as u64), id: text.id.clone(), place });
    }
    VectorSet { name: name.into(), rows, numbers }
}

fn unexpected(what: &str) -> Failure {
    Failure::new(FailureKind::Shape, what)
}

/// Whether one input of a batch may be the reason why all of it failed.
fn may_be_one(failure: &Failure) -> bool {
    use FailureKind::{Garbage, NotFinite, Other, Shape, Status};
    match failure.kind {
        Status(status) => !is_of_all(status),
        kind => matches!(kind, Garbage | NotFinite | Other | Shape),
    }
}

/// Whether a status has nothing to do with what was asked for: no key, a wrong one, another address.
fn is_of_all(status: u16) -> bool {
    matches!(status, 401 | 403 | 404 | 405)
}

/// How long nobody has answered.
#[derive(Default)]
struct Patience {
    /// Requests in a row that reached nobody.
    unheard: usize,
    /// Requests in a row that failed by the server's own fault.
    refused: usize,
}

impl Patience {
    /// One more request was answered.
    fn answered(&mut self) {
        *self = Self::default();
    }

    /// What became of one more request.
    ///
    /// # Errors
    /// There is no use in further ones.
    fn heard<T>(&mut self, answer: &Result<T, Failure>) -> Result<(), Failure> {
        match answer {
            Ok(_) => {
                self.answered();
                Ok(())
            }
            Err(failure) => self.tried(failure),
        }
    }

    /// One more request failed, and there is one for every input to come.
    ///
    /// # Errors
    /// There is no use in further ones.
    fn refused(&mut self, failure: &Failure) -> Result<(), Failure> {
        if matches!(failure.kind, FailureKind::Overloaded(_) | FailureKind::Status(500..)) {
            self.refused += 1;
            if self.refused >= INDULGENCE {
                return Err(failure.clone());
            }
        }
        self.tried(failure)
    }

    /// One more request failed.
    ///
    /// # Errors
    /// There is no use in further ones.
    fn tried(&mut self, failure: &Failure) -> Result<(), Failure> {
        use FailureKind::{Broken, Connect, Died, Status, Timeout, Tls};
        let unheard = match failure.kind {
            Died => return Err(failure.clone()),
            Status(status) => is_of_all(status),
            kind => matches!(kind, Connect | Tls | Timeout | Broken),
        };
        self.unheard += usize::from(unheard);
        if unheard && self.unheard >= PATIENCE { Err(failure.clone()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
