//! The plan of a run, from flags and config.

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

pub(super) struct Plan {
    pub name: String,
    /// Flags that change the config.
    pub changed: Vec<&'static str>,
    /// Remarks on unexpected parts of the plan, in sentences.
    pub remarks: Vec<String>,
    pub title: Option<String>,
    pub notes: Vec<String>,
    pub set: EngineSet,
    pub dataset: DatasetSpec,
    /// The field or column of the texts of a file; `None` for `text`.
    pub field: Option<String>,
    pub seed: u64,
    pub batch: usize,
    pub demand: Demand,
    /// `None` for the whole dataset once.
    pub end: Option<End>,
    pub rounds: Rounds,
    pub stable: f64,
    pub time_limit: Option<Duration>,
    pub warm_up: Option<WarmUp>,
    /// The index of the engine that speed is compared with, if the user names it.
    baseline: Option<usize>,
    /// The index of the engine that results are compared with, if the user names it.
    reference: Option<usize>,
    pub samples: usize,
    pub machine_cost_per_hour: Option<f64>,
}

const BATCH: usize = 32;
const CONCURRENCY: usize = 4;
const ROUND: Duration = Duration::from_secs(10);
/// Length of a step of a sweep or a search.
const STEP: Duration = Duration::from_secs(5);
const ROUNDS: Rounds = Rounds { min: 5, max: 20 };
const STABLE: f64 = 0.02;
const SAMPLES: usize = 64;
const MAX_SAMPLES: usize = 100_000;

/// The default configs for embedding and for reranking.
const USUAL: [&str; 2] = ["quick", "rerank"];
/// Flags that make the title of a config untrue, since titles name models, engines and loads.
const OF_TITLES: [&str; 9] =
    ["--engines", "--task", "--model-id", "--device", "--dataset", "--batch", "--load", "--concurrency", "--rate"];

