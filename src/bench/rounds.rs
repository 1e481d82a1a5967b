//! Several targets under the same load, in rounds: each round has each target once, in an order of its own, so that
//! other work of the machine hits all alike.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::load::{self, Phase};
use super::observer::{Observer, Stage};
use super::recorder::{Ending, Recording};
use super::report::EngineState;
use super::summary;
use super::target::{Failure, FailureKind, Target};
use super::warm_up::{WarmUp, WarmedUp};
use crate::fetch::Cancel;
use crate::stats::spread::relative_half_width;

/// The rounds to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// One round of one target. Its seed changes from round to round, and is the same for all targets of a round.
    pub phase: Phase,
    /// The warm-up before the first round, if any.
    pub warm_up: Option<WarmUp>,
    pub min_rounds: usize,
    pub max_rounds: usize,
    /// A target is stable when the 95 % interval of its figure (see [`decisive`]) is within this share of it: 0.02 is
    /// ±2 %. Rounds end when all targets are stable. As it is computed after every round, such an interval is a little
    /// too narrow: it decides when to stop, and is not reported.
    pub stable: f64,
    /// No round begins after this time.
    pub limit: Option<Duration>,
    /// Seed of the order of targets and of Poisson arrivals.
    pub seed: u64,
}

#[cfg(test)]
impl Plan {
    /// From 5 to 20 rounds of this phase after the default warm-up, until all targets are stable to ±2 %; seed 0.
    pub(crate) fn new(phase: Phase) -> Self {
        let warm_up = Some(WarmUp::default());
        Self { phase, warm_up, min_rounds: 5, max_rounds: 20, stable: 0.02, limit: None, seed: 0 }
    }
}

/// The results of all rounds.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// One a target.
    pub rows: Vec<Row>,
    /// The targets of each round (by index), in their order.
    pub order: Vec<Vec<usize>>,
    /// True if the user stopped the run.
    pub cancelled: bool,
}

/// The results of a target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub warm_up: Option<WarmedUp>,
    /// The complete rounds, from the first on.
    pub rounds: Vec<Recording>,
    /// The round in which it failed or was interrupted; no figure comes from it.
    pub broken: Option<Recording>,
    pub state: EngineState,
}

impl Row {
    /// All complete rounds together.
    pub(crate) fn total(&self) -> Recording {
        let mut total = Recording::default();
        self.rounds.iter().for_each(|round| total.merge(round));
        total
    }

    /// A figure of each complete round that has it, with the round's number from 0.
    pub(crate) fn figures(&self, figure: impl Fn(&Recording) -> Option<f64>) -> Vec<(usize, f64)> {
        self.rounds.iter().enumerate().filter_map(|(round, recording)| Some((round, figure(recording)?))).collect()
    }

    fn failed(&self) -> bool {
        matches!(self.state, EngineState::Failed { .. })
    }

    fn add(&mut self, recording: Recording, stage: Stage) {
        match failure(&recording) {
            Some(reason) => self.state = summary::failed(stage, &reason),
            None if recording.ending == Ending::Complete => return self.rounds.push(recording),
            None => {}
        }
        self.broken = Some(recording);
    }

    /// Sets the state; true if the rounds agree.
    fn settle(&mut self, plan: &Plan) -> bool {
        let figures = self.figures(|recording| decisive(&plan.phase, recording));
        let values: Vec<f64> = figures.into_iter().map(|(_, value)| value).collect();
        self.state = match relative_half_width(&values).map(|(_, half_width)| half_width) {
            Some(half_width) if half_width <= plan.stable => EngineState::Stable { half_width },
            None if self.rounds.is_empty() => EngineState::NotMeasured,
            half_width => EngineState::Unstable { half_width: half_width.filter(|half_width| half_width.is_finite()) },
        };
        matches!(self.state, EngineState::Stable { .. })
    }
}

/// The figure by which rounds agree or not: answered requests a second, or the median latency in seconds in an open
/// loop, where the load decides the rate.
pub(crate) fn decisive(phase: &Phase, recording: &Recording) -> Option<f64> {
    if phase.load().is_open() {
        recording.latency.quantile(0.5).map(|latency| latency.as_secs_f64())
    } else {
        recording.throughput.requests_per_second()
    }
}

