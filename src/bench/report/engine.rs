//! One engine's part of a report.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::Figure;
use crate::stats::fidelity::{InvarianceReport, RankingReport, VectorReport};

/// What an engine has shown. An engine that failed keeps its part, with the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineReport {
    /// Its name in tables: as the config says, otherwise its spec. No two are the same.
    pub name: String,
    /// How it was asked for, without secrets.
    pub spec: String,
    /// Its version, where it tells.
    pub version: Option<String>,
    /// What else is known of it: number format, threads, versions of libraries, how a server was started …
    pub details: BTreeMap<String, String>,
    /// How sure its figures are, or why there are none.
    pub state: EngineState,
    /// From its start until it could be asked: loading the model, or starting the server, in seconds.
    pub load_seconds: Option<f64>,
    /// From then until its first answer, in seconds.
    pub first_answer_seconds: Option<f64>,
    /// Figures over rounds.
    pub figures: Figures,
    /// Its rounds, in order.
    pub rounds: Vec<RoundReport>,
    /// Latencies of all rounds together, by rising quantile.
    pub latencies: Vec<LatencyPoint>,
    /// Answered requests of all rounds.
    pub answered: u64,
    /// Requests that were due and never sent, because too many were in flight.
    pub dropped: u64,
    /// Failed requests of all rounds and of the warm-up, by kind.
    pub failures: Vec<FailureReport>,
    /// Tokens, counted here and by the engine.
    pub tokens: Tokens,
    /// What it took.
    pub resources: Resources,
    /// How right it is.
    pub fidelity: Option<Fidelity>,
    /// Steps under rising load: a sweep, or a search for the highest rate that keeps a latency.
    pub curve: Option<Curve>,
}

/// How sure figures are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EngineState {
    /// Rounds agree.
    Stable {
        /// Half-width of the 95 % interval, as a share of the figure.
        half_width: f64,
    },
    /// Rounds do not agree, or there were too few to tell.
    Unstable {
        /// Half-width of the 95 % interval, as a share of the figure, as far as it was known.
        half_width: Option<f64>,
    },
    /// One measurement without rounds: a sweep or a search.
    Once,
    /// Nothing was measured before somebody asked to stop.
    NotMeasured,
    /// It failed; rounds before that stand.
    Failed {
        /// When: `start`, `first request`, `warm-up`, `round 3` …
        stage: String,
        /// As what it is counted: `no connection`, `timeout` …; `not available` if it could not be started.
        kind: String,
        /// What happened.
        message: String,
    },
}

/// Figures of an engine; each is missing where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Length of a round, in seconds: from its beginning to the last answer.
    pub seconds: Option<Figure>,
    /// Answered requests a second.
    pub requests_per_second: Option<Figure>,
    /// Answered inputs a second.
    pub inputs_per_second: Option<Figure>,
    /// Tokens of answered inputs a second, as counted here.
    pub tokens_per_second: Option<Figure>,
    /// Mean latency, in milliseconds.
    pub mean_ms: Option<Figure>,
    /// Median latency, in milliseconds. Latencies count from when a request was due.
    pub p50_ms: Option<Figure>,
    /// 90th percentile of latencies, in milliseconds.
    pub p90_ms: Option<Figure>,
    /// 95th percentile of latencies, in milliseconds.
    pub p95_ms: Option<Figure>,
    /// 99th percentile of latencies, in milliseconds.
    pub p99_ms: Option<Figure>,
    /// Longest latency, in milliseconds.
    pub max_ms: Option<Figure>,
    /// How many times as fast as the baseline: ratios of rounds that ran one after the other.
    pub speed_up: Option<Figure>,
    /// Floating-point operations of the model a second, in GFLOP/s.
    pub gflops: Option<Figure>,
    /// The same as a share of the machine's matrix products of float32.
    pub gemm_share: Option<Figure>,
    /// Dollars for a million tokens.
    pub dollars_per_million_tokens: Option<Figure>,
    /// Joules that the processor packages and GPUs took for a million tokens, all else that they did included.
    pub joules_per_million_tokens: Option<Figure>,
}

