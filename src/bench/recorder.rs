//! Counts and times of the requests of a phase, added up over rounds.
//!
//! # Throughput
//! A phase begins with nothing in flight and ends with requests that no other request waits behind; neither is typical
//! of the load. So throughput is measured in a window that begins and ends with a completion: it opens when the first
//! wave is through (one request a client in a closed loop, one in an open loop) and closes with the last completion
//! before the last request was due. All completions after the opening, up to and including the closing, count, at any
//! time of sending; later ones only add to latencies. Since the window begins and ends with a completion, a target that
//! needs the same time for every request is measured without error, with any number of requests; a fixed window would
//! lose up to one wave. Failures may open and close the window, but do not count.
//!
//! If the window holds less than a wave, and in an offline phase, where the tail is part of the job, throughput is that
//! of the whole phase: all completions, from the beginning to the last one. In an open loop a window of few completions
//! would show where they happen to stand, and the end of a phase belongs to it although nothing is due then: with fewer
//! than [`FEW`] throughput is that of the whole phase, which lasts as long as requests can be due. One request that is due
//! in a second and answered in 5 ms is 1/s, not 200/s.

use std::collections::BTreeMap;
use std::time::Duration;

use super::target::{Answer, Failure, FailureKind, Outcome};
use crate::stats::latencies::Latencies;

/// The outcome of a request. Times count from the beginning of its phase.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub index: usize,
    /// The time at which it was due: by the schedule of the load, or when a client that waits for replies became free.
    pub scheduled: Duration,
    /// The time at which it was sent.
    pub sent: Duration,
    /// The time at which its reply was complete.
    pub done: Duration,
    /// The answer, or the reason for its absence.
    pub outcome: Outcome,
}

/// Fewer completions in the window of an open loop say nothing about its rate.
const FEW: u64 = 10;
/// The most characters of an example of a failure.
const EXAMPLE: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Ending {
    /// All requests were sent, and have ended.
    #[default]
    Complete,
    /// Too many requests failed in a row.
    GaveUp,
    /// The user stopped the run.
    Cancelled,
    Died,
}

/// Answered requests with their inputs and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub inputs: u64,
    /// Tokens by infa's count; `None` if they are unknown for any request.
    pub tokens: Option<u64>,
    /// Tokens by the target's count; `None` if it does not report them for every request.
    pub reported: Option<u64>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { requests: 0, inputs: 0, tokens: Some(0), reported: Some(0) }
    }
}

impl Counts {
    fn add(&mut self, answer: &Answer) {
        let Answer { inputs, tokens, reported, .. } = *answer;
        self.merge(&Self { requests: 1, inputs: inputs as u64, tokens, reported });
    }

    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.inputs += other.inputs;
        let sum = |mine: Option<u64>, theirs: Option<u64>| Some(mine? + theirs?);
        self.tokens = sum(self.tokens, other.tokens);
        self.reported = sum(self.reported, other.reported);
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures(BTreeMap<FailureKind, Failed>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub count: u64,
    /// The message of the first one.
    pub example: String,
}

impl Failures {
    fn add(&mut self, failure: &Failure, count: u64) {
        let example = || failure.message.chars().take(EXAMPLE).collect();
        self.0.entry(failure.kind).or_insert_with(|| Failed { count: 0, example: example() }).count += count;
    }

    fn merge(&mut self, other: &Self) {
        for (kind, failed) in &other.0 {
            self.add(&Failure::new(*kind, &failed.example), failed.count);
        }
    }

    /// The number of failures of all kinds.
    pub fn total(&self) -> u64 {
        self.0.values().map(|failed| failed.count).sum()
    }

    pub fn of(&self, kind: FailureKind) -> u64 {
        self.0.get(&kind).map_or(0, |failed| failed.count)
    }

    pub fn iter(&self) -> impl Iterator<Item = (FailureKind, &Failed)> {
        self.0.iter().map(|(kind, failed)| (*kind, failed))
    }

    /// One failure to report for all: the engine's death, else the first of the most frequent kind.
    pub fn main(&self) -> Option<Failure> {
        let weight = |kind: FailureKind, failed: &Failed| (kind == FailureKind::Died, failed.count);
        let main = self.iter().max_by_key(|(kind, failed)| weight(*kind, failed));
        main.map(|(kind, failed)| Failure::new(kind, &failed.example))
    }
}

/// The part of a phase in which throughput is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Basis {
    /// The window, without ramp-up and tail.
    #[default]
    Window,
    Whole,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Throughput {
    /// The part of the phase; [`Basis::Whole`] if rounds differ.
    pub basis: Basis,
    /// The length of that part; of several rounds their sum.
    pub span: Duration,
    /// The completions in it.
    pub done: Counts,
}

impl Throughput {
    /// Answered requests a second; `None` without completions.
    pub fn requests_per_second(&self) -> Option<f64> {
        self.per_second(self.done.requests)
    }

