//! What became of the requests of a phase: counted, timed, and added up over rounds.
//!
//! # Throughput
//! A phase begins with nothing in flight and ends with requests that nobody waits behind; neither is how the target
//! works under the load. So throughput is what was completed inside a window that begins and ends with a completion:
//! it opens when the first wave is through (as many requests as a closed loop has clients; one in an open loop) and
//! closes with the last completion before the last request was due. What was completed after the opening, up to and
//! including the closing, counts, whenever it was sent; requests that come after the closing only add to latencies.
//! Since the window begins and ends with a completion, a target that needs the same time for every request is measured
//! without any error, however few requests there are; a fixed window would lose up to one wave. Failures may open and
//! close the window, but do not count.
//!
//! Where the window holds less than a wave, and in an offline phase, where the tail is part of the job, throughput is
//! that of the whole phase: everything that was completed, from the beginning to the last completion.

use std::collections::BTreeMap;
use std::time::Duration;

use super::target::{Answer, Failure, FailureKind, Outcome};
use crate::stats::latencies::Latencies;

/// What became of one request, and when; times count from the beginning of its phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Index of the request.
    pub index: usize,
    /// When it was due: by the load model's schedule, or when a client that waits for answers became free.
    pub scheduled: Duration,
    /// When it was really sent.
    pub sent: Duration,
    /// When its answer was there.
    pub done: Duration,
    /// The answer, or the reason for its absence.
    pub outcome: Outcome,
}

/// An example of a failure is cut to so many characters.
const EXAMPLE: usize = 400;

/// How a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Ending {
    /// All that was asked for was done.
    #[default]
    Complete,
    /// Too many requests failed one after the other.
    GaveUp,
    /// Somebody asked to stop.
    Cancelled,
    /// The engine died.
    Died,
}

/// Requests that were answered, and what was in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Their inputs.
    pub inputs: u64,
    /// Their tokens; `None` if it is not known of each of them.
    pub tokens: Option<u64>,
    /// Their tokens as the target says; `None` if it does not say so of each of them.
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

/// Failures by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures(BTreeMap<FailureKind, Failed>);

/// The failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// How many.
    pub count: u64,
    /// What the first one said.
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

    /// How many of all kinds.
    pub fn total(&self) -> u64 {
        self.0.values().map(|failed| failed.count).sum()
    }

    /// How many of this kind.
    pub fn of(&self, kind: FailureKind) -> u64 {
        self.0.get(&kind).map_or(0, |failed| failed.count)
    }

    /// Kind by kind.
    pub fn iter(&self) -> impl Iterator<Item = (FailureKind, &Failed)> {
        self.0.iter().map(|(kind, failed)| (*kind, failed))
    }

    /// One failure that stands for them: the engine's death, else the first of the most frequent kind.
    pub fn main(&self) -> Option<Failure> {
        let weight = |kind: FailureKind, failed: &Failed| (kind == FailureKind::Died, failed.count);
        let main = self.iter().max_by_key(|(kind, failed)| weight(*kind, failed));
        main.map(|(kind, failed)| Failure::new(kind, &failed.example))
    }
}

/// Which part of a phase throughput is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Basis {
    /// The window, without ramp-up and tail.
    #[default]
    Window,
    /// The whole phase.
    Whole,
}

/// What was completed in which time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Throughput {
    /// Of which part; if rounds differ, [`Basis::Whole`].
    pub basis: Basis,
    /// The length of that part; of several rounds: all together.
    pub span: Duration,
    /// What was completed in it.
    pub done: Counts,
}

impl Throughput {
    /// Answered requests a second; `None` where nothing was completed.
    pub fn requests_per_second(&self) -> Option<f64> {
        self.per_second(self.done.requests)
    }

    /// Answered inputs a second; `None` where nothing was completed.
    pub fn inputs_per_second(&self) -> Option<f64> {
        self.per_second(self.done.inputs)
    }

