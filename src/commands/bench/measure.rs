//! The measurement: rounds of all engines in turn, or a rising load for one after the other; then single texts for each
//! engine.

use std::sync::Arc;

use super::super::{AppContext, Error};
use super::measurable::MeasurableEngine;
use super::plan::Plan;
use super::watch::{Placed, Watch};
use crate::bench::collect::{Collector, Results};
use crate::bench::demand::Demand;
use crate::bench::engine::{Prepared, limited};
use crate::bench::load::{MAX_RATE, Phase, PhaseError};
use crate::bench::machine::Watcher;
use crate::bench::observer::{Observer, Stage};
use crate::bench::recorder::{Ending, Recording};
use crate::bench::report::{Curve, CurveKind, EngineState, Resources, Task};
use crate::bench::rounds::{self, Row};
use crate::bench::search::{RateSearch, Step, Sweep};
use crate::bench::summary;
use crate::bench::target::{Output, Request, Target};

/// A sweep is saturated if throughput grows by less than this share in a step.
const GROWTH: f64 = 0.05;
/// A search ends when the rates that hold and fail differ by this share or less.
const TOLERANCE: f64 = 0.05;
/// The most steps of a search.
const STEPS: usize = 40;
/// The first rate of a search, in requests a second.
const FIRST_RATE: f64 = 1.0;
/// The most texts that are sent alone.
const ALONE: usize = 32;

/// The measurements of an engine.
pub(super) struct Measured {
    pub state: EngineState,
    pub rounds: Vec<Recording>,
    /// The warm-up and the round in which the engine failed: only their failures count.
    pub besides: Vec<Recording>,
    pub curve: Option<Curve>,
    pub total: Recording,
    /// Samples of the results of its rounds.
    pub sample: Results,
    pub resources: Resources,
    /// Joules of the machine in each round.
    pub joules: Vec<Option<f64>>,
    /// Vectors of texts alone and of the same texts in the rounds.
    pub alone: Vec<(Vec<f32>, Vec<f32>)>,
}

/// The measurements of all engines that are ready, and their order.
pub(super) struct Outcome {
    pub engines: Vec<Measured>,
    /// The indices of the engines of each round.
    pub order: Vec<Vec<usize>>,
}

/// Measures the engines in `ready`, which have these names.
pub(super) async fn run(
    plan: &Plan,
    ready: &[MeasurableEngine],
    names: Vec<String>,
    requests: &Arc<[Prepared]>,
    app: &AppContext,
) -> Result<Outcome, Error> {
    let phase = plan.phase(requests.len())?;
    let collector = Collector::new(ready.len(), Arc::clone(requests), plan.seed, plan.samples);
    let resources = Watcher::new(ready.iter().map(|ready| ready.running.roots.clone()).collect());
    let watch = Arc::new(Watch::new(names, &phase, collector, resources, &app.bars));
    let targets: Vec<Arc<dyn Target>> =
        ready.iter().map(|ready| Arc::clone(&ready.target) as Arc<dyn Target>).collect();
    let (mut engines, order) = match plan.demand {
        Demand::Rounds(_) => {
            let run = rounds::run(&plan.rounds(phase), &targets, &app.cancel, watch.as_ref()).await;
            (run.rows.into_iter().map(Measured::of_row).collect(), run.order)
        }
        _ => rising(plan, &phase, &targets, &watch, app).await?,
    };
    for (place, measured) in engines.iter_mut().enumerate() {
        measured.resources = watch.resources(place);
        measured.joules = (0..measured.rounds.len()).map(|round| watch.joules(place, round)).collect();
    }
    if let Ok(watch) = Arc::try_unwrap(watch) {
        for (measured, sample) in engines.iter_mut().zip(watch.into_samples()) {
            measured.sample = sample;
        }
    }
    for (measured, ready) in engines.iter_mut().zip(ready) {
        if matches!(measured.state, EngineState::Failed { .. } | EngineState::NotMeasured) {
            continue;
        }
        let after = AfterRounds { plan, ready, requests, app };
        if plan.set.task == Task::Embed {
            measured.alone = after.alone(&measured.sample).await;
        }
        after.complete(&mut measured.sample).await;
    }
    Ok(Outcome { engines, order })
}