    /// Answered inputs a second; `None` without completions.
    pub fn inputs_per_second(&self) -> Option<f64> {
        self.per_second(self.done.inputs)
    }

    /// Tokens of answered inputs a second; `None` without completions or if tokens are unknown.
    pub fn tokens_per_second(&self) -> Option<f64> {
        self.per_second(self.done.tokens?)
    }

    fn per_second(&self, count: u64) -> Option<f64> {
        (count > 0 && !self.span.is_zero()).then(|| count as f64 / self.span.as_secs_f64())
    }
}

/// The result of a phase, or of several together.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The worst ending of several phases.
    pub ending: Ending,
    /// Requests that were due: those that ended, were dropped, or were in flight when the user stopped the run.
    pub offered: u64,
    /// Requests that were due and never sent, because too many were in flight.
    pub dropped: u64,
    /// Requests in flight when the user stopped the run; they are neither answered nor failed.
    pub unfinished: u64,
    /// Answered requests, including the tail.
    pub done: Counts,
    pub failures: Failures,
    /// Latencies of answered requests, from due to answered.
    pub latency: Latencies,
    /// The same, from sent to answered.
    pub service: Latencies,
    /// Waits of all ended requests, from due to sent: the client's own part of the latency.
    pub lateness: Latencies,
    pub throughput: Throughput,
    /// From the beginning to the last answer or failure.
    pub elapsed: Duration,
}

impl Recording {
    /// Adds the result of another phase.
    pub fn merge(&mut self, other: &Self) {
        self.ending = self.ending.max(other.ending);
        self.offered += other.offered;
        self.dropped += other.dropped;
        self.unfinished += other.unfinished;
        self.done.merge(&other.done);
        self.failures.merge(&other.failures);
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.lateness.merge(&other.lateness);
        self.throughput.basis = self.throughput.basis.max(other.throughput.basis);
        self.throughput.span += other.throughput.span;
        self.throughput.done.merge(&other.throughput.done);
        self.elapsed += other.elapsed;
    }

    /// The share of failed or dropped requests among those that were due and not cancelled; 0 if there were none.
    pub fn failure_rate(&self) -> f64 {
        let lost = self.failures.total() + self.dropped;
        let all = self.done.requests + lost;
        if all == 0 { 0.0 } else { lost as f64 / all as f64 }
    }
}

#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    /// Completions before the window opens; `None` if the phase counts as a whole.
    wave: Option<u64>,
    /// The time in which requests of an open loop are due.
    open: Option<Duration>,
    /// The time at which the last request is due, once it is known: the window closes before it.
    end: Option<Duration>,
    finished: u64,
    opened: Duration,
    closed: Duration,
    inside: u64,
    window: Counts,
    /// Failures since the last answer.
    in_a_row: u64,
}

impl Recorder {
    /// The window opens with the completion of this number; `None` if the phase counts as a whole.
    pub(crate) fn new(wave: Option<usize>) -> Self {
        Self {
            recording: Recording::default(),
            wave: wave.map(|wave| wave.max(1) as u64),
            open: None,
            end: None,
            finished: 0,
            opened: Duration::ZERO,
            closed: Duration::ZERO,
            inside: 0,
            window: Counts::default(),
            in_a_row: 0,
        }
    }

    /// An open loop, whose requests are due within this time.
    pub(crate) fn of_open_loop(due: Duration) -> Self {
        Self { open: Some(due), ..Self::new(Some(1)) }
    }

    /// Closes the window at `end`, counted from the beginning of the phase. Only the first call counts.
    pub(crate) fn end(&mut self, end: Duration) {
        self.end.get_or_insert(end);
    }

    /// Counts a request that was due and is not sent.
    pub(crate) fn dropped(&mut self) {
        self.recording.dropped += 1;
        self.recording.offered += 1;
    }

    pub(crate) fn finished(&mut self, sample: &Sample) {
        let recording = &mut self.recording;
        recording.offered += 1;
        recording.elapsed = recording.elapsed.max(sample.done);
        recording.lateness.record(sample.sent.saturating_sub(sample.scheduled));
        match &sample.outcome {
            Ok(answer) => {
                recording.done.add(answer);
                recording.latency.record(sample.done.saturating_sub(sample.scheduled));
                recording.service.record(sample.done.saturating_sub(sample.sent));
                self.in_a_row = 0;
            }
            Err(failure) => {
                recording.failures.add(failure, 1);
                self.in_a_row += 1;
            }
        }
        self.count_in_window(sample);
    }

