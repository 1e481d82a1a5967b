//! Candidates for values with a grammar of their own: engines, loads, datasets.

use clap::ValueEnum;

use crate::bench::dataset;
use crate::engine::EngineKind;
use crate::runtime::device::DeviceKind;

/// A value, or the beginning of one, and what it means.
pub(super) type Candidate = (String, String);

/// Values of `--load` and beginnings of values.
const LOADS: &[(&str, &str)] = &[
    ("offline", "the whole dataset at once, as a job"),
    ("closed:", "clients, each of which waits for its answer"),
    ("closed:1", "one client"),
    ("closed:4", "4 clients"),
    ("closed:16", "16 clients"),
    ("constant:", "requests a second, evenly"),
    ("constant:10", "10 requests a second, evenly"),
    ("poisson:", "requests a second, at random times"),
    ("poisson:10", "10 requests a second, at random times"),
    ("ramp:", "a rising rate, FROM-TO requests a second"),
    ("ramp:1-100", "from 1 to 100 requests a second"),
    ("sweep", "more and more clients, until throughput rises no further"),
    ("sweep:clients", "more and more clients"),
    ("sweep:constant", "higher and higher rates, evenly"),
    ("sweep:poisson", "higher and higher rates, at random times"),
    ("search:", "the highest rate that keeps a latency"),
    ("search:p50<100ms", "the highest rate with a median below 100 ms"),
    ("search:p99<100ms", "the highest rate with a p99 below 100 ms"),
];

/// Candidates of `--load`. What follows a colon is offered when the colon is there.
pub(super) fn loads(current: &str) -> Vec<Candidate> {
    let depth = |text: &str| text.split_once(':').is_some_and(|(_, rest)| !rest.is_empty());
    let wanted = |text: &str| depth(text) == current.contains(':');
    LOADS.iter().filter(|(text, _)| wanted(text)).map(|&(text, what)| (text.to_owned(), what.to_owned())).collect()
}

/// Candidates of `--dataset`: names, and the keys of a name with a colon.
pub(super) fn datasets(current: &str) -> Vec<Candidate> {
    let Some((name, given)) = current.split_once(':') else {
        let named = dataset::datasets().flat_map(|(name, keys, what)| {
            let keyed = !keys.is_empty() && name.eq_ignore_ascii_case(current);
            let plain = if name == "file" { "file=".to_owned() } else { name.to_owned() };
            [Some((plain, what.to_owned())), keyed.then(|| (format!("{name}:"), "with keys".to_owned()))]
        });
        return named.flatten().collect();
    };
    let keys = dataset::datasets()
        .find(|(known, ..)| known.eq_ignore_ascii_case(name))
        .map_or(Vec::new(), |(_, keys, _)| keys);
    let before = given.rfind(',').map_or("", |at| &given[..=at]);
    let used = |key: &str| before.split(',').any(|part| part.split('=').next() == Some(key));
    let candidate = |&(key, default): &(&str, &str)| (format!("{name}:{before}{key}="), format!("default: {default}"));
    keys.iter().filter(|(key, _)| !used(key)).map(candidate).collect()
}

/// Candidates of `--engine`, or of one of the `--engines` of `infa bench` and `infa compare`, which can have a name in
/// front (`NAME=SPEC`) and start servers themselves.
pub(super) fn engines(current: &str, several: bool) -> Vec<Candidate> {
    let kind = |text: &str| {
        let name = text.split([':', '@']).next().unwrap_or_default().trim();
        EngineKind::from_str(name, true).ok()
    };
    match current.split_once('=') {
        // A URL.
        Some((head, _)) if kind(head).is_some() => Vec::new(),
        Some((name, spec)) if several => {
            let named = |(value, what): Candidate| (format!("{name}={value}"), what);
            engines(spec, true).into_iter().map(named).collect()
        }
        Some(_) => Vec::new(),
        None => match kind(current).filter(|kind| current.len() >= kind.name().len()) {
            Some(kind) => {
                let mut candidates = names(several);
                candidates.extend(options(kind, current, several));
                candidates
            }
            None => names(several),
        },
    }
}

/// The engines there are. A server stands with the sign that its URL follows.
fn names(several: bool) -> Vec<Candidate> {
    let described = |&kind: &EngineKind| {
        let help = kind.to_possible_value().and_then(|value| Some(value.get_help()?.to_string())).unwrap_or_default();
        let plain = kind.server().is_none() || several && kind.launch().is_some();
        let url = kind.server().is_some().then(|| (format!("{}=", kind.name()), format!("{help}: its URL follows")));
        [plain.then(|| (kind.name().to_owned(), help)), url]
    };
    EngineKind::value_variants().iter().flat_map(described).flatten().collect()
}