impl Figures {
    /// All of them with their names, in order.
    pub fn all(&self) -> [(&'static str, Option<Figure>); 15] {
        // One list, which the compiler keeps complete.
        let mut figures = self.clone();
        figures.all_mut().map(|(name, figure)| (name, *figure))
    }

    /// All of them with their names, in order.
    pub(super) fn all_mut(&mut self) -> [(&'static str, &mut Option<Figure>); 15] {
        let Self {
            seconds,
            requests_per_second,
            inputs_per_second,
            tokens_per_second,
            mean_ms,
            p50_ms,
            p90_ms,
            p95_ms,
            p99_ms,
            max_ms,
            speed_up,
            gflops,
            gemm_share,
            dollars_per_million_tokens,
            joules_per_million_tokens,
        } = self;
        [
            ("seconds", seconds),
            ("requests_per_second", requests_per_second),
            ("inputs_per_second", inputs_per_second),
            ("tokens_per_second", tokens_per_second),
            ("mean_ms", mean_ms),
            ("p50_ms", p50_ms),
            ("p90_ms", p90_ms),
            ("p95_ms", p95_ms),
            ("p99_ms", p99_ms),
            ("max_ms", max_ms),
            ("speed_up", speed_up),
            ("gflops", gflops),
            ("gemm_share", gemm_share),
            ("dollars_per_million_tokens", dollars_per_million_tokens),
            ("joules_per_million_tokens", joules_per_million_tokens),
        ]
    }
}

/// A round of an engine, as it was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoundReport {
    /// Which round, from 0: rounds of the same number of several engines ran one after the other.
    pub round: usize,
    /// From its beginning to the last answer, in seconds.
    pub seconds: f64,
    /// Answered requests.
    pub requests: u64,
    /// Failed or dropped requests.
    pub failed: u64,
    /// Answered requests a second.
    pub requests_per_second: Option<f64>,
    /// Answered inputs a second.
    pub inputs_per_second: Option<f64>,
    /// Tokens of answered inputs a second, as counted here.
    pub tokens_per_second: Option<f64>,
    /// Whether rates are those of a window without ramp-up and tail.
    pub window: bool,
    /// Mean latency, in milliseconds.
    pub mean_ms: Option<f64>,
    /// Median latency, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 90th percentile of latencies, in milliseconds.
    pub p90_ms: Option<f64>,
    /// 95th percentile of latencies, in milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile of latencies, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Longest latency, in milliseconds.
    pub max_ms: Option<f64>,
    /// 99th percentile of how late the client sent requests, in milliseconds: its own part of the latencies.
    pub lateness_p99_ms: Option<f64>,
    /// Joules that the processor packages and GPUs took meanwhile.
    pub joules: Option<f64>,
}

/// A point of the distribution of latencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyPoint {
    /// The share of requests that took no longer, from 0 to 1.
    pub quantile: f64,
    /// Latency in milliseconds.
    pub ms: f64,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureReport {
    /// `timeout`, `status 500`, `wrong shape` …
    pub kind: String,
    /// How many requests.
    pub count: u64,
    /// What the first one said.
    pub example: String,
}

/// Tokens of the answered inputs of all rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// As counted here, what is cut off left out.
    pub counted: Option<u64>,
    /// As the engine says.
    pub reported: Option<u64>,
    /// Texts of the dataset that the engine cut, as it says, or as the model's longest text has it.
    pub truncated: Option<u64>,
}

/// What an engine took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// Most memory of its processes during its rounds, in bytes: the resident set (RSS) of one process, the sum of the
    /// proportional sets (PSS) of several where the system reports them; of an engine in this process, the growth of the
    /// resident set since before it was loaded.
    pub peak_memory_bytes: Option<u64>,
    /// Most memory of its processes on GPUs, in bytes.
    pub peak_gpu_memory_bytes: Option<u64>,
    /// Processor time a second of its rounds: 2 are two cores at work all the time.
    pub cpu_cores: Option<f64>,
}

/// How right an engine is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fidelity {
    /// Its vectors out of the timed rounds against the reference engine's.
    pub vectors: Option<VectorReport>,
    /// Its scores out of the timed rounds against the reference engine's.
    pub ranking: Option<RankingReport>,
    /// Its vectors out of the timed rounds against its own when it is asked for one text alone.
    pub invariance: Option<InvarianceReport>,
}

/// Steps under rising load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// What the steps are.
    pub kind: CurveKind,
    /// In the order they were taken.
    pub steps: Vec<CurveStep>,
    /// Place of the step with the highest throughput.
    pub best: Option<usize>,
    /// Of a search: what it found.
    pub held: Option<HeldRate>,
    /// Why there are no more: `found`, `limit`, `failed`, `cancelled`.
    pub stop: String,
}

/// What rises from step to step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CurveKind {
    /// Clients of a closed loop.
    Concurrency,
    /// Requests a second of an open loop.
    Rate,
    /// Requests a second, as a search for the highest one tried them.
    Search,
}

/// A step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurveStep {
    /// Clients, or requests a second that were due.
    pub load: f64,
    /// Answered requests a second.
    pub requests_per_second: Option<f64>,
    /// Answered inputs a second.
    pub inputs_per_second: Option<f64>,
    /// Tokens of answered inputs a second.
    pub tokens_per_second: Option<f64>,
    /// Median latency, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 99th percentile of latencies, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Longest latency, in milliseconds.
    pub max_ms: Option<f64>,
    /// Share of requests that failed or were dropped, from 0 to 1.
    pub failure_rate: f64,
}

/// The highest rate that keeps a latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRate {
    /// Which quantile of the latencies, from 0 to 1.
    pub quantile: f64,
    /// How long it may be, in milliseconds.
    pub latency_ms: f64,
    /// The highest rate at which it was kept, in requests a second.
    pub holds: Option<f64>,
    /// The lowest rate at which it was not.
    pub fails: Option<f64>,
}
