//! Configs of `infa bench`: TOML files whose keys are the names of flags.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Args, Command, FromArgMatches};
use toml::de::DeTable;
use toml::{Table, Value};

use super::BenchSettings;
use crate::cli::EngineEntry;

impl BenchSettings {
    /// Reads a config. clap parses the values, as those of flags.
    ///
    /// # Errors
    /// The text is not TOML; or a key is unknown or its value is wrong, with the line.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| e.to_string().trim_end().to_owned())?;
        let command = command();
        let (mut title, mut engines, mut arguments) = (None, None, Vec::new());
        for (key, value) in &table {
            let at = |reason: String| format!("line {}: {reason}", line(text, key));
            match (key.as_str(), value) {
                ("title", Value::String(text)) => title = Some(text.clone()),
                ("title", _) => return Err(at("title: expected a string".into())),
                ("engines", _) => {
                    let read = value.clone().try_into::<Vec<EngineEntry>>();
                    engines = Some(read.map_err(|e| at(e.to_string().trim_end().to_owned()))?);
                }
                _ => {
                    let arg = command.get_arguments().find(|arg| name(arg) == key);
                    let Some(arg) = arg else { return Err(at(unknown(key, &command))) };
                    let typed = typed(arg, value).map_err(at)?;
                    // By itself first: the message of a wrong value has its line then.
                    command.clone().try_get_matches_from(&typed).map_err(|e| at(message(&e)))?;
                    arguments.extend(typed);
                }
            }
        }
        let matches = command.try_get_matches_from(arguments).map_err(|e| message(&e))?;
        let mut settings = Self::from_arg_matches(&matches).map_err(|e| message(&e))?;
        settings.title = title;
        settings.set.engines = engines;
        Ok(settings)
    }
}

/// The flags that are keys, without their conflicts: `Plan` explains those in the words of configs.
fn command() -> Command {
    let command = Command::new("config").no_binary_name(true).disable_help_flag(true);
    BenchSettings::augment_args(command).mut_args(|arg| {
        let takes_values = arg.get_action().takes_values();
        arg.conflicts_with(Resettable::Reset).ignore_case(takes_values)
    })
}

/// The key of a flag: its name, or the plural of a flag that is repeated.
fn name(arg: &Arg) -> &str {
    match arg.get_long().unwrap_or_default() {
        "note" => "notes",
        long => long,
    }
}

/// A key and its value as they would be typed.
fn typed(arg: &Arg, value: &Value) -> Result<Vec<String>, String> {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    let wrong = |expected: &str| Err(format!("{}: expected {expected}", name(arg)));
    match (value, arg.get_action()) {
        (Value::Boolean(true), ArgAction::SetTrue) => Ok(vec![flag]),
        (Value::Boolean(false), ArgAction::SetTrue) => Ok(Vec::new()),
        (_, ArgAction::SetTrue) => wrong("true or false"),
        (Value::Array(values), ArgAction::Append) => {
            values.iter().map(|value| typed(arg, value)).try_fold(Vec::new(), |all, one| Ok([all, one?].concat()))
        }
        (Value::String(text), _) => Ok(vec![format!("{flag}={text}")]),
        (Value::Integer(number), _) => Ok(vec![format!("{flag}={number}")]),
        (Value::Float(number), _) => Ok(vec![format!("{flag}={number}")]),
        _ => wrong("a string or a number"),
    }
}

/// The line of a key of a config, from 1.
fn line(text: &str, key: &str) -> usize {
    let table = DeTable::parse(text).ok();
    let start =
        table.and_then(|table| table.get_ref().keys().find(|name| name.get_ref() == key).map(|name| name.span().start));
    text.bytes().take(start.unwrap_or(0)).filter(|&byte| byte == b'\n').count() + 1
}

