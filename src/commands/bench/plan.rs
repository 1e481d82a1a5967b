//! What is to be measured, resolved from flags and config.

mod describe;

use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use super::super::Error;
use super::super::engine_set::{EngineSet, NamedEngine};
use super::config;
use crate::bench::dataset::{DatasetError, DatasetSpec};
use crate::bench::demand::Demand;
use crate::bench::load::{End, Limits, Load, Phase, Timer};
use crate::bench::report::Task;
use crate::bench::rounds;
use crate::bench::warm_up::WarmUp;
use crate::cli::{BenchSettings, Rounds, Share};
use crate::engine::recipes::Location;

/// What is to be measured.
pub(super) struct Plan {
    /// The config's name.
    pub name: String,
    /// Flags that change the config.
    pub changed: Vec<&'static str>,
    /// What a user may not expect of the plan, in sentences.
    pub remarks: Vec<String>,
    pub title: Option<String>,
    pub notes: Vec<String>,
    pub set: EngineSet,
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

/// The config that is the default for embedding, and the one for reranking.
const USUAL: [&str; 2] = ["quick", "rerank"];
/// Flags that make the title of a config untrue, since titles tell of models, engines and loads.
const OF_TITLES: [&str; 9] =
    ["--engines", "--task", "--model-id", "--device", "--dataset", "--batch", "--load", "--concurrency", "--rate"];

impl Plan {
    /// Of the flags, and where these say nothing, of the config called `config`, or the default one.
    pub fn resolve(config: Option<&str>, typed: BenchSettings) -> Result<Self, Error> {
        let usual = if typed.task == Some(Task::Rerank) { USUAL[1] } else { USUAL[0] };
        let (name, file) = config::read(config.unwrap_or(usual))?;
        Self::of(name, typed, file)
    }

    fn of(name: String, typed: BenchSettings, mut file: BenchSettings) -> Result<Self, Error> {
        let changed = typed.given();
        let is_typed = |flag: &str| changed.contains(&flag);
        let written = file.given();
        if changed.iter().any(|flag| OF_TITLES.contains(flag)) {
            file.title = None;
        }
        let new_load = ["--load", "--concurrency", "--rate"].into_iter().any(is_typed);
        let (typed_roles, file_roles) =
            ([typed.baseline.clone(), typed.set.reference.clone()], [file.baseline.take(), file.set.reference.take()]);
        let BenchSettings {
            title,
            notes,
            mut set,
            task,
            dataset,
            load,
            concurrency,
            rate,
            requests,
            duration,
            rounds,
            stable,
            time_limit,
            warm_up,
            baseline: _,
            machine_cost_per_hour,
        } = typed.or(file);
        let task = task.unwrap_or(Task::Embed);
        let (batch, samples, seed) = (set.batch, set.samples, set.seed);
        set.engines.get_or_insert_with(|| vec!["onnx".into()]);
        let set = EngineSet::resolve(set, task, 0)?;
        let engines = &set.engines;
        let demand = demand(load, concurrency, rate)?;
        // What the config says of another load than the one that was typed is passed over; all else that would change
        // nothing is refused.
        let unused = |flag: &'static str, reason: &str, excused: bool| match is_typed(flag)
            || (written.contains(&flag) && !excused)
        {
            true => Err(Error::flag(flag, reason)),
            false => Ok(()),
        };
        if demand.curve().is_some() {
            for flag in ["--rounds", "--stable", "--time-limit"] {
                unused(flag, "a sweep or a search has no rounds: it measures each step once", new_load)?;
            }
        }
        if task == Task::Rerank {
            unused("--batch", "with --task rerank each query with its documents is a request", is_typed("--task"))?;
        }
        if samples == Some(0) {
            unused("--reference", "with --samples 0 nothing is compared with it", is_typed("--samples"))?;
        }
        let end = match (requests, duration, demand) {
            (Some(_), Some(_), _) => {
                return Err(Error::flag("--requests", "requests and duration both end a round: give one of them"));
            }
            (Some(requests), ..) => Some(End::Requests(requests.get())),
            (None, Some(duration), _) => Some(End::After(duration)),
            (None, None, Demand::Rounds(Load::Offline)) => None,
            (None, None, Demand::Rounds(_)) => Some(End::After(ROUND)),
            (None, None, _) => Some(End::After(STEP)),
        };
        let dataset = dataset.unwrap_or_else(|| if task == Task::Rerank { "rerank" } else { "lognormal" }.to_owned());
        let dataset: DatasetSpec =
            dataset.parse().map_err(|e: DatasetError| Error::flag("--dataset", e.to_string()))?;
        check_dataset(&dataset, task)?;
        if let Some(python) =
            set.python.python.as_deref().filter(|_| engines.iter().any(|one| one.spec.kind.python().is_some()))
        {
            check_python(python)?;
        }
        let mut remarks = Vec::new();
        let name_of_config = &name;
        let mut role = |flag: &'static str, word: &str, [typed, file]: [Option<String>; 2]| match (typed, file) {
            (Some(name), _) => set.named(flag, Some(&name)),
            (None, Some(name)) if is_typed("--engines") => {
                let found = set.find(&name);
                if found.is_none() {
                    remarks.push(format!(
                        "{name}, the {word} of the config {name_of_config}, is not among the engines; the default is used"
                    ));
                }
                Ok(found)
            }
            (None, name) => set.named(flag, name.as_deref()),
        };
        let [typed_baseline, typed_reference] = typed_roles;
        let [file_baseline, file_reference] = file_roles;
        let baseline = role("--baseline", "baseline", [typed_baseline, file_baseline])?;
        let reference = role("--reference", "reference", [typed_reference, file_reference])?;
        remarks.extend(idle(engines, &changed));
        let within = |name, value: f64, most: f64| {
            if value > 0.0 && value <= most {
                Ok(value)
            } else {
                Err(Error::flag(name, format!("{value} is not above 0 and up to {most}")))
            }
        };
        let stable = stable.map_or(STABLE, |Share(stable)| stable);
        let machine_cost_per_hour =
            machine_cost_per_hour.map(|cost| within("--machine-cost-per-hour", cost, 1e9)).transpose()?;
        let samples = samples.unwrap_or(SAMPLES);
        if samples > MOST_SAMPLES {
            return Err(Error::flag("--samples", format!("{samples} is more than {MOST_SAMPLES}")));
        }
        let warm_up = match warm_up {
            None => Some(WarmUp::default()),
            Some(Duration::ZERO) => None,
            Some(limit) => Some(WarmUp { limit, ..WarmUp::default() }),
        };
        let plan = Self {
            baseline,
            reference,
            changed,
            remarks,
            name,
            title,
            notes,
            set,
            dataset,
            seed: seed.unwrap_or(0),
            batch: batch.map_or(BATCH, NonZero::get),
            demand,
            end,
            rounds: rounds.unwrap_or(ROUNDS),
            stable,
            time_limit,
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
        self.set.reference(self.reference, measured)
    }