/// Runs the rounds. A target that fails its warm-up, dies, gives up or answers nothing in a round keeps its row, with
/// the reason, and the others go on. Setting `cancel` returns the results so far.
pub(crate) async fn run(plan: &Plan, targets: &[Arc<dyn Target>], cancel: &Cancel, observer: &dyn Observer) -> Run {
    let begin = Instant::now();
    let mut rows = vec![Row::default(); targets.len()];
    let mut run = Run { rows: Vec::new(), order: Vec::new(), cancelled: false };
    if let Some(warm_up) = &plan.warm_up {
        for (place, (target, row)) in targets.iter().zip(&mut rows).enumerate() {
            if cancel.is_cancelled() {
                break;
            }
            observer.began(place, Stage::WarmUp);
            let warmed = warm_up.run(target, &plan.phase, cancel, observer).await;
            observer.ended(&warmed.recording);
            if let Some(reason) = failure(&warmed.recording) {
                row.state = summary::failed(Stage::WarmUp, &reason);
            }
            row.warm_up = Some(warmed);
        }
    }
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    for round in 0..plan.max_rounds.max(1) {
        let late = plan.limit.is_some_and(|limit| begin.elapsed() >= limit);
        if cancel.is_cancelled() || (late && round > 0) {
            break;
        }
        // Drawn for all targets, so that a target that fails changes nothing for the others.
        let mut order: Vec<usize> = (0..targets.len()).collect();
        rng.shuffle(&mut order);
        let mut phase = plan.phase.clone();
        phase.seed = rng.u64(..);
        order.retain(|&place| rows.get(place).is_some_and(|row| !row.failed()));
        if order.is_empty() {
            break;
        }
        let mut had = Vec::new();
        for place in order {
            let (Some(target), Some(row)) = (targets.get(place), rows.get_mut(place)) else { continue };
            observer.began(place, Stage::Round(round));
            had.push(place);
            let recording = load::run(target, &phase, cancel, observer).await;
            observer.ended(&recording);
            row.add(recording, Stage::Round(round));
            if cancel.is_cancelled() {
                break;
            }
        }
        run.order.push(had);
        let going = rows.iter_mut().filter(|row| !row.failed());
        let unsure = going.map(|row| row.settle(plan)).filter(|stable| !stable).count();
        if unsure == 0 && round + 1 >= plan.min_rounds {
            break;
        }
    }
    run.cancelled = cancel.is_cancelled();
    run.rows = rows;
    run
}

