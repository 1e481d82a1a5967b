//! Scores of documents.

use std::time::Instant;

use futures_util::StreamExt;

use super::failures::{Failures, Patience};
use super::{Answers, Probe, Query, unexpected};
use crate::bench::engine::OpenEngine;
use crate::bench::target::{Failure, Output, Request};
use crate::compare::engines::{ScoreInvariance, ScoreStability, Stability};
use crate::compare::scores::{ScoreSet, ScoredQuery};
use crate::compare::vectors::InputName;

/// An engine, its requests and its results.
#[derive(Clone, Copy)]
struct ProbedEngine<'a> {
    probe: &'a Probe,
    engine: &'a OpenEngine,
    queries: &'a [Query],
    tick: &'a (dyn Fn() + Sync),
}

/// The scores so far.
struct Scores<'a> {
    asked: ProbedEngine<'a>,
    /// Of each query the scores of all its documents.
    found: Vec<Option<Vec<f32>>>,
    failures: Failures,
    patience: Patience,
    /// Time of the successful queries, in seconds, and the number of their documents.
    seconds: f64,
    answered: usize,
}

impl Probe {
    /// Requests the scores of the documents of `queries`; `tick` is called after each request.
    ///
    /// # Errors
    /// The engine has ended, does not reply, or has no scores for any query.
    pub async fn scores(
        &self,
        name: &str,
        engine: &OpenEngine,
        queries: &[Query],
        tick: &(dyn Fn() + Sync),
    ) -> Result<Answers<ScoreSet>, Failure> {
        let mut scores = Scores {
            asked: ProbedEngine { probe: self, engine, queries, tick },
            found: vec![None; queries.len()],
            failures: Failures::default(),
            patience: Patience::default(),
            seconds: 0.0,
            answered: 0,
        };
        scores.one_after_the_other().await?;
        let stability = ScoreStability { alone: scores.alone().await?, concurrent: scores.among_many().await? };
        let stability = stability.known().then_some(Stability::Scores(stability));
        let Scores { found, failures, seconds, answered, .. } = scores;
        let query = |(at, scores): (usize, _)| ScoredQuery { index: at as u64, id: queries[at].id.clone(), scores };
        let queries = found.into_iter().enumerate().map(query).collect();
        Ok(Answers { results: ScoreSet { name: name.into(), queries }, seconds, answered, stability, failures })
    }
}

impl ProbedEngine<'_> {
    /// The scores of these documents of the query at this place.
    async fn ask(self, at: usize, documents: &[String]) -> Result<Vec<f32>, Failure> {
        let request = Request::Rerank { query: self.queries[at].query.clone(), documents: documents.to_vec() };
        let answer = self.probe.ask(Some(self.engine), &request).await;
        (self.tick)();
        match answer? {
            Output::Scores(scores) => Ok(scores),
            Output::Vectors(_) => Err(unexpected("vectors instead of scores")),
        }
    }

    fn name(self, at: usize) -> InputName {
        InputName { index: at as u64, id: self.queries[at].id.clone() }
    }
}

impl Scores<'_> {
    /// All queries, each with all its documents.
    async fn one_after_the_other(&mut self) -> Result<(), Failure> {
        let mut first = None;
        for (at, query) in self.asked.queries.iter().enumerate() {
            let begin = Instant::now();
            match self.asked.ask(at, &query.documents).await {
                Ok(scores) => {
                    self.seconds += begin.elapsed().as_secs_f64();
                    self.answered += scores.len();
                    self.patience.answered();
                    self.found[at] = Some(scores);
                }
                Err(failure) => {
                    self.patience.refused(&failure)?;
                    self.failures.push(self.asked.name(at), &failure);
                    first.get_or_insert(failure);
                }
            }
        }
        match first {
            Some(failure) if self.found.iter().all(Option::is_none) => Err(failure),
            _ => Ok(()),
        }
    }

    /// Those of the sample once more, each document alone.
    async fn alone(&mut self) -> Result<ScoreInvariance, Failure> {
        let mut found = ScoreInvariance::default();
        for at in self.asked.probe.sample(self.found.len()) {
            let Some(together) = &self.found[at] else { continue };
            for (document, &score) in self.asked.queries[at].documents.iter().zip(together) {
                let answer = self.asked.ask(at, std::slice::from_ref(document)).await;
                self.patience.heard(&answer)?;
                match answer {
                    Ok(scores) => scores.iter().for_each(|&alone| found.push(alone, score)),
                    Err(failure) => self.failures.push_again(self.asked.name(at), &failure),
                }
            }
        }
        Ok(found)
    }

    /// Those of the sample once more, many at a time.
    async fn among_many(&mut self) -> Result<ScoreInvariance, Failure> {
        let asked = self.asked;
        let send = |at: usize| async move { (asked.ask(at, &asked.queries[at].documents).await, at) };
        let requests = futures_util::stream::iter(asked.probe.sample(self.found.len()).into_iter().map(send));
        let mut answers = requests.buffer_unordered(asked.probe.concurrency);
        let mut found = ScoreInvariance::default();
        while let Some((answer, at)) = answers.next().await {
            self.patience.heard(&answer)?;
            let Some(before) = &self.found[at] else { continue };
            match answer {
                Ok(scores) => scores.iter().zip(before).for_each(|(&again, &score)| found.push(again, score)),
                Err(failure) => self.failures.push_again(asked.name(at), &failure),
            }
        }
        Ok(found)
    }
}
