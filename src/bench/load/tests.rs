//! Whole phases under a paused clock: all times are known to the millisecond.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::arrivals::Arrivals;
use super::phase::MAX_PHASE;
use super::*;
use crate::bench::fake::{Fake, ms};
use crate::bench::observer::Observer;
use crate::bench::recorder::Sample;
use crate::bench::recorder::{Basis, Ending, Recording};
use crate::bench::target::{Answer, Failure, FailureKind, Outcome, Target};
use crate::fetch::Cancel;

#[derive(Default)]
struct Samples(Mutex<Vec<Sample>>);

impl Observer for Samples {
    fn finished(&self, sample: Sample) {
        self.0.lock().unwrap().push(sample);
    }
}

fn phase(load: Load, end: End) -> Phase {
    Phase::new(load, end).unwrap()
}

fn seconds(seconds: u64) -> End {
    End::After(Duration::from_secs(seconds))
}

async fn measure(fake: Fake, phase: &Phase) -> Recording {
    run(&fake.target(), phase, &Cancel::new(), &()).await
}

/// The recording and the samples, in the order in which they were sent.
async fn watch(fake: Fake, phase: &Phase) -> (Recording, Vec<Sample>) {
    let samples = Samples::default();
    let recording = run(&fake.target(), phase, &Cancel::new(), &samples).await;
    let mut samples = samples.0.into_inner().unwrap();
    samples.sort_by_key(|sample| (sample.sent, sample.done));
    (recording, samples)
}

fn rate(recording: &Recording) -> f64 {
    recording.throughput.requests_per_second().unwrap()
}

/// D/D/c: four clients, and servers of 20 ms for two of them at a time. A request takes 40 ms with its wait, and 100
/// requests a second are done, with an end by time or by number.
#[tokio::test(start_paused = true)]
async fn a_closed_loop_is_paced_by_the_servers() {
    for end in [seconds(1), End::Requests(100)] {
        let (recording, samples) =
            watch(Fake::constant(ms(20)).servers(2), &phase(Load::Closed { concurrency: 4 }, end)).await;
        assert_eq!((rate(&recording), recording.throughput.basis), (100.0, Basis::Window));
        assert_eq!(recording.latency.quantile(0.5), Some(ms(40)));
        assert_eq!((recording.latency.min(), recording.latency.max()), (Some(ms(20)), Some(ms(40))));
        assert_eq!((recording.lateness.max(), recording.ending), (Some(ms(0)), Ending::Complete));
        assert_eq!(recording.throughput.inputs_per_second(), Some(200.0));
        assert_eq!(recording.throughput.tokens_per_second(), Some(1000.0));
        for (first, fifth) in samples.iter().zip(&samples[4..]) {
            assert!(first.done <= fifth.sent, "never more than four at a time");
        }
        if end == End::Requests(100) {
            assert_eq!((recording.done.requests, recording.elapsed), (100, ms(1000)));
        } else {
            // Requests that began before the end are waited for.
            assert_eq!((recording.done.requests, recording.elapsed), (102, ms(1020)));
        }
    }
}

/// The pipeline's length is no part of its throughput: 1 s until the first answer, then one each 10 ms.
#[tokio::test(start_paused = true)]
async fn ramp_up_does_not_bias_throughput() {
    let fake = Fake::by(|n| if n < 10 { ms(1000 + 10 * n as u64) } else { ms(100) });
    let recording = measure(fake, &phase(Load::Closed { concurrency: 10 }, seconds(3))).await;
    assert!((rate(&recording) - 100.0).abs() < 1e-9);
}

/// A phase that is no longer than three requests: a fixed window would see 3 in 1 s.
#[tokio::test(start_paused = true)]
async fn few_slow_requests_are_measured_without_error() {
    let recording = measure(Fake::constant(ms(300)), &phase(Load::Closed { concurrency: 1 }, seconds(1))).await;
    assert!((rate(&recording) - 1.0 / 0.3).abs() < 1e-12);
    // Less than a wave: requests that are waited for afterwards count.
    let recording = measure(Fake::constant(ms(2500)), &phase(Load::Closed { concurrency: 4 }, seconds(1))).await;
    assert_eq!((rate(&recording), recording.throughput.basis), (1.6, Basis::Whole));
}

