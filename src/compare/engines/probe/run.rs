//! All requests of a comparison to one engine.

use std::time::Instant;

use futures_util::StreamExt;

use super::failures::{Failures, Patience, may_be_one};
use super::{Inputs, Probe, Text};
use crate::bench::engine::{OpenEngine, limited};
use crate::bench::target::{Failure, FailureKind, Output, Request};
use crate::compare::engines::{ScoreInvariance, ScoreStability, Stability, VectorStability};
use crate::compare::scores::{ScoreSet, ScoredQuery};
use crate::compare::vectors::{VectorRow, VectorSet};
use crate::stats::fidelity::Invariance;

/// An engine's results, and what is known of how it computed them.
#[derive(Debug)]
pub(crate) struct Answers {
    /// Its results, in batches.
    pub results: Results,
    /// Time of all successful requests, in seconds.
    pub seconds: f64,
    /// Vectors or scores that were computed in that time.
    pub answered: usize,
    /// The dependence of results on the batch; `None` without two results for any input.
    pub stability: Option<Stability>,
    pub failures: Failures,
}

#[derive(Debug)]
pub(crate) enum Results {
    /// Vectors of texts.
    Vectors(VectorSet),
    /// Scores of documents.
    Scores(ScoreSet),
}

impl Probe {
    /// Sends `inputs` to the engine called `name`; `engines` has one for each role of texts, `tick` is called after each
    /// request.
    ///
    /// # Errors
    /// The engine has ended, does not reply, or has no result for any input.
    pub(crate) async fn run(
        &self,
        name: &str,
        engines: &[OpenEngine],
        inputs: &Inputs,
        tick: &(dyn Fn() + Sync),
    ) -> Result<Answers, Failure> {
        let mut run = Run {
            sender: Sender { probe: self, engines, inputs, tick },
            found: vec![None; inputs.len()],
            failures: Failures::default(),
            patience: Patience::default(),
            seconds: 0.0,
            answered: 0,
        };
        run.in_batches().await?;
        let stability = match inputs {
            Inputs::Texts(_) => {
                let (alone, concurrent) = run.again::<Invariance>().await?;
                Stability::Vectors(VectorStability { alone: alone.report(), concurrent: concurrent.report() })
            }
            Inputs::Queries(_) => {
                let (alone, concurrent) = run.again::<ScoreInvariance>().await?;
                Stability::Scores(ScoreStability { alone, concurrent })
            }
        };
        let Run { found, failures, seconds, answered, .. } = run;
        let results = match inputs {
            Inputs::Texts(texts) => Results::Vectors(vectors(name, texts, found)),
            Inputs::Queries(queries) => {
                let scored = |((index, query), scores): ((u64, &super::Query), _)| ScoredQuery {
                    index,
                    id: query.id.clone(),
                    scores,
                };
                let queries = (0..).zip(queries).zip(found).map(scored).collect();
                Results::Scores(ScoreSet { name: name.into(), queries })
            }
        };
        let stability = Some(stability).filter(Stability::is_known);
        Ok(Answers { results, seconds, answered, stability, failures })
    }
}

/// Sends requests to an engine.
#[derive(Clone, Copy)]
struct Sender<'a> {
    probe: &'a Probe,
    engines: &'a [OpenEngine],
    inputs: &'a Inputs,
    tick: &'a (dyn Fn() + Sync),
}

impl Sender<'_> {
    /// The results of these inputs: of a text its vector, of a query the scores of its documents.
    async fn send(self, places: &[usize]) -> Result<Vec<Vec<f32>>, Failure> {
        let role = places.first().map_or(0, |&at| self.inputs.role(at));
        self.request(role, &self.inputs.request(places)).await
    }

    /// One request, with a time limit. The comparison checks the values of its results.
    async fn request(self, role: usize, request: &Request) -> Result<Vec<Vec<f32>>, Failure> {
        let unexpected = |what| Failure::new(FailureKind::Shape, what);
        let Some(engine) = self.engines.get(role).or(self.engines.first()) else {
            return Err(unexpected("there is no engine for this role".to_owned()));
        };
        let answer = limited(engine.send(request), self.probe.timeout).await;
        (self.tick)();
        let (count, results) = match answer?.output {
            Some(Output::Vectors(vectors)) => (vectors.len(), vectors),
            Some(Output::Scores(scores)) => (scores.len(), vec![scores]),
            None => (0, Vec::new()),
        };
        match count == request.inputs() {
            true => Ok(results),
            false => Err(unexpected(format!("{count} results for {} inputs", request.inputs()))),
        }
    }
}

/// The results so far.
struct Run<'a> {
    sender: Sender<'a>,
    /// The results of each input, out of its batch.
    found: Vec<Option<Vec<f32>>>,
    failures: Failures,
    patience: Patience,
    /// Time of the successful batches, in seconds, and the number of their results.
    seconds: f64,
    answered: usize,
}