/// The possible continuations of a spec: `@DEVICE` after the name, options after a colon.
fn options(kind: EngineKind, current: &str, several: bool) -> Vec<Candidate> {
    if kind.server().is_some() && !several {
        return Vec::new();
    }
    let name = kind.name();
    let before = match current.rfind(':') {
        Some(at) => &current[..at],
        None => current,
    };
    let mut candidates = Vec::new();
    if !current.contains(':') && kind.server().is_none() {
        let devices = DeviceKind::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        candidates.extend(devices.map(|device| (format!("{name}@{}", device.get_name()), "a device".to_owned())));
    }
    let chosen: Vec<&str> = before.split(':').skip(1).collect();
    for group in kind.recipe().options {
        if !group.options.iter().any(|option| chosen.contains(option)) {
            let option = |option: &&str| (format!("{before}:{option}"), format!("an option of {name}"));
            candidates.extend(group.options.iter().map(option));
        }
    }
    candidates
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bench::dataset::DatasetSpec;
    use crate::bench::demand::Demand;
    use crate::cli::EngineEntry;
    use crate::engine::{EngineSpec, SpecError};

    fn values(candidates: Vec<Candidate>) -> Vec<String> {
        candidates.into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn loads_that_are_offered_whole_can_be_read() {
        let whole = LOADS.iter().filter(|(text, _)| !text.ends_with(':'));
        assert!(whole.clone().count() > 8);
        whole.for_each(|(text, _)| assert!(text.parse::<Demand>().is_ok(), "{text}"));
        assert!(
            values(loads("")).contains(&"closed:".to_owned()) && !values(loads("")).contains(&"closed:4".to_owned())
        );
        assert!(values(loads("sweep:")).contains(&"sweep:poisson".to_owned()));
    }

    #[test]
    fn datasets_and_their_keys() {
        let named = values(datasets(""));
        assert!(named.contains(&"lognormal".to_owned()) && named.contains(&"file=".to_owned()), "{named:?}");
        for name in named.iter().filter(|name| !name.ends_with('=')) {
            name.parse::<DatasetSpec>().unwrap();
            for key in values(datasets(&format!("{name}:"))) {
                let read = ["3", "300", "0.5", "de", "rust"]
                    .iter()
                    .any(|value| format!("{key}{value}").parse::<DatasetSpec>().is_ok());
                assert!(read, "{key}");
            }
        }
        assert!(values(datasets("lognormal")).contains(&"lognormal:".to_owned()));
        let more = values(datasets("lognormal:median=24,"));
        assert!(more.contains(&"lognormal:median=24,sigma=".to_owned()), "{more:?}");
        assert!(!more.iter().any(|value| value.ends_with(",median=")), "{more:?}");
        assert!(datasets("nowhere:").is_empty());
    }

    #[test]
    fn engines_with_their_options() {
        for several in [true, false] {
            let named = values(engines("", several));
            assert!(named.contains(&"torch".to_owned()) && named.contains(&"openai=".to_owned()), "{named:?}");
            assert_eq!(named.contains(&"infinity".to_owned()), several);
            assert!(!named.contains(&"openai".to_owned()));
        }
        // Every complete candidate is a valid spec.
        let mut options = 0;
        for kind in EngineKind::value_variants() {
            for value in values(engines(&format!("{}:", kind.name()), true)) {
                if let Some(rest) = value.strip_prefix(&format!("{}:", kind.name())) {
                    assert!(!rest.is_empty());
                    // Infinity takes some options with others alone.
                    let read = value.parse::<EngineSpec>();
                    assert!(matches!(read, Ok(_) | Err(SpecError::Ignored { .. })), "{read:?}");
                    assert_eq!(EngineEntry::from(value.as_str()).spec, value);
                    options += 1;
                }
            }
        }
        assert!(options > 20, "{options}");
        assert!(values(engines("onnx", true)).contains(&"onnx@cuda".to_owned()));
        let second = values(engines("torch:bfloat16:", true));
        assert!(second.contains(&"torch:bfloat16:compile".to_owned()), "{second:?}");
        assert!(!second.iter().any(|value| value.ends_with(":float16")), "{second:?}");
        assert!(values(engines("fast=onnx:", true)).contains(&"fast=onnx:int8".to_owned()));
        assert!(engines("tei=http://", true).is_empty() && engines("fast=on", false).is_empty());
    }
}