/// One stall of 1 s in 10 s at 100 requests a second: the requests of that second waited 1 s, 0.99 s, and so on. Of
/// 1000 latencies the 990th is the eleventh longest.
#[tokio::test(start_paused = true)]
async fn a_stall_shows_in_an_open_loop() {
    let stalled = || Fake::constant(ms(1)).stall(ms(5000), ms(1000));
    let recording = measure(stalled(), &phase(Load::Constant { rate: 100.0 }, seconds(10))).await;
    assert_eq!((recording.done.requests, recording.latency.max()), (1000, Some(ms(1001))));
    let p99 = recording.latency.quantile(0.99).unwrap().as_secs_f64();
    assert!((p99 / 0.901 - 1.0).abs() < 1e-3, "{p99}");
    let p90 = recording.latency.quantile(0.9).unwrap();
    assert_eq!((p90, recording.latency.quantile(0.9005)), (ms(1), Some(Duration::from_micros(11_007))));
    // Its mean: 100 waits of 10 to 1000 ms.
    assert_eq!(recording.latency.mean(), Some(Duration::from_micros(1000 + 50_500)));

    // A client that waits for its reply sends one request in that second, and sees nothing in p99.
    let naive = measure(stalled(), &phase(Load::Closed { concurrency: 1 }, seconds(10))).await;
    assert_eq!((naive.latency.quantile(0.99), naive.latency.max()), (Some(ms(1)), Some(ms(1001))));
}

/// A client that stalls itself (here with the whole runtime) sends late; latencies count from the due times.
#[tokio::test(start_paused = true)]
async fn a_late_client_counts_as_latency_and_is_reported() {
    struct Busy;
    impl Observer for Busy {
        fn finished(&self, sample: Sample) {
            if sample.index == 4 {
                // As if the thread had been away for 50 ms.
                let away = tokio::time::advance(ms(50));
                futures_util::FutureExt::now_or_never(away);
            }
        }
    }
    let target = Fake::constant(ms(1)).target();
    let recording =
        run(&target, &phase(Load::Constant { rate: 100.0 }, End::Requests(20)), &Cancel::new(), &Busy).await;
    // The fifth request is done at 41 ms; then it is 91 ms, and those due at 50, 60, 70, 80 and 90 ms are late.
    assert_eq!(recording.lateness.max(), Some(ms(41)));
    assert_eq!(recording.latency.max(), Some(ms(42)));
    assert_eq!(recording.service.max(), Some(ms(1)));
    assert_eq!(recording.done.requests, 20);
}

/// M/D/1 against Lindley's recursion, request by request, and against the Pollaczek–Khinchine mean.
#[tokio::test(start_paused = true)]
async fn random_arrivals_before_one_server() {
    let (service, load) = (ms(10), Load::Poisson { rate: 50.0 });
    let phase = Phase { seed: 7, ..phase(load, End::Requests(20_000)) };
    let (recording, samples) = watch(Fake::constant(service).servers(1), &phase).await;
    let mut free = Duration::ZERO;
    for (due, sample) in Arrivals::new(&phase).zip(&samples) {
        // tokio's timer rounds up to milliseconds.
        let sent = Duration::from_millis(due.as_nanos().div_ceil(1_000_000) as u64);
        free = free.max(sent) + service;
        assert_eq!((sample.scheduled, sample.sent, sample.done), (due, sent, free));
    }
    assert_eq!(samples.len(), 20_000);
    // D + ρ·D / 2(1 - ρ) with ρ = 0.5.
    let mean = recording.service.mean().unwrap().as_secs_f64();
    assert!((mean / 0.015 - 1.0).abs() < 0.03, "{mean}");
    assert!(recording.lateness.max() < Some(ms(1)));
    assert!((rate(&recording) / 50.0 - 1.0).abs() < 0.02);
}

