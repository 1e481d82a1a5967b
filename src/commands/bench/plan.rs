//! What is to be measured, resolved from flags and config.

use std::fmt::Write as _;
use std::num::NonZero;
use std::time::Duration;

use super::super::Error;
use super::super::side_by_side::{Lineup, Planned, REQUEST_TIMEOUT, STARTUP_TIMEOUT, engines_of, named, within_time};
use super::config;
use crate::bench::dataset::DatasetSpec;
use crate::bench::demand::Demand;
use crate::bench::load::{End, Limits, Load, Phase, Timer};
use crate::bench::report::Task;
use crate::bench::rounds;
use crate::bench::warm_up::WarmUp;
use crate::cli::{BenchSettings, Rounds, Span, Written};
use crate::model::DEFAULT_MODEL;

/// What is to be measured.
pub(super) struct Plan {
    /// The config's name.
    pub name: String,
    pub title: Option<String>,
    pub notes: Vec<String>,
    pub lineup: Lineup,
    pub dataset: DatasetSpec,
    pub seed: u64,
    pub batch: usize,
    pub demand: Demand,
    /// `None`: the dataset once.
    pub end: Option<End>,
    pub rounds: Rounds,
    pub stable: f64,
    pub time_limit: Option<Duration>,
    pub warm_up: Option<WarmUp>,
    /// The engine whose speed is 1, by its place, if the user names it.
    baseline: Option<usize>,
    /// The engine whose results are right, by its place, if the user names it.
    reference: Option<usize>,
    pub samples: usize,
    pub machine_cost_per_hour: Option<f64>,
}

const BATCH: usize = 32;
const CONCURRENCY: usize = 4;
const ROUND: Duration = Duration::from_secs(10);
/// A step of a sweep or a search.
const STEP: Duration = Duration::from_secs(5);
const ROUNDS: Rounds = Rounds { min: 5, max: 20 };
const STABLE: f64 = 0.02;
const SAMPLES: usize = 64;
const MOST_SAMPLES: usize = 100_000;

impl Plan {
    /// Of what the user typed, and where that says nothing, of the config called `config`.
    pub fn resolve(config: Option<&str>, typed: BenchSettings) -> Result<Self, Error> {
        let (name, file) = match config {
            Some(config) => config::read(Some(config))?,
            // Who names engines without a config wants the defaults, not those of a config he has not named.
            None if typed.engines.is_some() => ("engines".to_owned(), BenchSettings::default()),
            None => config::read(None)?,
        };
        let BenchSettings {
            title,
            notes,
            engines,
            task,
            model_id,
            revision,
            device,
            threads,
            python,
            dataset,
            seed,
            batch,
            load,
            concurrency,
            rate,
            requests,
            duration,
            rounds,
            stable,
            time_limit,
            warm_up,
            request_timeout,
            startup_timeout,
            retries,
            baseline,
            reference,
            samples,
            machine_cost_per_hour,
        } = typed.or(file);
        let task = task.unwrap_or(Task::Embed);
        let engines = engines_of(engines.unwrap_or_else(|| vec!["onnx".into()]))?;
        let demand = demand(load, concurrency, rate)?;
        let end = match (requests, duration, demand) {
            (Some(requests), ..) => Some(End::Requests(requests.get())),
            (None, Some(Span(duration)), _) => Some(End::After(duration)),
            (None, None, Demand::Rounds(Load::Offline)) => None,
            (None, None, Demand::Rounds(_)) => Some(End::After(ROUND)),
            (None, None, _) => Some(End::After(STEP)),
        };
        let dataset = dataset.unwrap_or_else(|| if task == Task::Rerank { "rerank" } else { "lognormal" }.to_owned());
        let dataset: DatasetSpec = dataset
            .parse()
            .map_err(|e: crate::bench::dataset::DatasetError| Error::flag("--dataset", e.to_string()))?;
        check_dataset(&dataset, task)?;
        let within = |name, value: f64, most: f64| {
            if value > 0.0 && value <= most {
                Ok(value)
            } else {
                Err(Error::flag(name, format!("{value} is not above 0 and up to {most}")))
            }
        };
        let stable = within("--stable", stable.unwrap_or(STABLE), 1.0)?;
        let machine_cost_per_hour =
            machine_cost_per_hour.map(|cost| within("--machine-cost-per-hour", cost, 1e9)).transpose()?;
        let samples = samples.unwrap_or(SAMPLES);
        if samples > MOST_SAMPLES {
            return Err(Error::flag("--samples", format!("{samples} is more than {MOST_SAMPLES}")));
        }
        let warm_up = match warm_up {
            None => Some(WarmUp::default()),
            Some(Span(Duration::ZERO)) => None,
            Some(Span(limit)) => Some(WarmUp { limit, ..WarmUp::default() }),
        };
        let plan = Self {
            baseline: named(&engines, "--baseline", baseline.as_deref())?,
            reference: named(&engines, "--reference", reference.as_deref())?,
            name,
            title,
            notes,
            lineup: Lineup {
                engines,
                task,
                model_named: model_id.is_some(),
                model_id: model_id.unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
                revision,
                device,
                threads,
                python,
                request_timeout: within_time("--request-timeout", request_timeout, REQUEST_TIMEOUT)?,
                startup_timeout: within_time("--startup-timeout", startup_timeout, STARTUP_TIMEOUT)?,
                retries: retries.unwrap_or(0),
            },
            dataset,
            seed: seed.unwrap_or(0),
            batch: batch.map_or(BATCH, NonZero::get),
            demand,
            end,
            rounds: rounds.map_or(ROUNDS, |Written(rounds)| rounds),
            stable,
            time_limit: time_limit.map(|Span(limit)| limit),
            warm_up,
            samples,
            machine_cost_per_hour,
        };
        // What cannot be a phase is told before anything is fetched.
        plan.phase(1)?;
        Ok(plan)
    }

