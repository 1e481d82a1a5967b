//! An engine's part of a report.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::Figure;
use crate::stats::fidelity::{InvarianceReport, RankingReport, VectorReport};

/// The results of an engine. An engine that failed keeps its part, with the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineReport {
    /// Its unique name in tables: the name in the config, otherwise its spec.
    pub name: String,
    /// Its spec, without secrets.
    pub spec: String,
    /// Its version, if it reports one.
    pub version: Option<String>,
    /// Other facts about it: number format, threads, versions of libraries, the start command of a server …
    pub details: BTreeMap<String, String>,
    /// The certainty of its figures, or the reason that there are none.
    pub state: EngineState,
    /// Time from its start until it was ready, in seconds: loading the model, or starting the server.
    pub load_seconds: Option<f64>,
    /// Time from then until its first answer, in seconds.
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
    /// Its memory and processor time.
    pub resources: Resources,
    /// The fidelity of its results.
    pub fidelity: Option<Fidelity>,
    /// Steps under rising load: a sweep, or a search for the highest rate that keeps a latency.
    pub curve: Option<Curve>,
}

impl EngineReport {
    /// An engine without any measurement.
    pub fn new(name: impl Into<String>, spec: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            spec: spec.into(),
            version: None,
            details: BTreeMap::new(),
            state: EngineState::NotMeasured,
            load_seconds: None,
            first_answer_seconds: None,
            figures: Figures::default(),
            rounds: Vec::new(),
            latencies: Vec::new(),
            answered: 0,
            dropped: 0,
            failures: Vec::new(),
            tokens: Tokens::default(),
            resources: Resources::default(),
            fidelity: None,
            curve: None,
        }
    }
}

/// The certainty of figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EngineState {
    /// Rounds agree.
    Stable {
        /// Half-width of the 95 % interval, as a share of the figure.
        half_width: f64,
    },
    /// Rounds do not agree, or there were too few.
    Unstable {
        /// Half-width of the 95 % interval, as a share of the figure, if known.
        half_width: Option<f64>,
    },
    /// One measurement without rounds: a sweep or a search.
    Once,
    /// The run was stopped before anything was measured.
    #[default]
    NotMeasured,
    /// The engine failed; earlier rounds count.
    Failed {
        /// The stage: `start`, `first request`, `warm-up`, `round 3` …
        stage: String,
        /// The kind of failure: `no connection`, `timeout` …; `not available` if the engine could not be started.
        kind: String,
        /// A message for people.
        message: String,
    },
}

/// Figures of an engine; unknown ones are missing.
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
    /// Speed relative to the baseline: ratios of rounds that ran one after the other.
    pub speed_up: Option<Figure>,
    /// Floating-point operations of the model a second, in GFLOP/s.
    pub gflops: Option<Figure>,
    /// The same as a share of the machine's speed of float32 matrix products.
    pub gemm_share: Option<Figure>,
    /// Dollars for a million tokens.
    pub dollars_per_million_tokens: Option<Figure>,
    /// Joules of processor packages and GPUs for a million tokens, their other work included.
    pub joules_per_million_tokens: Option<Figure>,
}

impl Figures {
    /// All figures with their names, in order.
    pub fn all(&self) -> [(&'static str, Option<Figure>); 15] {
        // The compiler keeps the list complete.
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
        } = *self;
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

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoundReport {
    /// The number of the round, from 0: rounds of the same number of several engines ran one after the other.
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
    /// True if rates are those of a window without ramp-up and tail.
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
    /// 99th percentile of the client's delay in sending requests, in milliseconds: its own part of the latencies.
    pub lateness_p99_ms: Option<f64>,
    /// Joules of the processor packages and GPUs in this round.
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
    /// The number of requests.
    pub count: u64,
    /// The message of the first one.
    pub example: String,
}

/// Tokens of the answered inputs of all rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Tokens by infa's count, without truncated ones.
    pub counted: Option<u64>,
    /// Tokens by the engine's count.
    pub reported: Option<u64>,
    /// Texts of the dataset that were truncated: as the engine reports, or by the model's limit.
    pub truncated: Option<u64>,
}

/// The memory and the processor time of an engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// Peak memory of its processes during its rounds, in bytes: the resident set (RSS) of one process, the sum of the
    /// proportional sets (PSS) of several if the system reports them; of an engine in this process, the growth of the
    /// resident set since before it was loaded.
    pub peak_memory_bytes: Option<u64>,
    /// Peak memory of its processes on GPUs, in bytes.
    pub peak_gpu_memory_bytes: Option<u64>,
    /// Processor time a second of its rounds: 2 are two cores at work all the time.
    pub cpu_cores: Option<f64>,
}

/// The fidelity of an engine's results.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fidelity {
    /// Its vectors of sampled texts against the reference engine's.
    pub vectors: Option<VectorReport>,
    /// Its scores of sampled queries against the reference engine's.
    pub ranking: Option<RankingReport>,
    /// Its vectors of the timed rounds against its own for single texts.
    pub invariance: Option<InvarianceReport>,
}

/// Steps under rising load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The quantity that rises.
    pub kind: CurveKind,
    /// In the order they were taken.
    pub steps: Vec<CurveStep>,
    /// Index of the step with the highest throughput.
    pub best: Option<usize>,
    /// The result of a search.
    pub held: Option<HeldRate>,
    /// The reason for its end: `found`, `limit`, `failed`, `cancelled`.
    pub stop: String,
}

/// The quantity that rises from step to step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CurveKind {
    /// Clients of a closed loop.
    Concurrency,
    /// Requests a second of an open loop.
    Rate,
    /// Requests a second, in the order in which a search tried them.
    Search,
}

/// The load of a step, and its figures.
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
    /// The quantile of the latencies, from 0 to 1.
    pub quantile: f64,
    /// Its limit, in milliseconds.
    pub latency_ms: f64,
    /// The highest rate at which it was kept, in requests a second.
    pub holds: Option<f64>,
    /// The lowest rate at which it was missed, in requests a second.
    pub fails: Option<f64>,
}