/// Twice as many requests as the servers can do: the queue grows evenly, and throughput is the capacity.
#[tokio::test(start_paused = true)]
async fn overload_builds_a_queue() {
    let recording =
        measure(Fake::constant(ms(20)).servers(1), &phase(Load::Constant { rate: 100.0 }, seconds(2))).await;
    assert_eq!(rate(&recording), 50.0);
    // The last of 200 is due at 1990 ms and done at 4000 ms.
    assert_eq!((recording.latency.max(), recording.elapsed), (Some(ms(2010)), ms(4000)));
    assert_eq!(recording.done.requests, 200);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_arrivals_are_dropped_and_counted() {
    let limited = phase(Load::Constant { rate: 100.0 }, seconds(1));
    let limited = Phase { limits: Limits { in_flight: 5, ..limited.limits }, ..limited };
    let recording = measure(Fake::constant(ms(95)), &limited).await;
    // Five are sent within 50 ms, and then nothing until the first is done at 95 ms.
    assert_eq!((recording.offered, recording.done.requests, recording.dropped), (100, 50, 50));
    assert_eq!((recording.lateness.max(), recording.latency.max()), (Some(ms(0)), Some(ms(95))));
    assert_eq!(recording.failure_rate(), 0.5);
}

/// From 0 to 100/s in 2 s: 100 requests, the last second has three quarters of them.
#[tokio::test(start_paused = true)]
async fn a_ramp_is_sent_as_it_rises() {
    let (recording, samples) =
        watch(Fake::constant(ms(1)), &phase(Load::Ramp { from: 0.0, to: 100.0 }, seconds(2))).await;
    assert_eq!(recording.done.requests, 100);
    assert_eq!(samples.iter().filter(|sample| sample.scheduled < ms(1000)).count(), 25);
}

#[tokio::test(start_paused = true)]
async fn offline_is_one_job_with_its_tail() {
    // Two at a time: 10 ms each, but the last one needs 100 ms.
    let fake = Fake::by(|n| ms(if n == 8 { 100 } else { 10 })).servers(2);
    let (recording, samples) = watch(fake.requests(9), &phase(Load::Offline, End::Requests(9))).await;
    assert_eq!(
        (recording.elapsed, recording.throughput.span, recording.throughput.basis),
        (ms(140), ms(140), Basis::Whole)
    );
    assert_eq!(recording.throughput.done.requests, 9);
    let mut indexes: Vec<usize> = samples.iter().map(|sample| sample.index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..9).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn requests_go_round_from_the_first() {
    let phase = Phase { first: 3, ..phase(Load::Closed { concurrency: 1 }, End::Requests(7)) };
    let (_, samples) = watch(Fake::list(vec![ms(1), ms(2)]).requests(5), &phase).await;
    let indexes: Vec<usize> = samples.iter().map(|sample| sample.index).collect();
    assert_eq!(indexes, [3, 4, 0, 1, 2, 3, 4]);
    assert_eq!(measure(Fake::constant(ms(1)).requests(0), &phase).await.offered, 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_drip_of_failures_is_counted_by_kind() {
    let fake = Fake::constant(ms(10)).failing(|n| match n % 10 {
        3 => Some(Failure::new(FailureKind::Overloaded(429), format!("slow down, said to request {n}"))),
        7 if n < 20 => Some(Failure::new(FailureKind::NotFinite, "vector 0 has a NaN")),
        _ => None,
    });
    let recording = measure(fake, &phase(Load::Constant { rate: 50.0 }, seconds(2))).await;
    let failures: Vec<_> =
        recording.failures.iter().map(|(kind, failed)| (kind, failed.count, failed.example.as_str())).collect();
    let expected = [
        (FailureKind::Overloaded(429), 10, "slow down, said to request 3"),
        (FailureKind::NotFinite, 2, "vector 0 has a NaN"),
    ];
    assert_eq!(failures, expected);
    assert_eq!((recording.done.requests, recording.latency.count(), recording.ending), (88, 88, Ending::Complete));
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_is_a_failure_at_its_time() {
    let slow = Fake::by(|n| if n == 2 { Duration::from_hours(1) } else { ms(10) });
    let limited = phase(Load::Closed { concurrency: 1 }, End::Requests(5));
    let limited = Phase { limits: Limits { timeout: ms(500), ..limited.limits }, ..limited };
    let recording = measure(slow, &limited).await;
    assert_eq!((recording.done.requests, recording.failures.of(FailureKind::Timeout)), (4, 1));
    assert_eq!(recording.failures.main().unwrap().to_string(), "timeout: no answer within 500ms");
    assert_eq!(recording.elapsed, ms(540));
}

#[tokio::test(start_paused = true)]
async fn the_tail_is_waited_for_up_to_a_limit() {
    let stuck = Fake::by(|n| if n >= 8 { Duration::from_secs(50) } else { ms(10) });
    let limited = phase(Load::Constant { rate: 10.0 }, seconds(1));
    let limited = Phase { limits: Limits { drain: ms(2000), ..limited.limits }, ..limited };
    let recording = measure(stuck, &limited).await;
    assert_eq!((recording.done.requests, recording.failures.of(FailureKind::Timeout), recording.offered), (8, 2, 10));
    // The last was due at 900 ms.
    assert_eq!((recording.elapsed, recording.unfinished), (ms(2900), 0));
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_on_a_target_that_only_fails() {
    let refusing =
        || Fake::constant(ms(0)).failing(|n| (n >= 5).then(|| Failure::new(FailureKind::Connect, "refused")));
    let limited = phase(Load::Closed { concurrency: 2 }, seconds(1000));
    let limited = Phase { limits: Limits { failures_in_a_row: 20, ..limited.limits }, ..limited };
    let recording = measure(refusing(), &limited).await;
    assert_eq!((recording.ending, recording.done.requests), (Ending::GaveUp, 5));
    // The other client may have sent one more, which is waited for.
    let refused = recording.failures.of(FailureKind::Connect);
    assert!((20..=21).contains(&refused), "{refused}");
    let open = Phase { limits: limited.limits, ..phase(Load::Constant { rate: 100.0 }, seconds(1000)) };
    assert_eq!(measure(refusing(), &open).await.ending, Ending::GaveUp);
}

#[tokio::test(start_paused = true)]
async fn death_ends_a_phase() {
    let load = Load::Closed { concurrency: 4 };
    let recording = measure(Fake::constant(ms(10)).dies_at(10), &phase(load, seconds(10))).await;
    // Two of the third wave are answered and two are not; the two that followed the answers are waited for.
    assert_eq!((recording.ending, recording.done.requests, recording.elapsed), (Ending::Died, 10, ms(40)));
    assert_eq!(recording.failures.of(FailureKind::Died), 4);
    assert_eq!(recording.failures.main().unwrap().to_string(), "engine died: killed by signal 9");
}

/// The times at which requests are prepared and sent.
#[derive(Default)]
struct Clocked {
    prepared: Mutex<Vec<Instant>>,
    sent: Mutex<Vec<Instant>>,
}

impl Target for Clocked {
    fn requests(&self) -> usize {
        10
    }

    fn send(self: Arc<Self>, _: usize) -> BoxFuture<'static, Outcome> {
        self.prepared.lock().unwrap().push(Instant::now());
        async move {
            self.sent.lock().unwrap().push(Instant::now());
            Ok(Answer { inputs: 1, ..Answer::default() })
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_an_open_loop_are_prepared_before_they_are_due() {
    let target = Arc::new(Clocked::default());
    let open = phase(Load::Constant { rate: 10.0 }, End::Requests(5));
    run(&(Arc::clone(&target) as Arc<dyn Target>), &open, &Cancel::new(), &()).await;
    let (prepared, sent) = (target.prepared.lock().unwrap(), target.sent.lock().unwrap());
    assert_eq!((prepared.len(), sent.len()), (5, 5));
    for (prepared, sent) in prepared.iter().zip(sent.iter()).skip(1) {
        assert_eq!(*sent - *prepared, ms(100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure() {
    let bug = Fake::constant(ms(1)).failing(|n| if n == 3 { panic!("index {n} out of bounds") } else { None });
    let recording = measure(bug, &phase(Load::Closed { concurrency: 1 }, End::Requests(10))).await;
    assert_eq!((recording.done.requests, recording.failures.of(FailureKind::Other)), (9, 1));
    assert!(recording.failures.main().unwrap().message.ends_with("index 3 out of bounds"));
}

/// Cancelling returns the measurements so far at once; requests in flight are neither answered nor failed.
#[tokio::test(start_paused = true)]
async fn cancelled_at_once_with_what_was_measured() {
    for (load, tail) in [(Load::Closed { concurrency: 2 }, 2), (Load::Constant { rate: 10.0 }, 4), (Load::Offline, 1)] {
        let (cancel, begin) = (Cancel::new(), tokio::time::Instant::now());
        let later = cancel.clone();
        let stop = tokio::spawn(async move {
            tokio::time::sleep(ms(1010)).await;
            later.cancel();
        });
        let target = Fake::constant(ms(400)).target();
        let recording = run(&target, &phase(load, seconds(1000)), &cancel, &()).await;
        stop.await.unwrap();
        assert_eq!((begin.elapsed(), recording.ending), (ms(1020), Ending::Cancelled));
        assert_eq!((recording.unfinished, recording.failures.total()), (tail, 0), "{load}");
        assert_eq!(recording.offered, recording.done.requests + tail);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_while_the_tail_is_waited_for() {
    let (cancel, begin) = (Cancel::new(), tokio::time::Instant::now());
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(ms(1990)).await;
        later.cancel();
    });
    let target = Fake::constant(Duration::from_secs(50)).target();
    let recording = run(&target, &phase(Load::Constant { rate: 10.0 }, seconds(1)), &cancel, &()).await;
    assert_eq!((begin.elapsed(), recording.unfinished, recording.ending), (ms(2000), 10, Ending::Cancelled));
}

#[test]
fn there_are_no_such_phases() {
    let error = |load, end| Phase::new(load, end).unwrap_err();
    let one = End::Requests(1);
    assert_eq!(error(Load::Closed { concurrency: 0 }, one), PhaseError::Concurrency(0));
    assert_eq!(error(Load::Closed { concurrency: 1_000_000 }, one), PhaseError::Concurrency(1_000_000));
    for rate in [0.0, -1.0, f64::INFINITY, 1e7] {
        assert_eq!(error(Load::Constant { rate }, one), PhaseError::Rate(rate));
        assert_eq!(error(Load::Poisson { rate }, one), PhaseError::Rate(rate));
    }
    assert!(matches!(error(Load::Poisson { rate: f64::NAN }, one), PhaseError::Rate(rate) if rate.is_nan()));
    assert_eq!(error(Load::Ramp { from: 0.0, to: 0.0 }, seconds(1)), PhaseError::Rate(0.0));
    assert_eq!(error(Load::Ramp { from: 1.0, to: 2.0 }, one), PhaseError::RampWithoutTime);
    assert_eq!(error(Load::Offline, End::Requests(0)), PhaseError::NoRequests);
    assert_eq!(
        error(Load::Offline, seconds(0)).to_string(),
        "a phase of 0s: it must last more than 0 s and at most 30 days"
    );
    assert!(Phase::new(Load::Offline, End::After(MAX_PHASE)).is_ok());
}

/// Beyond any clock there is no request, and no panic.
#[tokio::test(start_paused = true)]
async fn the_lowest_of_rates() {
    let recording = measure(Fake::constant(ms(1)), &phase(Load::Constant { rate: 1e-300 }, seconds(5))).await;
    assert_eq!(recording.done.requests, 1);
}

/// On real threads and a real clock nothing gets lost, and nothing is faster than possible.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads() {
    for (load, end) in [
        (Load::Closed { concurrency: 8 }, End::Requests(300)),
        (Load::Poisson { rate: 2000.0 }, End::Requests(300)),
        (Load::Offline, End::Requests(50)),
    ] {
        let phase = Phase { timer: Timer::Fine, ..phase(load, end) };
        let (recording, samples) = watch(Fake::constant(ms(1)), &phase).await;
        assert_eq!((End::Requests(samples.len()), recording.done.requests), (end, samples.len() as u64));
        assert_eq!((recording.offered, recording.ending), (recording.done.requests, Ending::Complete));
        let ordered = |sample: &Sample| sample.scheduled <= sample.sent && sample.sent + ms(1) <= sample.done;
        assert!(samples.iter().all(ordered), "{samples:?}");
        assert!(recording.latency.min() >= recording.service.min() && recording.service.min() >= Some(ms(1)));
    }
}