/// The reason that a target does not go on after this phase.
fn failure(recording: &Recording) -> Option<Failure> {
    let fruitless = recording.ending == Ending::Complete && recording.done.requests == 0;
    if !fruitless && !matches!(recording.ending, Ending::Died | Ending::GaveUp) {
        return None;
    }
    let nothing = || Failure::new(FailureKind::Other, "there was no request to send");
    let dropped = || Failure::new(FailureKind::Timeout, "every request was dropped: too many were in flight");
    Some(recording.failures.main().unwrap_or_else(if recording.dropped > 0 { dropped } else { nothing }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fake::{Fake, ms};
    use crate::bench::load::{End, Load};
    use crate::stats::speed_up::speed_up;
    use crate::stats::spread::Spread;

    fn plan(load: Load, end: End) -> Plan {
        Plan { warm_up: None, min_rounds: 3, max_rounds: 10, ..Plan::new(Phase::new(load, end).unwrap()) }
    }

    fn closed(requests: usize) -> Plan {
        plan(Load::Closed { concurrency: 1 }, End::Requests(requests))
    }

    async fn compare(plan: &Plan, fakes: Vec<Fake>) -> Run {
        let targets: Vec<_> = fakes.into_iter().map(Fake::target).collect();
        run(plan, &targets, &Cancel::new(), &()).await
    }

    fn throughput(row: &Row) -> Vec<(usize, f64)> {
        row.figures(|recording| recording.throughput.requests_per_second())
    }

    #[tokio::test(start_paused = true)]
    async fn orders_are_those_of_the_seed() {
        let fakes = || (0..4).map(|_| Fake::constant(ms(1))).collect();
        let of = async |seed| compare(&Plan { seed, min_rounds: 6, ..closed(3) }, fakes()).await.order;
        let (one, again, two) = (of(1).await, of(1).await, of(2).await);
        assert_eq!((one.len(), &one), (6, &again));
        assert_ne!(one, two);
        for order in &one {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        assert!(one.windows(2).any(|pair| pair[0] != pair[1]), "each round has an order of its own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_dies_changes_nothing_for_the_others() {
        let of = async |dies_at| {
            let fakes = vec![Fake::constant(ms(1)), Fake::constant(ms(1)).dies_at(dies_at), Fake::constant(ms(1))];
            let run = compare(&Plan { min_rounds: 8, ..closed(5) }, fakes).await;
            (run.order.concat().len(), run.order.concat().into_iter().filter(|place| *place != 1).collect::<Vec<_>>())
        };
        let ((all, whole), (fewer, without)) = (of(1000).await, of(12).await);
        assert_eq!((all, fewer, whole), (24, 19, without));
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_end_when_all_agree() {
        let run = compare(&closed(10), vec![Fake::constant(ms(10)), Fake::constant(ms(20))]).await;
        for (row, rate) in run.rows.iter().zip([100.0, 50.0]) {
            assert_eq!((row.rounds.len(), &row.state), (3, &EngineState::Stable { half_width: 0.0 }));
            assert_eq!(throughput(row), [(0, rate), (1, rate), (2, rate)]);
            assert_eq!(row.total().done.requests, 30);
        }
        let ratio = speed_up(&throughput(&run.rows[0]), &throughput(&run.rows[1]), 1).unwrap();
        let (low, high) = ratio.interval.unwrap();
        assert!(ratio.median == 2.0 && low > 1.99 && high < 2.01, "{ratio:?}");
    }

    /// A target that alternates between fast and slow keeps all of them going until the last round.
    #[tokio::test(start_paused = true)]
    async fn rounds_that_disagree_are_unstable() {
        let shaky = Fake::by(|n| ms(if n / 10 % 2 == 0 { 10 } else { 20 }));
        let run = compare(&closed(10), vec![Fake::constant(ms(10)), shaky]).await;
        assert!(matches!(run.rows[0].state, EngineState::Stable { half_width } if half_width < 1e-9));
        // Of ten logarithms, half are ln 2 below the others: t(9)·s/√10 with s = ln 2·√(10/36).
        let expected = (2.262_157 * std::f64::consts::LN_2 * (10.0_f64 / 36.0).sqrt() / 10.0_f64.sqrt()).exp_m1();
        let EngineState::Unstable { half_width: Some(half_width) } = run.rows[1].state else {
            panic!("{:?}", run.rows[1].state)
        };
        assert!((half_width - expected).abs() < 1e-9, "{half_width} {expected}");
        let spread = Spread::of(&throughput(&run.rows[1]).into_iter().map(|(_, rate)| rate).collect::<Vec<_>>());
        let spread = spread.unwrap();
        assert_eq!((spread.count, spread.median, spread.min, spread.max), (10, 75.0, 50.0, 100.0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_loop_is_judged_by_its_latency() {
        // Always 10 requests a second; the latency of its first round is another one.
        let fake = Fake::by(|n| ms(if n < 10 { 40 } else { 20 }));
        let run =
            compare(&Plan { max_rounds: 4, ..plan(Load::Constant { rate: 10.0 }, End::Requests(10)) }, vec![fake])
                .await;
        assert!(matches!(run.rows[0].state, EngineState::Unstable { half_width: Some(_) }), "{:?}", run.rows[0].state);
        assert_eq!(throughput(&run.rows[0]), [(0, 10.0), (1, 10.0), (2, 10.0), (3, 10.0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn poisson_arrivals_are_alike_in_a_round_and_others_in_the_next() {
        let fakes = (0..2).map(|_| Fake::constant(ms(1))).collect();
        let run = compare(&plan(Load::Poisson { rate: 10.0 }, End::Requests(10)), fakes).await;
        let elapsed = |row: &Row| row.rounds.iter().map(|round| round.elapsed).collect::<Vec<_>>();
        let (one, two) = (elapsed(&run.rows[0]), elapsed(&run.rows[1]));
        assert_eq!(one, two);
        assert_ne!(one[0], one[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_round_has_no_interval() {
        let run = compare(&Plan { max_rounds: 1, ..closed(10) }, vec![Fake::constant(ms(10))]).await;
        assert_eq!((run.rows[0].rounds.len(), &run.rows[0].state), (1, &EngineState::Unstable { half_width: None }));
    }

    #[tokio::test(start_paused = true)]
    async fn no_round_begins_after_the_limit() {
        // A round takes 100 ms.
        let limited = Plan { limit: Some(ms(150)), ..closed(10) };
        let run = compare(&limited, vec![Fake::constant(ms(10))]).await;
        assert_eq!(run.rows[0].rounds.len(), 2);
        let none = Plan { limit: Some(ms(0)), ..closed(10) };
        assert_eq!(compare(&none, vec![Fake::constant(ms(10))]).await.rows[0].rounds.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_have_failed_it_is_over() {
        let run =
            compare(&closed(10), vec![Fake::constant(ms(10)).dies_at(15), Fake::constant(ms(1)).requests(0)]).await;
        assert_eq!(run.order.len(), 2);
        let failed = |row: &Row| match &row.state {
            EngineState::Failed { stage, kind, message } => format!("{stage}: {kind}: {message}"),
            other => panic!("{other:?}"),
        };
        let states: Vec<String> = run.rows.iter().map(failed).collect();
        assert!(states[0].starts_with("round 2: engine died"), "{}", states[0]);
        assert!(states[1].starts_with("round 1: ") && states[1].contains("no request to send"), "{}", states[1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_fails_its_warm_up_has_no_round() {
        let refused = |_| Some(Failure::new(FailureKind::Connect, "connection refused"));
        let plan = Plan { warm_up: Some(WarmUp::default()), ..closed(10) };
        let run = compare(&plan, vec![Fake::constant(ms(1)).failing(refused), Fake::constant(ms(1))]).await;
        let expected = summary::failed("warm-up", &Failure::new(FailureKind::Connect, "connection refused"));
        assert_eq!((&run.rows[0].state, run.rows[0].rounds.len(), run.rows[1].rounds.len()), (&expected, 0, 3));
        assert_eq!(run.rows[0].warm_up.as_ref().unwrap().recording.ending, Ending::GaveUp);
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_with_the_rounds_that_are_whole() {
        let cancel = Cancel::new();
        let later = cancel.clone();
        let stop = tokio::spawn(async move {
            tokio::time::sleep(ms(350)).await;
            later.cancel();
        });
        let targets = [Fake::constant(ms(10)).target(), Fake::constant(ms(10)).target()];
        let plan = Plan { min_rounds: 10, ..closed(10) };
        let run = run(&plan, &targets, &cancel, &()).await;
        stop.await.unwrap();
        // The fourth phase was under way: one target has two rounds, the other one and a part.
        let (last, other) = (run.order[1][1], run.order[1][0]);
        assert_eq!((run.cancelled, run.order.len()), (true, 2));
        assert_eq!((run.rows[last].rounds.len(), run.rows[other].rounds.len()), (1, 2));
        let broken = run.rows[last].broken.as_ref().unwrap();
        assert_eq!((broken.ending, broken.done.requests, broken.unfinished), (Ending::Cancelled, 5, 1));
        assert_eq!(run.rows[last].state, EngineState::Unstable { half_width: None });
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_before_anything_was_measured() {
        let cancel = Cancel::new();
        cancel.cancel();
        let plan = Plan { warm_up: Some(WarmUp::default()), ..closed(10) };
        let run = run(&plan, &[Fake::constant(ms(10)).target()], &cancel, &()).await;
        assert_eq!((run.rows[0].state.clone(), run.cancelled, run.order.len()), (EngineState::NotMeasured, true, 0));
    }
}
