//! Metrics of a model: requests, queue and runs of the engine.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::registrar::{MetricsError, Registrar, SECONDS};
use crate::batch::scheduler::Stats;
use crate::engine::observe::{GroupObserver, GroupRun};
use crate::engine::{OutputKind, Times};

/// The label of a request's task.
fn task(output: OutputKind) -> &'static str {
    match output {
        OutputKind::Embedding => "embed",
        OutputKind::Sparse => "embed_sparse",
        OutputKind::TokenVectors | OutputKind::HiddenStates => "embed_tokens",
        OutputKind::Score => "rerank",
        OutputKind::Labels | OutputKind::Logits => "classify",
    }
}

/// The outcome of a request to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// An invalid input or option.
    Invalid,
    Rejected,
    /// The model was not loaded.
    Unavailable,
    /// Internal error.
    Failed,
    /// The client went away.
    Cancelled,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The metrics with a label `model`.
pub(super) struct Families {
    requests: IntCounterVec,
    phases: HistogramVec,
    texts: IntCounterVec,
    tokens: IntCounterVec,
    padding: IntCounterVec,
    abandoned: IntCounterVec,
    panics: IntCounterVec,
    queued_texts: IntGaugeVec,
    running: IntGaugeVec,
    queued_tokens: IntGaugeVec,
    group_texts: HistogramVec,
    group_tokens: HistogramVec,
    group_seconds: HistogramVec,
    group_wait: HistogramVec,
}

/// Bucket bounds: texts in a group.
const TEXTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// Bucket bounds: tokens in a group.
const TOKENS: &[f64] = &[16.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0];

impl Families {
    pub(super) fn new(add: Registrar<'_>) -> Result<Self, MetricsError> {
        let model = &["model"];
        Ok(Self {
            requests: add.counters(
                "infa_model_requests_total",
                "Requests to a model by task and outcome.",
                &["model", "task", "outcome"],
            )?,
            phases: add.histograms(
                "infa_request_phase_duration_seconds",
                "Duration of the phases (tokenize, queue, infer) of successful requests, averaged over their inputs.",
                &["model", "phase"],
                SECONDS,
            )?,
            texts: add.counters("infa_texts_total", "Texts or pairs of texts computed by the model.", model)?,
            tokens: add.counters("infa_tokens_total", "Tokens computed by the model, without padding.", model)?,
            padding: add.counters(
                "infa_padding_tokens_total",
                "Padding tokens computed; always 0, as the texts of a batch have the same length.",
                model,
            )?,
            abandoned: add.counters(
                "infa_texts_abandoned_total",
                "Texts removed from the queue because their client went away.",
                model,
            )?,
            panics: add.counters(
                "infa_worker_panics_total",
                "Runs of the model that panicked; the worker continues.",
                model,
            )?,
            queued_texts: add.gauges("infa_queue_texts", "Texts waiting for a worker now.", model)?,
            running: add.gauges("infa_running_texts", "Texts being computed now.", model)?,
            queued_tokens: add.gauges("infa_queue_tokens", "Tokens of texts waiting for a worker now.", model)?,
            group_texts: add.histograms("infa_batch_texts", "Texts in one run of the model.", model, TEXTS)?,
            group_tokens: add.histograms("infa_batch_tokens", "Tokens in one run of the model.", model, TOKENS)?,
            group_seconds: add.histograms(
                "infa_batch_duration_seconds",
                "Duration of one run of the model.",
                model,
                SECONDS,
            )?,
            group_wait: add.histograms(
                "infa_batch_wait_seconds",
                "Time that the first text of a run waited in the queue.",
                model,
                SECONDS,
            )?,
        })
    }

    pub(super) fn of(&self, name: &str) -> Arc<ModelMetrics> {
        let model = &[name];
        // Nothing is padded, and the series says so.
        self.padding.with_label_values(model);
        let phase = |phase| self.phases.with_label_values(&[name, phase]);
        Arc::new(ModelMetrics {
            name: name.into(),
            requests: self.requests.clone(),
            tokenize: phase("tokenize"),
            queue: phase("queue"),
            infer: phase("infer"),
            texts: self.texts.with_label_values(model),
            tokens: self.tokens.with_label_values(model),
            abandoned: self.abandoned.with_label_values(model),
            panics: self.panics.with_label_values(model),
            queued_texts: self.queued_texts.with_label_values(model),
            running: self.running.with_label_values(model),
            queued_tokens: self.queued_tokens.with_label_values(model),
            group_texts: self.group_texts.with_label_values(model),
            group_tokens: self.group_tokens.with_label_values(model),
            group_seconds: self.group_seconds.with_label_values(model),
            group_wait: self.group_wait.with_label_values(model),
            seen: Mutex::default(),
        })
    }
}

/// The metrics of one model, with labels looked up once; the [`GroupObserver`] of its engine.
pub struct ModelMetrics {
    name: Box<str>,
    requests: IntCounterVec,
    tokenize: Histogram,
    queue: Histogram,
    infer: Histogram,
    texts: IntCounter,
    tokens: IntCounter,
    abandoned: IntCounter,
    panics: IntCounter,
    queued_texts: IntGauge,
    running: IntGauge,
    queued_tokens: IntGauge,
    group_texts: Histogram,
    group_tokens: Histogram,
    group_seconds: Histogram,
    group_wait: Histogram,
    /// The engine's counts at the last scrape.
    seen: Mutex<Stats>,
}

impl ModelMetrics {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins a request, which counts as cancelled until its end is reported.
    pub fn begin(&self, output: OutputKind) -> Call<'_> {
        Call { metrics: self, output, outcome: Outcome::Cancelled }
    }

    /// Sets the state of the engine; zeros if it is not in memory.
    pub(super) fn set_stats(&self, stats: Stats) {
        let Stats { tasks, tokens, running, abandoned, panicked, capacity: _ } = stats;
        let set = |gauge: &IntGauge, value| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.queued_texts, tasks);
        set(&self.queued_tokens, tokens);
        set(&self.running, running);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A reloaded engine counts from 0.
        let more = |now: u64, before: u64| if now < before { now } else { now - before };
        self.abandoned.inc_by(more(abandoned, seen.abandoned));
        self.panics.inc_by(more(panicked, seen.panicked));
        *seen = stats;
    }
}

/// A request to a model; counted on drop.
#[must_use = "dropping it counts the request as cancelled"]
pub struct Call<'m> {
    metrics: &'m ModelMetrics,
    output: OutputKind,
    outcome: Outcome,
}

impl Call<'_> {
    /// Ends the request as successful.
    pub fn succeeded(mut self, times: &Times) {
        self.outcome = Outcome::Ok;
        self.metrics.tokenize.observe(times.tokenize.as_secs_f64());
        self.metrics.queue.observe(times.queue.as_secs_f64());
        self.metrics.infer.observe(times.infer.as_secs_f64());
    }

    /// Ends the request without a result.
    pub fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let labels = [self.metrics.name(), task(self.output), self.outcome.as_str()];
        self.metrics.requests.with_label_values(&labels).inc();
    }
}

impl GroupObserver for ModelMetrics {
    fn group(&self, group: GroupRun) {
        let GroupRun { texts, tokens, wait, run } = group;
        self.texts.inc_by(texts as u64);
        self.tokens.inc_by(tokens as u64);
        self.group_texts.observe(texts as f64);
        self.group_tokens.observe(tokens as f64);
        self.group_seconds.observe(run.as_secs_f64());
        self.group_wait.observe(wait.as_secs_f64());
    }
}