    /// One round, or one step, of a dataset that is so many requests.
    pub fn phase(&self, requests: usize) -> Result<Phase, Error> {
        // The load of a step is not this one.
        let load = if let Demand::Rounds(load) = self.demand { load } else { Load::Offline };
        let end = self.end.unwrap_or(End::Requests(requests.max(1)));
        let mut phase = Phase::new(load, end).map_err(|e| Error::flag("--load", e.to_string()))?;
        phase.limits =
            Limits { timeout: self.set.request_timeout, drain: self.set.request_timeout, ..Limits::default() };
        phase.timer = Timer::Fine;
        phase.seed = self.seed;
        Ok(phase)
    }

    /// The rounds of all engines.
    pub fn rounds(&self, phase: Phase) -> rounds::Plan {
        let Self { warm_up, rounds: Rounds { min, max }, stable, time_limit, seed, .. } = *self;
        rounds::Plan { phase, warm_up, min_rounds: min, max_rounds: max, stable, limit: time_limit, seed }
    }
}

/// Flags that no engine of these has a use for, in a sentence.
fn idle(engines: &[NamedEngine], typed: &[&str]) -> Option<String> {
    let here = engines.iter().any(|one| one.spec.kind.server().is_none() || one.spec.url.is_none());
    let process = engines.iter().any(|one| matches!(one.spec.kind.location(), Location::Process));
    let worker = engines.iter().any(|one| one.spec.kind.python().is_some());
    let server = engines.iter().any(|one| one.spec.kind.server().is_some());
    let started = worker || engines.iter().any(|one| one.spec.kind.server().is_some() && one.spec.url.is_none());
    let unused: Vec<&str> = [
        ("--device", here),
        ("--threads", here),
        ("--copy-weights", process),
        ("--python", worker),
        ("--startup-timeout", started),
        ("--retries", server),
    ]
    .into_iter()
    .filter(|(flag, used)| !used && typed.contains(flag))
    .map(|(flag, _)| flag)
    .collect();
    let verb = if unused.len() == 1 { "changes" } else { "change" };
    (!unused.is_empty()).then(|| format!("{} {verb} nothing for these engines", unused.join(" and ")))
}

/// Whether an interpreter is there: a path, or the name of a program.
fn check_python(python: &Path) -> Result<(), Error> {
    let there = match python.components().count() {
        1 => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            python.is_file() || std::env::split_paths(&path).any(|directory| directory.join(python).is_file())
        }
        _ => python.is_file(),
    };
    if there { Ok(()) } else { Err(Error::flag("--python", format!("{}: no such program", python.display()))) }
}

fn demand(load: Option<Demand>, concurrency: Option<NonZero<usize>>, rate: Option<f64>) -> Result<Demand, Error> {
    Ok(match (load, concurrency, rate) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            return Err(Error::flag("--load", "load, concurrency and rate say the same: give one of them"));
        }
        (Some(demand), ..) => demand,
        (None, None, Some(rate)) => Demand::Rounds(Load::Poisson { rate }),
        (None, concurrency, None) => {
            Demand::Rounds(Load::Closed { concurrency: concurrency.map_or(CONCURRENCY, NonZero::get) })
        }
    })
}

/// Texts are embedded, queries with documents are ranked; and a file is there.
fn check_dataset(dataset: &DatasetSpec, task: Task) -> Result<(), Error> {
    let wrong = |reason: String| Err(Error::flag("--dataset", reason));
    let recipe = match dataset {
        DatasetSpec::File(path) if path != Path::new("-") && !path.exists() => {
            return wrong(format!("file={}: no such file", path.display()));
        }
        DatasetSpec::File(path) if path.is_dir() => {
            return wrong(format!("file={}: is a directory; name a file", path.display()));
        }
        DatasetSpec::File(_) => return Ok(()),
        DatasetSpec::Made(recipe) => recipe,
    };
    match (task, recipe.is_rerank()) {
        (Task::Embed, true) => wrong("rerank holds queries with documents: it is for --task rerank".into()),
        (Task::Rerank, false) => wrong(format!(
            "the dataset {} has no documents to rerank; for --task rerank take --dataset rerank, or file=PATH",
            recipe.name()
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