    /// The engine whose speed is 1: the one the user names, else the first of those that were `measured`.
    pub fn baseline(&self, measured: &[usize]) -> Option<usize> {
        self.baseline.or_else(|| measured.first().copied())
    }

    /// The engine whose results are most likely right: the one the user names, else, of those that were `measured`, the
    /// reference implementation, infa in its default number format, or the first.
    pub fn reference(&self, measured: &[usize]) -> Option<usize> {
        self.lineup.reference(self.reference, measured)
    }

    /// One round, or one step, of a dataset that is so many requests.
    pub fn phase(&self, requests: usize) -> Result<Phase, Error> {
        // The load of a step is not this one.
        let load = if let Demand::Rounds(load) = self.demand { load } else { Load::Offline };
        let end = self.end.unwrap_or(End::Requests(requests.max(1)));
        let mut phase = Phase::new(load, end).map_err(|e| Error::flag("--load", e.to_string()))?;
        phase.limits =
            Limits { timeout: self.lineup.request_timeout, drain: self.lineup.request_timeout, ..Limits::default() };
        phase.timer = Timer::Fine;
        phase.seed = self.seed;
        Ok(phase)
    }

    /// The rounds of all engines.
    pub fn rounds(&self, phase: Phase) -> rounds::Plan {
        let Self { warm_up, rounds: Rounds { min, max }, stable, time_limit, seed, .. } = *self;
        rounds::Plan { phase, warm_up, min_rounds: min, max_rounds: max, stable, limit: time_limit, seed }
    }

    /// When a round ends, for people.
    pub fn end_words(&self) -> String {
        match self.end {
            None => "the dataset once".into(),
            Some(End::Requests(1)) => "1 request".into(),
            Some(End::Requests(requests)) => format!("{requests} requests"),
            Some(End::After(duration)) => humantime::format_duration(duration).to_string(),
        }
    }

    /// For people, a line a setting.
    pub fn describe(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(out, "{name:<10} {value}");
        };
        line("config", &self.name);
        if let Some(title) = &self.title {
            line("title", title);
        }
        let task = if self.lineup.task == Task::Embed { "embed" } else { "rerank" };
        line("task", &task);
        line("model", &self.lineup.model_id);
        line("dataset", &self.dataset);
        line("seed", &self.seed);
        if self.lineup.task == Task::Embed {
            line("batch", &self.batch);
        }
        line("load", &self.demand);
        line(if self.demand.curve().is_some() { "step" } else { "round" }, &self.end_words());
        if self.demand.curve().is_none() {
            let Rounds { min, max } = self.rounds;
            line("rounds", &format!("{min} to {max}, until figures are stable to ±{} %", self.stable * 100.0));
        }
        let warm_up = self.warm_up.map_or("none".into(), |warm_up| {
            format!("until steady, at most {}", humantime::format_duration(warm_up.limit))
        });
        line("warm-up", &warm_up);
        let all: Vec<usize> = (0..self.lineup.engines.len()).collect();
        let roles = [(self.baseline(&all), "baseline"), (self.reference(&all), "reference")];
        for (place, Planned { name, spec, launch, .. }) in self.lineup.engines.iter().enumerate() {
            let mut words = if spec.to_string() == *name { name.clone() } else { format!("{name} ({spec})") };
            for (_, role) in roles.into_iter().filter(|(of, _)| *of == Some(place)) {
                let _ = write!(words, ", {role}");
            }
            if let Some(launch) = launch {
                let _ = write!(words, ", started by: {launch}");
            }
            line("engine", &words);
        }
        out
    }
}