impl Run<'_> {
    /// All inputs, batch after batch.
    async fn in_batches(&mut self) -> Result<(), Failure> {
        let mut first = None;
        let Sender { probe, inputs, .. } = self.sender;
        for batch in inputs.batches(probe.batch) {
            let begin = Instant::now();
            match self.sender.send(&batch).await {
                Ok(results) => {
                    self.seconds += begin.elapsed().as_secs_f64();
                    self.answered += batch.iter().map(|&at| inputs.results(at)).sum::<usize>();
                    self.patience.answered();
                    batch.iter().zip(results).for_each(|(&at, result)| self.found[at] = Some(result));
                }
                Err(failure) => {
                    self.patience.refused(&failure)?;
                    // One text may spoil it for all.
                    if may_be_one(&failure) && batch.len() > 1 {
                        self.one_by_one(&batch).await?;
                    } else {
                        batch.iter().for_each(|&at| self.failures.push(inputs.name(at), &failure));
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
            match self.sender.send(&[at]).await {
                Ok(results) => {
                    self.patience.answered();
                    self.failures.answered_alone += 1;
                    self.found[at] = results.into_iter().next();
                }
                Err(failure) => {
                    self.patience.refused(&failure)?;
                    self.failures.push(self.sender.inputs.name(at), &failure);
                }
            }
        }
        Ok(())
    }

    /// The sample once more: each result alone, then many requests at a time.
    async fn again<P: Pairs>(&mut self) -> Result<(P, P), Failure> {
        Ok((self.alone().await?, self.among_many().await?))
    }

    async fn alone<P: Pairs>(&mut self) -> Result<P, Failure> {
        let mut pairs = P::default();
        let Sender { probe, inputs, .. } = self.sender;
        for at in probe.sample(self.found.len()) {
            let Some(batched) = &self.found[at] else { continue };
            let requests = inputs.single(at);
            let size = batched.len() / requests.len().max(1);
            for (part, request) in requests.iter().enumerate() {
                let answer = self.sender.request(inputs.role(at), request).await;
                self.patience.heard(&answer)?;
                match answer {
                    Ok(results) => {
                        let batched = batched.get(part * size..(part + 1) * size).unwrap_or_default();
                        results.iter().for_each(|alone| pairs.add(alone, batched));
                    }
                    Err(failure) => self.failures.push_again(inputs.name(at), &failure),
                }
            }
        }
        Ok(pairs)
    }

    async fn among_many<P: Pairs>(&mut self) -> Result<P, Failure> {
        let sender @ Sender { probe, inputs, .. } = self.sender;
        let send = |places: Vec<usize>| async move { (sender.send(&places).await, places) };
        let requests = futures_util::stream::iter(probe.mixed(inputs).into_iter().map(send));
        let mut answers = requests.buffer_unordered(probe.concurrency);
        let mut pairs = P::default();
        while let Some((answer, places)) = answers.next().await {
            self.patience.heard(&answer)?;
            let known = |&at: &usize| self.found[at].as_ref().map(|batched| (at, batched));
            match answer {
                Ok(results) => {
                    let found = places.iter().zip(results).filter_map(|(at, again)| Some((again, known(at)?.1)));
                    found.for_each(|(again, batched)| pairs.add(&again, batched));
                }
                Err(failure) => {
                    let lost = places.iter().filter_map(known);
                    lost.for_each(|(at, _)| self.failures.push_again(inputs.name(at), &failure));
                }
            }
        }
        Ok(pairs)
    }
}

/// Two results each of the same inputs.
trait Pairs: Default {
    fn add(&mut self, again: &[f32], batched: &[f32]);
}

impl Pairs for Invariance {
    fn add(&mut self, again: &[f32], batched: &[f32]) {
        self.push(again, batched);
    }
}

impl Pairs for ScoreInvariance {
    fn add(&mut self, again: &[f32], batched: &[f32]) {
        again.iter().zip(batched).for_each(|(&again, &batched)| self.push(again, batched));
    }
}

/// The vectors in the order of their texts.
fn vectors(name: &str, texts: &[Text], found: Vec<Option<Vec<f32>>>) -> VectorSet {
    let (mut rows, mut numbers) = (Vec::with_capacity(found.len()), Vec::new());
    for ((index, text), vector) in (0..).zip(texts).zip(found) {
        let place = vector.map(|vector| {
            let start = numbers.len();
            numbers.extend_from_slice(&vector);
            start..numbers.len()
        });
        rows.push(VectorRow { index: Some(index), id: text.id.clone(), text: None, place });
    }
    VectorSet { name: name.into(), rows, numbers }
}
