//! Commands that start servers, with places for what is known only then: `infinity_emb v2 --model-id {model} --port
//! {port}`.

use crate::suggest::suggest;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// A command, parsed but not filled in. No shell sees it: words are split and quoted as shells do, and nothing else.
///
/// Words before the program that read `KEY=VALUE` are its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    environment: Vec<(String, Word)>,
    program: Word,
    arguments: Vec<Word>,
}

/// The parts of a word; they are put one behind the other.
type Word = Vec<Part>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(OsString),
    Placeholder(Placeholder),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Model,
    Host,
    Port,
    MetricsPort,
    Name,
    Threads,
    Device,
    Flags,
}

impl Placeholder {
    const ALL: [Self; 8] =
        [Self::Model, Self::Host, Self::Port, Self::MetricsPort, Self::Name, Self::Threads, Self::Device, Self::Flags];

    fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Host => "host",
            Self::Port => "port",
            Self::MetricsPort => "metrics_port",
            Self::Name => "name",
            Self::Threads => "threads",
            Self::Device => "device",
            Self::Flags => "flags",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("the command {command:?} has a quotation mark or a backslash without what belongs to it")]
    Quotes { command: String },
    #[error("the command {command:?} names no program")]
    NoProgram { command: String },
    #[error("the command has no {{{name}}} to fill in{}; there are {known}", .like.map(|like| format!(", did you mean {{{like}}}?")).unwrap_or_default())]
    Unknown { name: String, like: Option<&'static str>, known: String },
    #[error("the word {word:?} of the command has a brace that is alone: write {{{{ and }}}} for braces themselves")]
    Brace { word: String },
    #[error("the command has no {{port}}: a free one is chosen at every start, and the server must listen there")]
    NoPort,
    #[error("{{flags}} stands for whole words: the word {word:?} of the command has more in it")]
    Flags { word: String },
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'v> {
    pub model: &'v Path,
    pub host: &'v str,
    pub port: u16,
    pub metrics_port: u16,
    pub name: &'v str,
    pub threads: usize,
    pub device: &'v str,
    pub flags: &'v [String],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filled {
    pub environment: Vec<(String, OsString)>,
    pub program: OsString,
    pub arguments: Vec<OsString>,
}

/// Programs that start something elsewhere and wait for it.
const CONTAINERS: [&str; 4] = ["docker", "podman", "nerdctl", "apptainer"];

impl Command {
    /// Reads a template. Placeholders: `{model}` (the model's directory), `{host}`, `{port}`, `{metrics_port}` (a
    /// second free port), `{name}` (under which the model is served), `{threads}`, `{device}`, and the word `{flags}`,
    /// which stands for the options of the engine's spec. `{{` and `}}` are braces.
    ///
    /// # Errors
    /// Anything that [`CommandError`] names.
    pub fn parse(template: &str) -> Result<Self, CommandError> {
        let command = || template.to_owned();
        let words = shlex::split(template).ok_or_else(|| CommandError::Quotes { command: command() })?;
        let mut words = words.into_iter().peekable();
        let mut environment = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| variable(word)) {
            environment.push((name.to_owned(), parts(value)?));
            words.next();
        }
        let program = words.next().filter(|program| !program.is_empty());
        let program = parts(&program.ok_or_else(|| CommandError::NoProgram { command: command() })?)?;
        let arguments = words.map(|word| parts(&word)).collect::<Result<Vec<_>, _>>()?;
        let parsed = Self { environment, program, arguments };
        if !parsed.has(Placeholder::Port) {
            return Err(CommandError::NoPort);
        }
        let flags = Part::Placeholder(Placeholder::Flags);
        let odd = parsed.arguments.iter().find(|word| word.contains(&flags) && word.len() > 1);
        let mut elsewhere = parsed.environment.iter().map(|(_, value)| value).chain([&parsed.program]);
        if let Some(odd) = odd.or_else(|| elsewhere.find(|word| word.contains(&flags))) {
            return Err(CommandError::Flags { word: written(odd) });
        }
        drop(elsewhere);
        Ok(parsed)
    }

    /// The command of `template` with this program instead of the template's.
    pub(super) fn of_program(program: &Path, template: &str) -> Result<Self, CommandError> {
        let program = vec![Part::Text(program.as_os_str().to_owned())];
        Ok(Self { program, ..Self::parse(template)? })
    }

    /// The program, if it is a plain word and no file that can be run is there under its name: as a path, or in `PATH`.
    pub fn missing_program(&self) -> Option<String> {
        let [Part::Text(program)] = &self.program[..] else { return None };
        // The command may set another PATH.
        if self.environment.iter().any(|(name, _)| name == "PATH") {
            return None;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let directories: Vec<PathBuf> = match Path::new(program).components().count() {
            1 => std::env::split_paths(&path).collect(),
            _ => vec![PathBuf::new()],
        };
        let name = program.to_string_lossy();
        super::program::find(&name, &directories, None).is_none().then(|| name.into_owned())
    }

    /// True if options of the engine's spec have a place in it.
    pub fn takes_flags(&self) -> bool {
        self.has(Placeholder::Flags)
    }

    /// True if it runs a container, whose image may have to come from far away first.
    pub fn runs_a_container(&self) -> bool {
        let [Part::Text(program)] = &self.program[..] else { return false };
        let name = Path::new(program).file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| CONTAINERS.contains(&name))
    }

    pub(super) fn fill(&self, values: &Values<'_>) -> Filled {
        let fill = |word: &Word| {
            let mut filled = OsString::new();
            for part in word {
                match part {
                    Part::Text(text) => filled.push(text),
                    Part::Placeholder(place) => filled.push(values.of(*place)),
                }
            }
            filled
        };
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for word in &self.arguments {
            match &word[..] {
                [Part::Placeholder(Placeholder::Flags)] => arguments.extend(values.flags.iter().map(OsString::from)),
                _ => arguments.push(fill(word)),
            }
        }
        let environment = self.environment.iter().map(|(name, value)| (name.clone(), fill(value))).collect();
        Filled { environment, program: fill(&self.program), arguments }
    }

    fn has(&self, place: Placeholder) -> bool {
        let values = self.environment.iter().map(|(_, value)| value);
        values.chain([&self.program]).chain(&self.arguments).any(|word| word.contains(&Part::Placeholder(place)))
    }
}