impl Plan {
    /// The plan of the flags and, where these are missing, of the config `config` or the default one.
    pub(crate) fn resolve(config: Option<&str>, typed: BenchSettings) -> Result<Self, Error> {
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
            field,
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
        // Settings of the config that belong to another load than the typed one are ignored; all other settings without
        // effect are refused.
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
        let has_field = task == Task::Embed && matches!(dataset, DatasetSpec::File(_));
        let (field, unused_field) = if has_field { (field, None) } else { (None, field) };
        if let Some(python) =
            set.python.python.as_deref().filter(|_| engines.iter().any(|one| one.spec.kind.python().is_some()))
        {
            check_python(python)?;
        }
        let mut remarks = Vec::new();
        // The variable of the flag may be set for other commands.
        remarks.extend(
            unused_field.map(|_| "--field changes nothing: only texts of --dataset file=PATH have a field".into()),
        );
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
        remarks.extend(ineffective(engines, &changed));
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
        if samples > MAX_SAMPLES {
            return Err(Error::flag("--samples", format!("{samples} is more than {MAX_SAMPLES}")));
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
            field,
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
        // Phases that cannot be are refused before anything is downloaded.
        plan.phase(1)?;
        Ok(plan)
    }

    /// The index of the engine that speed is compared with: the one the user names, else the first of those that were
    /// `measured`.
    pub(crate) fn baseline(&self, measured: &[usize]) -> Option<usize> {
        self.baseline.or_else(|| measured.first().copied())
    }

    /// The index of the engine that results are compared with: the one the user names, else, of those that were
    /// `measured`, the reference implementation, infa in its default number format, or the first.
    pub(crate) fn reference(&self, measured: &[usize]) -> Option<usize> {
        self.set.reference(self.reference, measured)
    }

    /// One round, or one step, of a dataset with this number of requests.
    pub(crate) fn phase(&self, requests: usize) -> Result<Phase, Error> {
        // Each step sets its own load.
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
    pub(crate) fn rounds(&self, phase: Phase) -> rounds::Plan {
        let Self { warm_up, rounds: Rounds { min, max }, stable, time_limit, seed, .. } = *self;
        rounds::Plan { phase, warm_up, min_rounds: min, max_rounds: max, stable, limit: time_limit, seed }
    }
}

/// The typed flags without effect on these engines, in a sentence.
fn ineffective(engines: &[NamedEngine], typed: &[&str]) -> Option<String> {
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

/// Checks that an interpreter exists: a path, or the name of a program.
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

/// Checks that the dataset suits the task, and that its file exists.
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
mod tests {
    use super::*;
    use crate::model::DEFAULT_MODEL;

    fn plan(toml: &str) -> Result<Plan, Error> {
        let mut typed: BenchSettings = BenchSettings::from_toml(toml).unwrap();
        typed.set.engines.get_or_insert_with(|| vec!["onnx".into()]);
        Plan::of("mine".to_owned(), typed, BenchSettings::default())
    }

    /// Flags beside a config, both in the format of configs.
    fn flags(config: &str, flags: &str) -> Result<Plan, Error> {
        Plan::resolve(Some(config), BenchSettings::from_toml(flags).unwrap())
    }

    fn described(plan: &Plan) -> String {
        plan.describe(None, &vec![None; plan.set.engines.len()])
    }

    #[test]
    fn settings_have_defaults() {
        let plan = plan("").unwrap();
        assert_eq!((plan.demand.to_string().as_str(), plan.end), ("closed:4", Some(End::After(ROUND))));
        assert_eq!(
            (plan.set.model_id(), plan.set.model.model_id.is_some(), plan.baseline),
            (DEFAULT_MODEL, false, None)
        );
        let described = described(&plan);
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
    fn plan_refuses_contradictions() {
        for (toml, said) in [
            ("engines = ['onnx', 'onnx']", "two engines are called \"onnx\""),
            ("engines = ['onyx']", "did you mean \"onnx\"?"),
            ("engines = []", "no engine is named"),
            ("engines = [{ spec = 'onnx', launch = 'x' }]", "launch is for servers"),
            ("engines = [{ spec = 'tei=http://a', launch = 'x' }]", "launch is for servers"),
            ("engines = ['tei=http://a:b@c:x']", "not an http or https URL"),
            ("baseline = 'torch'", "--baseline: no engine is called \"torch\"; engines: onnx"),
            ("reference = 'torch'", "--reference"),
            ("load = 'closed:3'\nrate = 3.0", "give one of them"),
            ("rate = -1.0", "--load: a rate of -1/s"),
            ("load = 'ramp:1-9'\nrequests = 3", "a ramp ends after a time"),
            ("dataset = 'rerank'", "--task rerank"),
            ("task = 'rerank'\ndataset = 'words'", "the dataset words has no documents to rerank"),
            ("dataset = 'file=/nonexistent/x.jsonl'", "file=/nonexistent/x.jsonl: no such file"),
            ("engines = ['torch']\npython = '/nonexistent/python3'", "--python: /nonexistent/python3: no such program"),
            ("engines = ['onnx:int4']", "--engines: onnx has no option \"int4\", did you mean \"int8\"?"),
            ("engines = ['torch:int8']", "torch has no option \"int8\""),
            ("engines = ['infinity:xyz']", "infinity has no option \"xyz\""),
            ("engines = ['tei:float16=http://a']", "what a server computes with is its own"),
            ("engines = ['openvino@cuda']", "does not compute on \"cuda\""),
            ("engines = [{ spec = 'onnx', model = 'x' }]", "model = \"x\" is for servers"),
            ("engines = [{ spec = 'onnx', name = '' }]", "empty name"),
            ("requests = 3\nduration = '2s'", "give one of them"),
            ("load = 'sweep'\nrounds = 3", "--rounds: a sweep or a search has no rounds"),
            ("load = 'search:p99<1s'\nstable = '5%'", "--stable: a sweep"),
            ("load = 'sweep'\ntime-limit = '5s'", "--time-limit: a sweep"),
            ("task = 'rerank'\nbatch = 3", "--batch: with --task rerank"),
            ("samples = 0\nreference = 'onnx'", "--reference: with --samples 0"),
            ("dataset = 'word'", "--dataset"),
            ("machine-cost-per-hour = -1.0", "--machine-cost-per-hour"),
            ("request-timeout = '0s'", "--request-timeout"),
            ("samples = 1000000", "--samples"),
        ] {
            let error = plan(toml).err().unwrap().to_string();
            assert!(error.contains(said), "{toml}: {error}");
        }
    }

    #[test]
    fn without_a_config_there_is_quick() {
        let quick = |typed: &str| Plan::resolve(None, BenchSettings::from_toml(typed).unwrap()).unwrap();
        let plan = quick("engines = ['onnx', 'torch']");
        assert_eq!((plan.name.as_str(), plan.batch, plan.rounds), ("quick", 16, Rounds { min: 3, max: 5 }));
        assert_eq!(quick("").set.engines.len(), 2);
        let rerank = quick("task = 'rerank'");
        assert_eq!((rerank.name.as_str(), rerank.set.task), ("rerank", Task::Rerank));
    }

    /// Combinations of configs and flags that could contradict each other.
    #[test]
    fn configs_and_flags_combine() {
        for (config, typed, remarks) in [
            ("cpu-bge-small", "engines = ['onnx', 'onnx:int8']", 1),
            ("quantisation", "engines = ['onnx', 'openvino']", 1),
            ("quantisation", "engines = ['torch', 'openvino']", 1),
            ("quantisation", "engines = ['openvino']", 2),
            ("l4-bge-large", "engines = ['onnx', 'torch']", 2),
            ("cpu-bge-small", "engines = ['onnx', 'torch']", 0),
            // By the spec, independent of the name.
            ("cpu-bge-small", "engines = ['a=onnx', 'b=torch']", 0),
            ("quantisation", "", 0),
        ] {
            let plan = flags(config, typed).unwrap_or_else(|error| panic!("{config} {typed}: {error}"));
            assert_eq!(plan.remarks.len(), remarks, "{config} {typed}: {:?}", plan.remarks);
        }
        let plan = flags("cpu-bge-small", "engines = ['onnx', 'onnx:int8']").unwrap();
        assert!(plan.remarks[0].starts_with("torch, the baseline of the config cpu-bge-small"), "{:?}", plan.remarks);
        assert_eq!(plan.baseline(&[0, 1]), Some(0));
        // A typed baseline must exist.
        let error = flags("quick", "engines = ['onnx']\nbaseline = 'torch'").err().unwrap();
        assert!(error.to_string().contains("no engine is called \"torch\""), "{error}");
        // Rounds of a config are ignored beside a typed sweep, and a mistake beside its own sweep.
        assert!(flags("cpu-bge-small", "load = 'sweep'").is_ok());
        assert!(flags("serving", "rounds = 3").err().unwrap().to_string().contains("--rounds: a sweep"));
        assert!(flags("rerank", "batch = 4").err().unwrap().to_string().contains("--batch"));
        assert!(flags("latency", "task = 'rerank'").err().unwrap().to_string().contains("no documents to rerank"));
        assert!(flags("cpu-bge-small", "load = 'ramp:1-9'").is_ok() && flags("quick", "load = 'offline'").is_ok());
    }

    #[test]
    fn a_title_that_is_no_longer_true_goes() {
        let title = |config: &str, typed: &str| flags(config, typed).unwrap().title;
        for (config, typed) in [
            ("quick", "model-id = 'x'"),
            ("rerank", "model-id = 'x'"),
            ("latency", "concurrency = 4\nbatch = 64"),
            ("quantisation", "engines = ['onnx', 'torch']"),
            ("cpu-bge-small", "device = 'cuda'"),
            ("serving", "dataset = 'words'"),
        ] {
            assert_eq!(title(config, typed), None, "{config} {typed}");
        }
        assert!(title("quick", "").is_some() && title("quick", "rounds = 3\nseed = 1").is_some());
        let text = described(&flags("quick", "model-id = 'x'").unwrap());
        assert!(text.contains("config     quick, changed by --model-id\n") && !text.contains("title"), "{text}");
    }

    #[test]
    fn a_plan_says_how_long_it_takes() {
        let takes = |config: &str, typed: &str| {
            let plan = flags(config, typed).unwrap();
            plan.estimate(plan.set.engines.len())
        };
        assert_eq!(
            takes("quick", ""),
            "12s to 20s (3 to 5 rounds of 2s for each of 2 engines), besides loading and a warm-up of up to 4s"
        );
        assert_eq!(
            takes("quick", "rounds = 3\nengines = ['onnx']\nwarm-up = '0s'"),
            "6s (3 rounds of 2s), besides loading"
        );
        assert!(takes("quick", "rounds = '3-100'\ntime-limit = '30s'").starts_with("12s to 30s"));
        assert!(
            takes("cpu-bge-small", "")
                .starts_with("as long as the engines need for 3 to 5 rounds of 10 requests for each of 13 engines")
        );
        // 1, 2, 4 … 64 clients.
        assert!(takes("serving", "").starts_with("40s to 2m 20s (2 to 7 steps of 5s for each of 4 engines)"));
        assert!(takes("serving", "load = 'search:p99<1s'").contains("steps of 5s"));
        let rounds = |typed: &str| described(&flags("quick", typed).unwrap());
        assert!(rounds("rounds = 3").contains("rounds     3\n"));
        assert!(rounds("stable = '5%'").contains("rounds     3 to 5, until figures are stable to ±5%\n"));
    }

    #[test]
    fn flags_that_change_nothing_are_named() {
        let plan = flags("quick", "engines = ['tei=http://a']\nthreads = 2\ndevice = 'cpu'").unwrap();
        assert_eq!(plan.remarks, ["--device and --threads change nothing for these engines"]);
        let plan = flags("quick", "retries = 2").unwrap();
        assert_eq!(plan.remarks, ["--retries changes nothing for these engines"]);
        assert!(
            flags("quick", "engines = ['onnx', 'tei=http://a']\nthreads = 2\nretries = 1").unwrap().remarks.is_empty()
        );
    }
}
