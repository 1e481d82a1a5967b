//! Plans of flags and configs.

use super::*;
use crate::model::DEFAULT_MODEL;

fn plan(toml: &str) -> Result<Plan, Error> {
    let mut typed: BenchSettings = BenchSettings::from_toml(toml).unwrap();
    typed.set.engines.get_or_insert_with(|| vec!["onnx".into()]);
    Plan::of("mine".to_owned(), typed, BenchSettings::default())
}

/// Flags beside a config, both written as a config is.
fn flags(config: &str, flags: &str) -> Result<Plan, Error> {
    Plan::resolve(Some(config), BenchSettings::from_toml(flags).unwrap())
}

fn described(plan: &Plan) -> String {
    plan.describe(None, &mut |_| None)
}

#[test]
fn what_nobody_says_has_a_default() {
    let plan = plan("").unwrap();
    assert_eq!((plan.demand.to_string().as_str(), plan.end), ("closed:4", Some(End::After(ROUND))));
    assert_eq!((plan.set.model_id(), plan.set.model.model_id.is_some(), plan.baseline), (DEFAULT_MODEL, false, None));
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
fn what_makes_no_sense_is_refused() {
    for (toml, said) in [
        ("engines = ['onnx', 'onnx']", "two engines are called \"onnx\""),
        ("engines = ['onyx']", "did you mean \"onnx\"?"),
        ("engines = []", "no engine is named"),
        ("engines = [{ spec = 'onnx', launch = 'x' }]", "launch is for servers"),
        ("engines = [{ spec = 'tei=http://a', launch = 'x' }]", "launch is for servers"),
        ("engines = ['tei=http://a:b@c:x']", "no http or https URL"),
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

/// Every row of a config and flags that got in each other's way.
#[test]
fn configs_and_flags_combine() {
    for (config, typed, remarks) in [
        ("cpu-bge-small", "engines = ['onnx', 'onnx:int8']", 1),
        ("quantisation", "engines = ['onnx', 'openvino']", 1),
        ("quantisation", "engines = ['torch', 'openvino']", 1),
        ("quantisation", "engines = ['openvino']", 2),
        ("l4-bge-large", "engines = ['onnx', 'torch']", 2),
        ("cpu-bge-small", "engines = ['onnx', 'torch']", 0),
        // By its spec, whatever it is called.
        ("cpu-bge-small", "engines = ['a=onnx', 'b=torch']", 0),
        ("quantisation", "", 0),
    ] {
        let plan = flags(config, typed).unwrap_or_else(|error| panic!("{config} {typed}: {error}"));
        assert_eq!(plan.remarks.len(), remarks, "{config} {typed}: {:?}", plan.remarks);
    }
    let plan = flags("cpu-bge-small", "engines = ['onnx', 'onnx:int8']").unwrap();
    assert!(plan.remarks[0].starts_with("torch, the baseline of the config cpu-bge-small"), "{:?}", plan.remarks);
    assert_eq!(plan.baseline(&[0, 1]), Some(0));
    // What somebody has typed is meant.
    let error = flags("quick", "engines = ['onnx']\nbaseline = 'torch'").err().unwrap();
    assert!(error.to_string().contains("no engine is called \"torch\""), "{error}");
    // The rounds of a config are not those of a typed load; those of a sweep of its own are a mistake.
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
    let takes = |config: &str, typed: &str| flags(config, typed).unwrap().estimate();
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
            .starts_with("as long as the engines need for 3 to 5 rounds of 10 requests for each of 11 engines")
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
    assert!(flags("quick", "engines = ['onnx', 'tei=http://a']\nthreads = 2\nretries = 1").unwrap().remarks.is_empty());
}