impl Values<'_> {
    fn of(&self, place: Placeholder) -> OsString {
        match place {
            Placeholder::Model => self.model.as_os_str().to_owned(),
            Placeholder::Host => self.host.into(),
            Placeholder::Port => self.port.to_string().into(),
            Placeholder::MetricsPort => self.metrics_port.to_string().into(),
            Placeholder::Name => self.name.into(),
            Placeholder::Threads => self.threads.to_string().into(),
            Placeholder::Device => self.device.into(),
            // Whole words, which are put in elsewhere.
            Placeholder::Flags => OsString::new(),
        }
    }
}

impl fmt::Display for Command {
    /// The template, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environment = self.environment.iter().map(|(name, value)| (name.as_str(), written(value)));
        let words = [&self.program].into_iter().chain(&self.arguments).map(written);
        f.write_str(&shown(environment, words))
    }
}

impl fmt::Display for Filled {
    /// A command line for a shell, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lossy = |text: &OsString| text.to_string_lossy().into_owned();
        let environment = self.environment.iter().map(|(name, value)| (name.as_str(), lossy(value)));
        f.write_str(&shown(environment, [&self.program].into_iter().chain(&self.arguments).map(lossy)))
    }
}

/// A word as it stands in a template, before it was quoted.
fn written(word: &Word) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.to_string_lossy().replace('{', "{{").replace('}', "}}"),
        Part::Placeholder(place) => format!("{{{}}}", place.name()),
    };
    word.iter().map(part).collect()
}

/// A command on one line; values of variables and flags whose names speak of secrets are left out.
fn shown<'n>(environment: impl Iterator<Item = (&'n str, String)>, words: impl Iterator<Item = String>) -> String {
    let quoted = |word: &str| shlex::try_quote(word).map_or_else(|_| word.replace('\0', ""), |word| word.into_owned());
    let mut line: Vec<String> = Vec::new();
    for (name, value) in environment {
        let value = if is_secret(name) { "…".into() } else { quoted(&value) };
        line.push(format!("{name}={value}"));
    }
    let mut secret_follows = false;
    for word in words {
        // Both `--api-key VALUE` and `--api-key=VALUE`, and `-e KEY=VALUE` of containers.
        let named = word.split_once('=').filter(|(name, _)| is_secret(name));
        line.push(match named {
            _ if secret_follows => "…".into(),
            Some((name, _)) => format!("{name}=…"),
            None => quoted(&word),
        });
        secret_follows = !secret_follows && named.is_none() && word.starts_with('-') && is_secret(&word);
    }
    line.join(" ")
}

/// True if the value under this name may be a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "token", "secret", "password"].iter().any(|word| {
        // `--token`, `HF_TOKEN`, but not `--max-batch-tokens` and not `--tokenization-workers`.
        name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == *word)
    })
}