fn demand(
    load: Option<Written<Demand>>,
    concurrency: Option<NonZero<usize>>,
    rate: Option<f64>,
) -> Result<Demand, Error> {
    Ok(match (load, concurrency, rate) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            return Err(Error::flag("--load", "load, concurrency and rate say the same: give one of them"));
        }
        (Some(Written(demand)), ..) => demand,
        (None, None, Some(rate)) => Demand::Rounds(Load::Poisson { rate }),
        (None, concurrency, None) => {
            Demand::Rounds(Load::Closed { concurrency: concurrency.map_or(CONCURRENCY, NonZero::get) })
        }
    })
}

/// Texts are embedded, queries with documents are ranked.
fn check_dataset(dataset: &DatasetSpec, task: Task) -> Result<(), Error> {
    let DatasetSpec::Made(recipe) = dataset else { return Ok(()) };
    match (task, recipe.is_rerank()) {
        (Task::Embed, true) => {
            Err(Error::flag("--dataset", "rerank holds queries with documents: it is for --task rerank"))
        }
        (Task::Rerank, false) => {
            let reason = format!("{} has no queries; for --task rerank take rerank, or file=PATH", recipe.name());
            Err(Error::flag("--dataset", reason))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plan(toml: &str) -> Result<Plan, Error> {
        let mut typed: BenchSettings = toml::from_str(toml).unwrap();
        typed.engines.get_or_insert_with(|| vec!["onnx".into()]);
        Plan::resolve(None, typed)
    }

    #[test]
    fn what_nobody_says_has_a_default() {
        let plan = plan("").unwrap();
        assert_eq!((plan.demand.to_string().as_str(), plan.end), ("closed:4", Some(End::After(ROUND))));
        assert_eq!(
            (plan.lineup.model_id.as_str(), plan.lineup.model_named, plan.baseline),
            (DEFAULT_MODEL, false, None)
        );
        let described = plan.describe();
        assert!(
            described.contains("load       closed:4\n") && described.contains("engine     onnx, baseline, reference\n")
        );
    }

    #[test]
    fn an_offline_round_is_the_dataset_once() {
        let plan = plan("load = 'offline'").unwrap();
        assert_eq!((plan.end, plan.phase(7).unwrap().end()), (None, End::Requests(7)));
    }

    #[test]
    fn the_reference_is_the_most_right() {
        let all = "engines = ['onnx:int8', 'onnx', 'torch:bfloat16', 'torch']";
        let reference = |toml: &str, measured: &[usize]| plan(toml).unwrap().reference(measured);
        assert_eq!(reference(all, &[0, 1, 2, 3]), Some(3));
        assert_eq!(reference(all, &[0, 1, 2]), Some(1));
        assert_eq!((reference(all, &[0, 2]), reference(all, &[])), (Some(0), None));
        assert_eq!(reference(&format!("{all}\nreference = 'onnx:int8'"), &[1, 3]), Some(0));
        let baseline = plan("engines = ['onnx', 'onnx:int8']\nbaseline = 'onnx:int8'").unwrap();
        assert_eq!((baseline.baseline(&[0]), plan(all).unwrap().baseline(&[2, 3])), (Some(1), Some(2)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (toml, said) in [
            ("engines = ['onnx', 'onnx']", "two engines are called \"onnx\""),
            ("engines = ['onyx']", "did you mean \"onnx\"?"),
            ("engines = []", "there is none"),
            ("engines = [{ spec = 'onnx', launch = 'x' }]", "launch is for servers"),
            ("engines = [{ spec = 'tei=http://a', launch = 'x' }]", "launch is for servers"),
            ("engines = ['tei=http://a:b@c:x']", "no http or https URL"),
            ("baseline = 'torch'", "--baseline: no engine is called \"torch\"; engines: onnx"),
            ("reference = 'torch'", "--reference"),
            ("load = 'closed:3'\nrate = 3.0", "give one of them"),
            ("rate = -1.0", "--load: a rate of -1/s"),
            ("load = 'ramp:1-9'\nrequests = 3", "a ramp ends after a time"),
            ("dataset = 'rerank'", "--task rerank"),
            ("task = 'rerank'\ndataset = 'words'", "words has no queries"),
            ("dataset = 'word'", "--dataset"),
            ("stable = 0.0", "--stable"),
            ("machine-cost-per-hour = -1.0", "--machine-cost-per-hour"),
            ("request-timeout = '0s'", "--request-timeout"),
            ("samples = 1000000", "--samples"),
        ] {
            let error = plan(toml).err().unwrap().to_string();
            assert!(error.contains(said), "{toml}: {error}");
        }
    }
}