/// Measures one engine after the other, in random order: each has its own pace.
async fn rising(
    plan: &Plan,
    phase: &Phase,
    targets: &[Arc<dyn Target>],
    watch: &Arc<Watch>,
    app: &AppContext,
) -> Result<(Vec<Measured>, Vec<Vec<usize>>), Error> {
    let mut order: Vec<usize> = (0..targets.len()).collect();
    fastrand::Rng::with_seed(plan.seed).shuffle(&mut order);
    let mut engines: Vec<Measured> = targets.iter().map(|_| Measured::nothing()).collect();
    for &place in &order {
        let (Some(target), Some(measured)) = (targets.get(place), engines.get_mut(place)) else { continue };
        if app.cancel.is_cancelled() {
            break;
        }
        let watch = Placed { watch: Arc::clone(watch), place };
        if let Some(warm_up) = &plan.warm_up {
            watch.began(0, Stage::WarmUp);
            let warmed = warm_up.run(target, phase, &app.cancel, &watch).await.recording;
            watch.ended(&warmed);
            let failed = matches!(warmed.ending, Ending::Died | Ending::GaveUp);
            let reason = warmed.failures.main().filter(|_| failed);
            measured.besides.push(warmed);
            if let Some(reason) = reason {
                measured.state = summary::failed(Stage::WarmUp, &reason);
                continue;
            }
        }
        let refused = |e: PhaseError| Error::Flag { flag: "--load", reason: e.to_string() };
        let (curve, steps) = match plan.demand {
            Demand::Search { goal, poisson } => {
                let search =
                    RateSearch { goal, from: FIRST_RATE, to: MAX_RATE, tolerance: TOLERANCE, steps: STEPS, poisson };
                let found = search.run(target, phase, &app.cancel, &watch).await.map_err(refused)?;
                (summary::searched(goal, &found), found.steps)
            }
            Demand::Sweep { axis, from, to } => {
                let sweep = Sweep { axis, from, to, growth: GROWTH };
                let swept = sweep.run(target, phase, &app.cancel, &watch).await.map_err(refused)?;
                let kind = plan.demand.curve().unwrap_or(CurveKind::Rate);
                (summary::swept(kind, &swept), swept.steps)
            }
            Demand::Rounds(_) => break,
        };
        measured.climbed(curve, steps);
    }
    Ok((engines, vec![order]))
}

impl Measured {
    fn nothing() -> Self {
        Self {
            state: EngineState::NotMeasured,
            rounds: Vec::new(),
            besides: Vec::new(),
            curve: None,
            total: Recording::default(),
            sample: Results::new(0, 0),
            resources: Resources::default(),
            joules: Vec::new(),
            alone: Vec::new(),
        }
    }

    fn of_row(row: Row) -> Self {
        let (state, total) = (row.state.clone(), row.total());
        let besides = row.warm_up.map(|warm_up| warm_up.recording).into_iter().chain(row.broken).collect();
        Self { state, rounds: row.rounds, besides, total, ..Self::nothing() }
    }

    fn climbed(&mut self, curve: Curve, steps: Vec<Step>) {
        let last = steps.last().map(|step| &step.recording);
        let failure = last.filter(|last| matches!(last.ending, Ending::Died) || last.done.requests == 0);
        let failure = failure.and_then(|last| last.failures.main()).filter(|_| curve.stop == "failed");
        self.state = match failure {
            Some(failure) => summary::failed(Stage::Step(steps.len().saturating_sub(1)), &failure),
            None if steps.iter().any(|step| step.recording.done.requests > 0) => EngineState::Once,
            None => EngineState::NotMeasured,
        };
        steps.iter().for_each(|step| self.total.merge(&step.recording));
        // The best step represents the engine in the table.
        let best = curve.best.and_then(|best| steps.into_iter().nth(best));
        self.rounds.extend(best.map(|step| step.recording));
        self.curve = Some(curve);
    }
}