fn unknown(key: &str, command: &Command) -> String {
    let known = command.get_arguments().map(|arg| format!("`{}`", name(arg)));
    let known: Vec<String> = std::iter::once("`title`".to_owned()).chain(known).collect();
    format!("unknown field `{key}`, expected one of {}", known.join(", "))
}

/// clap's message without its label, and without what follows it.
fn message(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.split("\n\n").next().unwrap_or_default();
    let text = text.strip_prefix("error: ").unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::num::NonZero;
    use std::time::Duration;

    use super::*;
    use crate::bench::report::Task;
    use crate::cli::{EngineSetArgs, ModelIdArgs};
    use crate::runtime::device::Device;

    #[test]
    fn load_flags_replace_those_of_the_config() {
        let file: BenchSettings =
            BenchSettings::from_toml("load = 'offline'\nrequests = 7\nrevision = 'r'\nmodel-id = 'a'").unwrap();
        let flags = BenchSettings {
            concurrency: NonZero::new(3),
            duration: Some(Duration::from_secs(1)),
            set: EngineSetArgs {
                model: ModelIdArgs { model_id: Some("b".into()), revision: None },
                ..EngineSetArgs::default()
            },
            ..BenchSettings::default()
        };
        let both = flags.or(file);
        assert_eq!((both.load, both.concurrency, both.requests), (None, NonZero::new(3), None));
        assert_eq!((both.set.model.model_id.as_deref(), both.set.model.revision), (Some("b"), None));
        // The end of a round for another load goes with that load.
        let of = |load: &str, file: &str| {
            let flags: BenchSettings = BenchSettings::from_toml(&format!("load = '{load}'")).unwrap();
            let both = flags.or(BenchSettings::from_toml(file).unwrap());
            (both.requests.is_some(), both.duration.is_some())
        };
        assert_eq!(of("offline", "duration = '2s'"), (false, false));
        assert_eq!(of("ramp:1-9", "requests = 3"), (false, false));
        assert_eq!(of("ramp:1-9", "duration = '2s'"), (false, true));
        assert_eq!(of("closed:3", "requests = 3"), (true, false));
    }

    #[test]
    fn given_flags_are_listed() {
        let settings: BenchSettings = BenchSettings::from_toml("title = 'x'\nrounds = 3\nengines = ['onnx']").unwrap();
        assert_eq!(settings.given(), ["--engines", "--rounds"]);
    }

    #[test]
    fn configs_write_values_as_flags_do() {
        let read: BenchSettings = BenchSettings::from_toml(
            "engines = ['onnx', { name = 'i', spec = 'infinity', launch = 'x' }]\nload = 'closed:3'\nduration = 2\n\
             rounds = '2-3'\ndevice = 'CPU'\ntask = 'rerank'\nwarm-up = '1m'",
        )
        .unwrap();
        let engines = read.set.engines.clone().unwrap();
        assert_eq!((engines[0].spec.as_str(), engines[1].name.as_deref()), ("onnx", Some("i")));
        assert_eq!((read.duration, read.warm_up), (Some(Duration::from_secs(2)), Some(Duration::from_mins(1))));
        assert_eq!(
            (read.rounds.unwrap().max, read.set.hardware.device, read.task),
            (3, Some(Device::CPU), Some(Task::Rerank))
        );
        for (wrong, said) in [
            ("load = 'open'", "unknown load"),
            ("rounds = 0", "not a number of rounds"),
            ("device = 'gpu'", "devices: auto, cpu, cuda"),
            ("engines = [3]", "an engine such as"),
            ("duration = '-1s'", "duration"),
            ("stable = 'a'", "not a share"),
            ("stable = 2", "did you mean 2%?"),
            ("title = 'x'\n\nseed = 'a'", "line 3: invalid value 'a' for '--seed <N>'"),
            ("copy-weights = 'yes'", "line 1: copy-weights: expected true or false"),
            ("title = 'x'\nload = ['offline', 'sweep']", "line 2: load: expected a string or a number"),
        ] {
            let error = BenchSettings::from_toml(wrong).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