    /// Tokens of answered inputs a second; `None` where nothing was completed or tokens are unknown.
    pub fn tokens_per_second(&self) -> Option<f64> {
        self.per_second(self.done.tokens?)
    }

    fn per_second(&self, count: u64) -> Option<f64> {
        (count > 0 && !self.span.is_zero()).then(|| count as f64 / self.span.as_secs_f64())
    }
}

/// What a phase has shown, or several phases together.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// How it ended; of several phases: how the worst did.
    pub ending: Ending,
    /// Requests that were due: those that ended, were dropped, or were in flight when somebody asked to stop.
    pub offered: u64,
    /// Requests that were due and never sent, because too many were in flight.
    pub dropped: u64,
    /// Requests that were in flight when somebody asked to stop; they are neither answered nor failed.
    pub unfinished: u64,
    /// Answered requests, the tail's too.
    pub done: Counts,
    /// Requests that failed.
    pub failures: Failures,
    /// Of answered requests: from when they were due to the answer.
    pub latency: Latencies,
    /// Of answered requests: from when they were sent to the answer.
    pub service: Latencies,
    /// Of all that ended: from when they were due to when they were sent. This is the client's own part of the latency.
    pub lateness: Latencies,
    /// How much was done in which time.
    pub throughput: Throughput,
    /// From the beginning to the last answer or failure.
    pub elapsed: Duration,
}

impl Recording {
    /// Adds what another phase has shown.
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

    /// Of the requests that were due and not cancelled, the share that failed or was dropped; 0 if there were none.
    pub fn failure_rate(&self) -> f64 {
        let lost = self.failures.total() + self.dropped;
        let all = self.done.requests + lost;
        if all == 0 { 0.0 } else { lost as f64 / all as f64 }
    }
}

/// Makes a [`Recording`] while a phase runs.
#[derive(Debug)]
pub struct Recorder {
    recording: Recording,
    /// Completions before the window opens; `None`: the phase counts as a whole.
    wave: Option<u64>,
    /// When the last request is due, once that is known: the window closes before.
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
    /// For a phase whose window opens with the completion of this number; `None`: it counts as a whole.
    pub fn new(wave: Option<usize>) -> Self {
        Self {
            recording: Recording::default(),
            wave: wave.map(|wave| wave.max(1) as u64),
            end: None,
            finished: 0,
            opened: Duration::ZERO,
            closed: Duration::ZERO,
            inside: 0,
            window: Counts::default(),
            in_a_row: 0,
        }
    }

    /// From now on completions after `end` (since the phase began) are outside of the window. The first call counts.
    pub fn end(&mut self, end: Duration) {
        self.end.get_or_insert(end);
    }

    /// A request was due and is not sent.
    pub fn dropped(&mut self) {
        self.recording.dropped += 1;
        self.recording.offered += 1;
    }

    /// A request has ended.
    pub fn finished(&mut self, sample: &Sample) {
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

    /// `count` requests have failed all at once, `at` this time since the phase began, and nothing else is known of them.
    pub fn lost(&mut self, count: u64, failure: &Failure, at: Duration) {
        self.recording.offered += count;
        self.recording.failures.add(failure, count);
        self.recording.elapsed = self.recording.elapsed.max(at);
        self.in_a_row += count;
    }

    /// Failures since the last answer.
    pub fn failures_in_a_row(&self) -> u64 {
        self.in_a_row
    }

    /// The phase is over; `unfinished` requests were in flight still.
    pub fn into_recording(self, ending: Ending, unfinished: usize) -> Recording {
        let Self { mut recording, wave, opened, closed, inside, window, .. } = self;
        recording.ending = ending;
        recording.unfinished = unfinished as u64;
        recording.offered += unfinished as u64;
        recording.throughput = match wave {
            Some(wave) if inside >= wave && closed > opened => {
                Throughput { basis: Basis::Window, span: closed - opened, done: window }
            }
            _ => Throughput { basis: Basis::Whole, span: recording.elapsed, done: recording.done },
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