/// Requests to an engine after its rounds, which are part of no figure but fidelity.
struct AfterRounds<'a> {
    plan: &'a Plan,
    ready: &'a MeasurableEngine,
    requests: &'a [Prepared],
    app: &'a AppContext,
}

impl AfterRounds<'_> {
    /// Vectors of single texts, with those of the same texts in the rounds.
    async fn alone(&self, sample: &Results) -> Vec<(Vec<f32>, Vec<f32>)> {
        let mut pairs = Vec::new();
        for (place, _, loaded) in sample.clone().into_results().into_iter().take(ALONE) {
            let Some(text) = text(self.requests, place) else { continue };
            let Some(vectors) = self.send(&Request::Texts(vec![text.to_owned()])).await else { break };
            pairs.extend(vectors.into_iter().next().map(|alone| (alone, loaded)));
        }
        pairs
    }

    /// Adds the results that the sample lacks because the engine has not come so far: then all engines are compared on the
    /// same texts, in this run and in the next one.
    async fn complete(&self, sample: &mut Results) {
        let missing = sample.missing(count(self.requests));
        for places in missing.chunks(if self.plan.set.task == Task::Rerank { 1 } else { self.plan.batch.max(1) }) {
            let request = match self.requests.get(*places.first().unwrap_or(&0)) {
                Some(Prepared { request: rerank @ Request::Rerank { .. }, .. }) => rerank.clone(),
                _ => {
                    Request::Texts(places.iter().filter_map(|&at| text(self.requests, at)).map(str::to_owned).collect())
                }
            };
            let Some(results) = self.send(&request).await else { break };
            places.iter().zip(results).for_each(|(&place, result)| sample.offer(0, place, result));
        }
    }

    /// The vectors of texts, or the scores of a query's documents; `None` after a failure or an interruption.
    async fn send(&self, request: &Request) -> Option<Vec<Vec<f32>>> {
        let answer = limited(self.ready.target.once(request), self.plan.set.request_timeout);
        let outcome = tokio::select! {
            outcome = answer => outcome,
            () = self.app.cancel.cancelled() => return None,
        };
        match outcome.map(|answer| answer.output) {
            Ok(Some(Output::Vectors(vectors))) => Some(vectors),
            Ok(Some(Output::Scores(scores))) => Some(vec![scores]),
            Ok(None) => None,
            Err(failure) => {
                self.app.bars.printer().warning(&format!("a request after the rounds failed: {failure}"));
                None
            }
        }
    }
}

/// The number of texts, or of queries.
fn count(requests: &[Prepared]) -> usize {
    requests.last().map_or(0, |Prepared { request, first, .. }| match request {
        Request::Texts(texts) => first + texts.len(),
        Request::Rerank { .. } => first + 1,
    })
}

/// The text of this index in the dataset.
fn text(requests: &[Prepared], place: usize) -> Option<&str> {
    let after = requests.partition_point(|request| request.first <= place);
    let Prepared { request: Request::Texts(texts), first, .. } = requests.get(after.checked_sub(1)?)? else {
        return None;
    };
    texts.get(place - first).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_place() {
        let request = |texts: [&str; 2], first| {
            let request = Request::Texts(texts.map(String::from).into());
            Prepared { request, tokens: None, first }
        };
        let requests = [request(["a", "b"], 0), request(["c", "d"], 2)];
        let texts: Vec<_> = (0..5).map(|place| text(&requests, place)).collect();
        assert_eq!(texts, [Some("a"), Some("b"), Some("c"), Some("d"), None]);
        assert_eq!(text(&[], 0), None);
        assert_eq!((count(&requests), count(&[])), (4, 0));
    }
}