    /// Counts `count` requests that failed at once, `at` this time since the phase began; nothing else is known of them.
    pub(crate) fn lost(&mut self, count: u64, failure: &Failure, at: Duration) {
        self.recording.offered += count;
        self.recording.failures.add(failure, count);
        self.recording.elapsed = self.recording.elapsed.max(at);
        self.in_a_row += count;
    }

    /// Failures since the last answer.
    pub(crate) fn failures_in_a_row(&self) -> u64 {
        self.in_a_row
    }

    /// The result of the phase; `unfinished` requests were still in flight.
    pub(crate) fn into_recording(self, ending: Ending, unfinished: usize) -> Recording {
        let Self { mut recording, wave, open, opened, closed, inside, window, .. } = self;
        recording.ending = ending;
        recording.unfinished = unfinished as u64;
        recording.offered += unfinished as u64;
        recording.throughput = match wave {
            Some(wave) if inside >= open.map_or(wave, |_| FEW) && closed > opened => {
                Throughput { basis: Basis::Window, span: closed - opened, done: window }
            }
            _ => {
                // A phase that ended early has no time left in which a request could be due.
                let due = open.filter(|_| ending == Ending::Complete).unwrap_or_default();
                Throughput { basis: Basis::Whole, span: recording.elapsed.max(due), done: recording.done }
            }
        };
        recording
    }

