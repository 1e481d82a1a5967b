//! Samples of the results of the timed rounds: the same texts or queries of every engine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::Prepared;
use super::observer::{Observer, Stage};
use super::recorder::{self, Recording};
use super::target::{Answer, Output};
use crate::stats::sample::Sample;

/// The results of an engine by text or query of the dataset: vectors, or the scores of a query's documents.
pub(crate) type Results = Sample<Vec<f32>>;

/// An observer that keeps samples of the results of rounds.
pub(crate) struct Collector {
    requests: Arc<[Prepared]>,
    state: Mutex<State>,
}

struct State {
    /// One a target.
    samples: Vec<Results>,
    /// The target of the current stage, if the stage counts.
    current: Option<usize>,
    /// Answered requests of all targets.
    answered: u64,
}

impl Collector {
    /// Samples of at most `size` texts or queries for each of `targets`, all of which get these requests.
    pub(crate) fn new(targets: usize, requests: Arc<[Prepared]>, seed: u64, size: usize) -> Self {
        let samples = (0..targets).map(|_| Sample::new(seed, size)).collect();
        Self { requests, state: Mutex::new(State { samples, current: None, answered: 0 }) }
    }

    /// The samples, one a target.
    pub(crate) fn into_samples(self) -> Vec<Results> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).samples
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Collector {
    fn began(&self, target: usize, stage: Stage) {
        self.lock().current = (stage != Stage::WarmUp).then_some(target);
    }

    fn finished(&self, sample: recorder::Sample) {
        let recorder::Sample { index, outcome: Ok(Answer { output: Some(output), .. }), .. } = sample else { return };
        let mut state = self.lock();
        let State { samples, current, answered } = &mut *state;
        let Some(kept) = current.and_then(|target| samples.get_mut(target)) else { return };
        let Some(Prepared { first, .. }) = self.requests.get(index) else { return };
        *answered += 1;
        match output {
            Output::Vectors(vectors) => {
                for (place, vector) in vectors.into_iter().enumerate() {
                    kept.offer(*answered, first + place, vector);
                }
            }
            Output::Scores(scores) => kept.offer(*answered, *first, scores),
        }
    }

    fn ended(&self, _recording: &Recording) {
        self.lock().current = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::target::{Failure, FailureKind, Outcome, Request};

    fn collector(targets: usize, size: usize) -> Collector {
        let request = |first: usize| Prepared { request: Request::Texts(vec!["a".into(); 2]), tokens: None, first };
        Collector::new(targets, [request(0), request(2)].into(), 1, size)
    }

    fn answer(collector: &Collector, index: usize, outcome: Outcome) {
        let time = Duration::ZERO;
        collector.finished(recorder::Sample { index, scheduled: time, sent: time, done: time, outcome });
    }

    fn vectors(numbers: [f32; 2]) -> Outcome {
        let output = Some(Output::Vectors(numbers.map(|x| vec![x]).into()));
        Ok(Answer { inputs: 2, output, ..Answer::default() })
    }

    #[test]
    fn results_are_those_of_their_texts_and_engines() {
        let collector = collector(2, 10);
        collector.began(0, Stage::WarmUp);
        answer(&collector, 0, vectors([7.0, 7.0]));
        collector.began(0, Stage::Round(0));
        answer(&collector, 1, vectors([2.0, 3.0]));
        answer(&collector, 0, Err(Failure::new(FailureKind::Other, "")));
        collector.ended(&Recording::default());
        answer(&collector, 0, vectors([8.0, 8.0]));
        collector.began(1, Stage::Round(0));
        answer(&collector, 0, vectors([0.5, 1.5]));
        let samples = collector.into_samples();
        let kept = |target: usize| (0..4).map(|text| samples[target].get(text).map(|v| v[0])).collect::<Vec<_>>();
        assert_eq!(kept(0), [None, None, Some(2.0), Some(3.0)]);
        assert_eq!(kept(1), [Some(0.5), Some(1.5), None, None]);
    }

    #[test]
    fn samples_are_no_larger_than_their_limit() {
        let collector = collector(1, 3);
        collector.began(0, Stage::Step(0));
        for index in [0, 1, 0, 1] {
            answer(&collector, index, vectors([0.0, 1.0]));
        }
        assert_eq!(collector.into_samples().remove(0).into_results().len(), 3);
        let scores = super::tests::collector(1, 3);
        scores.began(0, Stage::Round(0));
        answer(
            &scores,
            1,
            Ok(Answer { inputs: 2, output: Some(Output::Scores(vec![0.5, 0.25])), ..Answer::default() }),
        );
        assert_eq!(scores.into_samples()[0].get(2), Some(&vec![0.5, 0.25]));
    }
}
