//! Vectors of texts.

use std::time::Instant;

use futures_util::StreamExt;

use super::failures::{Failures, Patience, may_be_one};
use super::{Answers, Probe, Text, unexpected};
use crate::bench::engine::OpenEngine;
use crate::bench::target::{Failure, Output, Request};
use crate::compare::engines::{Stability, VectorStability};
use crate::compare::vectors::{InputName, VectorRow, VectorSet};
use crate::stats::fidelity::{Invariance, InvarianceReport};

/// An engine, its requests and its results.
#[derive(Clone, Copy)]
struct ProbedEngine<'a> {
    probe: &'a Probe,
    engines: &'a [OpenEngine],
    texts: &'a [Text],
    tick: &'a (dyn Fn() + Sync),
}

/// The vectors so far.
struct Vectors<'a> {
    asked: ProbedEngine<'a>,
    /// Of each text its vector, out of its batch.
    found: Vec<Option<Vec<f32>>>,
    failures: Failures,
    patience: Patience,
    /// Time of the successful batches, in seconds, and the number of their texts.
    seconds: f64,
    answered: usize,
}

impl Probe {
    /// Requests the vectors of `texts`; `engines` has one for each of their roles, `tick` is called after each request.
    ///
    /// # Errors
    /// The engine has ended, does not reply, or has no vector for any text.
    pub async fn vectors(
        &self,
        name: &str,
        engines: &[OpenEngine],
        texts: &[Text],
        tick: &(dyn Fn() + Sync),
    ) -> Result<Answers<VectorSet>, Failure> {
        let mut vectors = Vectors {
            asked: ProbedEngine { probe: self, engines, texts, tick },
            found: vec![None; texts.len()],
            failures: Failures::default(),
            patience: Patience::default(),
            seconds: 0.0,
            answered: 0,
        };
        vectors.in_batches().await?;
        let stability = VectorStability { alone: vectors.alone().await?, concurrent: vectors.among_many().await? };
        let stability = stability.known().then_some(Stability::Vectors(stability));
        let Vectors { found, failures, seconds, answered, .. } = vectors;
        Ok(Answers { results: set(name, texts, found), seconds, answered, stability, failures })
    }
}

impl ProbedEngine<'_> {
    /// The vectors of the texts at these places, which have one role.
    async fn ask(self, places: &[usize]) -> Result<Vec<Vec<f32>>, Failure> {
        let Self { probe, engines, texts, tick } = self;
        let engine = places.first().and_then(|&at| engines.get(texts[at].role)).or(engines.first());
        let request = Request::Texts(places.iter().map(|&at| texts[at].text.clone()).collect());
        let answer = probe.ask(engine, &request).await;
        tick();
        match answer? {
            Output::Vectors(vectors) => Ok(vectors),
            Output::Scores(_) => Err(unexpected("scores instead of vectors")),
        }
    }

    fn name(self, at: usize) -> InputName {
        InputName { index: at as u64, id: self.texts[at].id.clone() }
    }
}

impl Vectors<'_> {
    /// All texts, batch after batch.
    async fn in_batches(&mut self) -> Result<(), Failure> {
        let mut first = None;
        for batch in batches(self.asked.texts, self.asked.probe.batch) {
            let begin = Instant::now();
            match self.asked.ask(&batch).await {
                Ok(vectors) => {
                    self.seconds += begin.elapsed().as_secs_f64();
                    self.answered += batch.len();
                    self.patience.answered();
                    batch.iter().zip(vectors).for_each(|(&at, vector)| self.found[at] = Some(vector));
                }
                Err(failure) => {
                    self.patience.refused(&failure)?;
                    // One text may spoil it for all.
                    if may_be_one(&failure) && batch.len() > 1 {
                        self.one_by_one(&batch).await?;
                    } else {
                        batch.iter().for_each(|&at| self.failures.push(self.asked.name(at), &failure));
                    }
                    first.get_or_insert(failure);
                }
            }
        }
        match first {
            Some(failure) if self.found.iter().all(Option::is_none) => Err(failure),
            _ => Ok(()),
        }
    }

    /// The texts of a batch that failed.
    async fn one_by_one(&mut self, batch: &[usize]) -> Result<(), Failure> {
        for &at in batch {
            match self.asked.ask(&[at]).await {
                Ok(vectors) => {
                    self.patience.answered();
                    self.failures.answered_alone += 1;
                    self.found[at] = vectors.into_iter().next();
                }
                Err(failure) => {
                    self.patience.refused(&failure)?;
                    self.failures.push(self.asked.name(at), &failure);
                }
            }
        }
        Ok(())
    }

    /// Those of the sample once more, each alone.
    async fn alone(&mut self) -> Result<InvarianceReport, Failure> {
        let mut alone = Invariance::default();
        for at in self.asked.probe.sample(self.found.len()) {
            let Some(batched) = &self.found[at] else { continue };
            let answer = self.asked.ask(&[at]).await;
            self.patience.heard(&answer)?;
            match answer {
                Ok(vectors) => vectors.iter().for_each(|vector| alone.push(vector, batched)),
                Err(failure) => self.failures.push_again(self.asked.name(at), &failure),
            }
        }
        Ok(alone.report())
    }

    /// Those of the sample once more, many requests at a time, with others beside them.
    async fn among_many(&mut self) -> Result<InvarianceReport, Failure> {
        let asked = self.asked;
        let send = |places: Vec<usize>| async move { (asked.ask(&places).await, places) };
        let requests = futures_util::stream::iter(mixed(asked.probe, asked.texts).into_iter().map(send));
        let mut answers = requests.buffer_unordered(asked.probe.concurrency);
        let mut together = Invariance::default();
        while let Some((answer, places)) = answers.next().await {
            self.patience.heard(&answer)?;
            let known = |&at: &usize| self.found[at].as_ref().map(|batched| (at, batched));
            match answer {
                Ok(vectors) => {
                    let pairs = places.iter().zip(vectors).filter_map(|(at, vector)| Some((vector, known(at)?.1)));
                    pairs.for_each(|(vector, batched)| together.push(&vector, batched));
                }
                Err(failure) => {
                    let lost = places.iter().filter_map(known);
                    lost.for_each(|(at, _)| self.failures.push_again(asked.name(at), &failure));
                }
            }
        }
        Ok(together.report())
    }
}

/// Places of texts that follow one another, of one role each, at most `size` of them.
pub(super) fn batches(texts: &[Text], size: usize) -> Vec<Vec<usize>> {
    let places: Vec<usize> = (0..texts.len()).collect();
    let of_a_role = places.chunk_by(|&a, &b| texts[a].role == texts[b].role);
    of_a_role.flat_map(|run| run.chunks(size.max(1)).map(<[usize]>::to_vec)).collect()
}

/// The sample once more, shuffled, in batches of all sizes, so that each text has other ones beside it.
pub(super) fn mixed(probe: &Probe, texts: &[Text]) -> Vec<Vec<usize>> {
    let mut random = fastrand::Rng::with_seed(probe.seed.wrapping_add(1));
    let mut places = probe.sample(texts.len());
    random.shuffle(&mut places);
    // There are at least two requests for each that is under way at a time.
    let most = (places.len() / (2 * probe.concurrency.max(1))).clamp(1, probe.batch.max(1));
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
