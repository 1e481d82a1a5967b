//! The report of a run, from its measurements.

use super::measurable::MeasurableEngine;
use super::measure::{Measured, Outcome};
use super::plan::Plan;
use super::texts::Texts;
use crate::bench::collect::Results;
use crate::bench::machine;
use crate::bench::recorder::Failures;
use crate::bench::report::{
    EngineReport, EngineState, Fidelity, Machine, ModelReport, Report, RoundReport, SCHEMA_VERSION, Task, Tokens,
    Workload,
};
use crate::bench::summary::{self, Baseline, Rates};
use crate::engine::open::EngineFacts;
use crate::engine::spec::redacted_url;

/// The parts of a report that are known before the measurement.
pub(super) struct Context<'a> {
    pub plan: &'a Plan,
    pub model: ModelReport,
    /// True if the model's tokenizer counts tokens.
    pub counted: bool,
    pub texts: &'a Texts,
    pub machine: Machine,
}

impl Context<'_> {
    /// The report; the caller adds its start, its duration, and the interruption. `places`: the indices of `ready`
    /// among the engines; `states`: the reasons that others are not ready.
    pub(crate) fn report(
        &self,
        ready: &[MeasurableEngine],
        places: &[usize],
        states: Vec<Option<EngineState>>,
        Outcome { engines: measured, order }: Outcome,
    ) -> Report {
        let Self { plan, .. } = self;
        let name = |place: usize| plan.set.engines.get(place).map(|engine| engine.name.clone());
        let of_place = |place: usize| places.iter().position(|&other| other == place);
        let rounds: Vec<Vec<RoundReport>> = measured.iter().map(rounds_of).collect();
        // An engine without answers cannot be a baseline or reference.
        let answered = |at: &usize| measured.get(*at).is_some_and(|measured| measured.total.done.requests > 0);
        let sound: Vec<usize> = (0..places.len()).filter(answered).filter_map(|at| places.get(at).copied()).collect();
        let (base, right) = (plan.baseline(&sound), plan.reference(&sound));
        let beside = rounds.iter().filter(|rounds| !rounds.is_empty()).count().saturating_sub(1);
        let baseline = base.and_then(of_place).and_then(|at| rounds.get(at));
        let baseline = baseline.map(|rounds| Baseline { rounds, engines: beside });
        let reference = right.and_then(of_place).and_then(|at| measured.get(at));
        let reference = reference.map(|reference| &reference.sample).filter(|sample| !sample.is_empty());
        let mut engines = Vec::new();
        for ((place, planned), state) in plan.set.engines.iter().enumerate().zip(states) {
            let mut engine = EngineReport::new(&planned.name, planned.spec.to_string());
            match (of_place(place), state) {
                (Some(at), _) => {
                    if let (Some(ready), Some(measured), Some(rounds)) =
                        (ready.get(at), measured.get(at), rounds.get(at))
                    {
                        self.fill(&mut engine, ready, measured, rounds, baseline, reference);
                    }
                }
                (None, Some(state)) => engine.state = state,
                (None, None) => {}
            }
            engines.push(engine);
        }
        Report {
            schema_version: SCHEMA_VERSION,
            infa: env!("CARGO_PKG_VERSION").to_owned(),
            title: plan.title.clone(),
            config: Some(plan.name.clone()),
            started: String::new(),
            seconds: 0.0,
            command: std::env::args().map(|argument| without_secrets(&argument)).collect(),
            machine: self.machine.clone(),
            model: self.model(&measured),
            workload: self.workload(),
            baseline: baseline.and(base).and_then(name),
            reference: reference.and(right).and_then(name),
            machine_cost_per_hour: plan.machine_cost_per_hour,
            engines,
            order: order.iter().map(|round| round.iter().filter_map(|&at| name(*places.get(at)?)).collect()).collect(),
            interrupted: false,
            notes: plan.notes.clone(),
            all_columns: false,
        }
    }

    fn fill(
        &self,
        engine: &mut EngineReport,
        ready: &MeasurableEngine,
        measured: &Measured,
        rounds: &[RoundReport],
        baseline: Option<Baseline<'_>>,
        reference: Option<&Results>,
    ) {
        let EngineFacts { version, details } = ready.running.facts.clone();
        engine.version = version;
        engine.details = details;
        engine.load_seconds = Some(ready.running.load_seconds);
        engine.first_answer_seconds = Some(ready.first_answer_seconds);
        engine.state = measured.state.clone();
        engine.figures = summary::figures(rounds, baseline, self.rates(engine));
        engine.rounds = rounds.to_vec();
        engine.latencies = summary::latencies(&measured.total.latency);
        engine.answered = measured.total.done.requests;
        engine.dropped = measured.total.dropped;
        engine.failures = summary::failures(&failures_of(measured));
        engine.tokens = Tokens {
            counted: self.texts.lengths.as_ref().and(measured.total.done.tokens),
            reported: measured.total.done.reported.filter(|_| measured.total.done.requests > 0),
            truncated: self.texts.lengths.as_ref().and_then(|lengths| Some(lengths.excess?.texts as u64)),
        };
        engine.resources = measured.resources.clone();
        engine.curve = measured.curve.clone();
        engine.fidelity = self.fidelity(measured, reference);
    }

    fn fidelity(&self, measured: &Measured, reference: Option<&Results>) -> Option<Fidelity> {
        let invariance = summary::invariance(&measured.alone);
        let fidelity = match (self.plan.set.task, reference) {
            (Task::Embed, Some(reference)) => {
                Fidelity { vectors: summary::vectors_beside(&measured.sample, reference), ranking: None, invariance }
            }
            (Task::Rerank, Some(reference)) => {
                Fidelity { vectors: None, ranking: summary::scores_beside(&measured.sample, reference), invariance }
            }
            (_, None) => Fidelity { invariance, ..Fidelity::default() },
        };
        (fidelity != Fidelity::default()).then_some(fidelity)
    }

    fn rates(&self, engine: &EngineReport) -> Rates {
        let ModelReport { flop_per_token, attention_flop_per_token_and_position: attention, .. } = self.model;
        let with_attention = |flop| Some(flop + attention? * self.texts.positions?);
        Rates {
            flop_per_token: flop_per_token.and_then(with_attention),
            gemm_gflops: self.peak_of(engine),
            dollars_per_hour: self.plan.machine_cost_per_hour,
        }
    }

    /// The speed of matrix products on the engine's device, in GFLOP/s; on GPUs that of 16-bit formats.
    fn peak_of(&self, engine: &EngineReport) -> Option<f64> {
        let detail = |name: &str| engine.details.get(name).map(String::as_str).unwrap_or_default();
        let on_gpu = ["cuda", "tensorrt"].iter().any(|device| detail("device").starts_with(device));
        if !on_gpu {
            return self.machine.gemm_gflops;
        }
        if !matches!(detail("dtype"), "float16" | "bfloat16") {
            return None;
        }
        match engine.details.get("GPU") {
            Some(names) => names.split(", ").map(machine::float16_gflops).sum(),
            None => machine::float16_gflops(&self.machine.gpus.first()?.name),
        }
    }

    /// The model; the length of its vectors is that of measured ones.
    fn model(&self, measured: &[Measured]) -> ModelReport {
        let vectors = measured.iter().filter_map(|measured| measured.sample.clone().into_results().pop());
        let dimensions = vectors.map(|(.., vector)| vector.len()).next().filter(|_| self.plan.set.task == Task::Embed);
        ModelReport { dimensions, ..self.model.clone() }
    }

    fn workload(&self) -> Workload {
        let Self { plan, texts, .. } = self;
        let per_request = texts.requests.iter().map(|prepared| prepared.request.inputs()).max();
        Workload {
            task: plan.set.task,
            dataset: plan.dataset.to_string(),
            seed: plan.seed,
            texts: texts.count,
            distinct: texts.distinct,
            inputs_per_request: per_request.unwrap_or(0),
            requests: texts.requests.len(),
            load: plan.demand.to_string(),
            end: plan.end_words(),
            rounds: (plan.rounds.min, plan.rounds.max),
            stable: plan.stable,
            tokenizer: self.counted.then(|| self.model.id.clone()),
            lengths: texts.lengths.clone(),
        }
    }
}