/// `KEY=VALUE`, where the key can be the name of a variable.
fn variable(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    (first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some((name, value))
}

fn parts(word: &str) -> Result<Word, CommandError> {
    let brace = || CommandError::Brace { word: word.to_owned() };
    let (mut parts, mut text, mut rest) = (Vec::new(), String::new(), word);
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let (open, after) = (rest[at..].starts_with('{'), &rest[at + 1..]);
        rest = if let Some(after) = after.strip_prefix(if open { '{' } else { '}' }) {
            text.push(if open { '{' } else { '}' });
            after
        } else {
            let (name, after) = after.split_once('}').filter(|_| open).ok_or_else(brace)?;
            let place = Placeholder::ALL.into_iter().find(|place| place.name() == name).ok_or_else(|| unknown(name))?;
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text).into()));
            }
            parts.push(Part::Placeholder(place));
            after
        };
    }
    text.push_str(rest);
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text.into()));
    }
    Ok(parts)
}

fn unknown(name: &str) -> CommandError {
    let known = Placeholder::ALL.map(Placeholder::name);
    let list = known.map(|known| format!("{{{known}}}")).join(", ");
    CommandError::Unknown { name: name.to_owned(), like: suggest(name, known.iter().copied()), known: list }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fill(template: &str, flags: &[&str]) -> Filled {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        Command::parse(template).unwrap().fill(&Values {
            model: Path::new("/models/a b"),
            host: "127.0.0.1",
            port: 7997,
            metrics_port: 9000,
            name: "b",
            threads: 2,
            device: "cpu",
            flags: &flags,
        })
    }

    fn error(template: &str) -> String {
        Command::parse(template).unwrap_err().to_string()
    }

    #[test]
    fn everything_is_filled_in() {
        let filled = fill(
            "A=1 OMP_NUM_THREADS={threads} infinity_emb v2 --model-id {model} --port={port} --served-model-name {name} \
             --url 'http://{host}:{port}' {flags} --device {device} --metrics {metrics_port} '' '{{x}}'",
            &["--engine", "optimum"],
        );
        let environment: Vec<(&str, &str)> =
            filled.environment.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(environment, [("A", "1"), ("OMP_NUM_THREADS", "2")]);
        assert_eq!(filled.program, "infinity_emb");
        let expected = [
            ["v2", "--model-id", "/models/a b", "--port=7997", "--served-model-name", "b", "--url"],
            ["http://127.0.0.1:7997", "--engine", "optimum", "--device", "cpu", "--metrics", "9000"],
        ];
        let expected: Vec<&str> = expected.into_iter().flatten().chain(["", "{x}"]).collect();
        assert_eq!(filled.arguments, expected);
        // No flags, no words.
        assert_eq!(fill("a {port} {flags}", &[]).arguments, ["7997"]);
        // Only in front are words variables.
        assert_eq!(fill("docker run -e A={port} -v {model}:/data", &[]).arguments[3..], ["-v", "/models/a b:/data"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(
            error("a --port {prot}").contains("no {prot} to fill in, did you mean {port}?; there are {model}, {host}")
        );
        assert!(!error("a --port {xyzzy}").contains("did you mean"));
        assert!(error("a").contains("no {port}"));
        assert!(error("a 'b {port}").contains("quotation mark"));
        for nothing in ["", "  ", "A={port}", "'' {port}"] {
            assert!(error(nothing).contains("names no program"), "{nothing:?}");
        }
        for brace in ["{port", "port}", "{{port}", "{port}}"] {
            assert!(error(&format!("a {brace}")).contains("brace that is alone"), "{brace}");
        }
        for flags in ["a {port} x{flags}", "A={flags} a {port}", "{flags} {port}"] {
            assert!(error(flags).contains("whole words"), "{flags}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let template = "HF_TOKEN=s3 INFINITY_API_KEY=s3 A='b c' a --api-key s3 --hf-token=s3 -e API_KEY=s3 \
                        --max-batch-tokens 16384 --port {port} '{{}}'";
        let shown = "HF_TOKEN=… INFINITY_API_KEY=… A='b c' a --api-key … --hf-token=… -e API_KEY=… --max-batch-tokens \
                     16384 --port";
        assert_eq!(Command::parse(template).unwrap().to_string(), format!("{shown} '{{port}}' '{{{{}}}}'"));
        assert_eq!(fill(template, &[]).to_string(), format!("{shown} 7997 '{{}}'"));
    }

    #[test]
    fn containers_are_known() {
        let is = |template: &str| Command::parse(template).unwrap().runs_a_container();
        assert!(is("docker run -p {port}:80 x") && is("A=1 /usr/bin/podman run -p {port}:80 x"));
        assert!(!is("dockers {port}") && !is("{name} {port}"));
    }
}