    fn count_in_window(&mut self, sample: &Sample) {
        let Some(wave) = self.wave else { return };
        if self.end.is_some_and(|end| sample.done > end) {
            return;
        }
        self.finished += 1;
        if self.finished <= wave {
            self.opened = self.opened.max(sample.done);
            return;
        }
        self.inside += 1;
        self.closed = self.closed.max(sample.done);
        if let Ok(answer) = &sample.outcome {
            self.window.add(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn answered(scheduled: u64, sent: u64, done: u64) -> Sample {
        let answer = Answer { inputs: 2, tokens: Some(10), ..Answer::default() };
        Sample { index: 0, scheduled: ms(scheduled), sent: ms(sent), done: ms(done), outcome: Ok(answer) }
    }

    fn failed(done: u64, kind: FailureKind, message: &str) -> Sample {
        Sample { outcome: Err(Failure::new(kind, message)), ..answered(0, 0, done) }
    }

    fn record(wave: Option<usize>, end: u64, samples: &[Sample]) -> Recording {
        let mut recorder = Recorder::new(wave);
        recorder.end(ms(end));
        samples.iter().for_each(|sample| recorder.finished(sample));
        recorder.into_recording(Ending::Complete, 0)
    }

    #[test]
    fn latency_is_from_due_and_service_from_sent() {
        let recording = record(Some(1), 100, &[answered(10, 13, 20), failed(50, FailureKind::Other, "no")]);
        assert_eq!(recording.latency.max(), Some(ms(10)));
        assert_eq!(recording.service.max(), Some(ms(7)));
        assert_eq!((recording.lateness.max(), recording.lateness.count()), (Some(ms(3)), 2));
        assert_eq!((recording.latency.count(), recording.elapsed), (1, ms(50)));
        assert_eq!(recording.failure_rate(), 0.5);
    }

    /// Two clients, 10 ms a request: the first wave opens the window at 10 ms, the last one before the end is at 40 ms,
    /// the one at 50 ms is the tail.
    #[test]
    fn the_window_leaves_out_the_first_wave_and_the_tail() {
        let samples: Vec<Sample> =
            (1..=5).flat_map(|wave| [wave * 10; 2]).map(|at| answered(at - 10, at - 10, at)).collect();
        let recording = record(Some(2), 45, &samples);
        let done = Counts { requests: 6, inputs: 12, tokens: Some(60), reported: None };
        assert_eq!(recording.throughput, Throughput { basis: Basis::Window, span: ms(30), done });
        assert_eq!(recording.throughput.requests_per_second(), Some(200.0));
        assert_eq!(recording.throughput.inputs_per_second(), Some(400.0));
        assert_eq!(recording.throughput.tokens_per_second(), Some(2000.0));
        assert_eq!(recording.done.requests, 10);
    }

    #[test]
    fn failures_take_time_and_do_not_count() {
        let samples = [answered(0, 0, 10), answered(10, 10, 20), failed(30, FailureKind::Timeout, "late")];
        let throughput = record(Some(1), 30, &samples).throughput;
        assert_eq!((throughput.span, throughput.requests_per_second()), (ms(20), Some(50.0)));
    }

    #[test]
    fn less_than_a_wave_counts_as_a_whole() {
        let samples = [answered(0, 0, 10), answered(0, 0, 20), answered(0, 0, 25)];
        for recording in [record(Some(2), 100, &samples), record(None, 100, &samples), record(Some(1), 5, &samples)] {
            assert_eq!((recording.throughput.basis, recording.throughput.span), (Basis::Whole, ms(25)));
            assert_eq!(recording.throughput.requests_per_second(), Some(120.0));
        }
        let nothing = record(Some(1), 100, &[failed(10, FailureKind::Connect, "refused")]);
        assert_eq!(nothing.throughput.requests_per_second(), None);
    }

    /// One request a second is one, however fast its answer is, and four in random order are no burst.
    #[test]
    fn few_requests_of_an_open_loop_are_no_faster_than_they_are_due() {
        let rate = |due: &[u64], ending| {
            let mut recorder = Recorder::of_open_loop(ms(1000));
            recorder.end(ms(*due.last().unwrap_or(&0)));
            due.iter().for_each(|&at| recorder.finished(&answered(at, at, at + 5)));
            recorder.into_recording(ending, 0).throughput.requests_per_second()
        };
        assert_eq!(rate(&[0], Ending::Complete), Some(1.0));
        assert_eq!(rate(&[700, 710, 720, 800], Ending::Complete), Some(4.0));
        assert_eq!(rate(&[0, 95], Ending::Cancelled), Some(20.0));
        // Later than the last one is due, the phase lasts until the answer.
        assert_eq!(rate(&[0, 1995], Ending::Complete), Some(1.0));
        let even: Vec<u64> = (0..40).map(|number| number * 25).collect();
        assert_eq!(rate(&even, Ending::Complete), Some(40.0));
    }

    #[test]
    fn failures_by_kind_with_the_first_of_each() {
        let many = "x".repeat(1000);
        let recording = record(
            Some(1),
            100,
            &[
                failed(1, FailureKind::Overloaded(429), "slow down"),
                failed(2, FailureKind::Overloaded(429), "please"),
                failed(3, FailureKind::Garbage, &many),
            ],
        );
        let failures = &recording.failures;
        assert_eq!((failures.total(), failures.of(FailureKind::Overloaded(429))), (3, 2));
        assert_eq!(failures.of(FailureKind::Shape), 0);
        assert_eq!(failures.main().map(|main| main.message), Some("slow down".into()));
        let garbage = failures.iter().find(|(kind, _)| *kind == FailureKind::Garbage);
        assert_eq!(garbage.map(|(_, failed)| failed.example.len()), Some(EXAMPLE));
        assert_eq!(recording.failure_rate(), 1.0);
    }

    #[test]
    fn failures_in_a_row_end_with_an_answer() {
        let mut recorder = Recorder::new(Some(1));
        let fail = failed(1, FailureKind::Other, "no");
        for (sample, in_a_row) in [(&fail, 1), (&fail, 2), (&answered(0, 0, 1), 0), (&fail, 1)] {
            recorder.finished(sample);
            assert_eq!(recorder.failures_in_a_row(), in_a_row);
        }
        let recording = recorder.into_recording(Ending::Cancelled, 3);
        assert_eq!((recording.offered, recording.unfinished, recording.ending), (7, 3, Ending::Cancelled));
    }

    #[test]
    fn merged_rounds_add_up() {
        let fast = record(Some(1), 100, &[answered(0, 0, 10), answered(10, 10, 20), answered(20, 20, 30)]);
        let mut slow = record(Some(1), 100, &[answered(0, 0, 40), answered(40, 40, 80)]);
        slow.ending = Ending::GaveUp;
        let mut both = Recording::default();
        both.merge(&fast);
        both.merge(&slow);
        assert_eq!((both.done.requests, both.offered, both.elapsed), (5, 5, ms(110)));
        assert_eq!((both.throughput.span, both.throughput.done.requests), (ms(60), 3));
        assert_eq!((both.latency.count(), both.latency.max(), both.ending), (5, Some(ms(40)), Ending::GaveUp));
    }

    #[test]
    fn tokens_are_known_only_if_they_are_of_each() {
        let mut one = answered(0, 0, 1);
        one.outcome = Ok(Answer { inputs: 1, ..Answer::default() });
        let recording = record(None, 10, &[answered(0, 0, 1), one, answered(0, 0, 1)]);
        assert_eq!(recording.done, Counts { requests: 3, inputs: 5, tokens: None, reported: None });
    }
}