fn rounds_of(measured: &Measured) -> Vec<RoundReport> {
    let joules = |round: usize| measured.joules.get(round).copied().flatten();
    let rounds = measured.rounds.iter().enumerate();
    rounds.map(|(number, recording)| summary::round(number, recording, joules(number))).collect()
}

/// All failures, including those of warm-ups and broken rounds.
fn failures_of(measured: &Measured) -> Failures {
    let mut all = measured.total.clone();
    measured.besides.iter().for_each(|recording| all.merge(recording));
    all.failures
}

/// An argument without the secrets of its URLs.
fn without_secrets(argument: &str) -> String {
    let part = |part: &str| match part.find("http") {
        Some(at) => match reqwest::Url::parse(&part[at..]) {
            Ok(url) if url.has_host() => format!("{}{}", &part[..at], redacted_url(&url)),
            // It may be a misspelt URL.
            _ if part.contains('@') => format!("{}…", &part[..at]),
            _ => part.to_owned(),
        },
        None => part.to_owned(),
    };
    argument.split(',').map(part).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn command_lines_have_no_secrets() {
        for (argument, expected) in [
            ("onnx,tei=http://a:8080", "onnx,tei=http://a:8080"),
            ("openai=https://me:secret@h/v1?key=secret,onnx", "openai=https://h/v1,onnx"),
            ("--engines=tei=http://me:secret@h", "--engines=tei=http://h"),
            ("tei=http:/me:secret@", "tei=…"),
            ("BAAI/bge", "BAAI/bge"),
        ] {
            assert_eq!(without_secrets(argument), expected);
        }
    }
}
