//! Configs: the files that flags override.

use std::path::Path;

use crate::cli::BenchSettings;
use crate::report::text::shortened;
use crate::suggest::suggest;

/// The configs that come with infa.
const BUNDLED: &[(&str, &str)] = &[
    ("quick", include_str!("../../../bench-configs/quick.toml")),
    ("cpu-bge-small", include_str!("../../../bench-configs/cpu-bge-small.toml")),
    ("l4-bge-large", include_str!("../../../bench-configs/l4-bge-large.toml")),
    ("rerank", include_str!("../../../bench-configs/rerank.toml")),
    ("latency", include_str!("../../../bench-configs/latency.toml")),
    ("serving", include_str!("../../../bench-configs/serving.toml")),
    ("quantisation", include_str!("../../../bench-configs/quantisation.toml")),
];
/// Keys that a config cannot have, because they are flags only: they choose the output, and a config describes the
/// measurement.
const FLAGS: [&str; 8] =
    ["export-json", "export-csv", "export-markdown", "export-html", "splice", "dry-run", "from", "all-columns"];
/// The largest size of a config in bytes.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("unknown config {name}: there is no such file, and no config of this name{}; configs: {known}", .like.map(|like| format!(", did you mean {like}?")).unwrap_or_default())]
    Unknown {
        name: String,
        /// The config with the most similar name.
        like: Option<&'static str>,
        known: String,
    },
    #[error("{path}: {reason}")]
    Read { path: String, reason: String },
    /// The file is not TOML, or has an unknown key or an invalid value.
    #[error("{path}: {reason}")]
    Wrong {
        path: String,
        /// The position, and the reason.
        reason: String,
    },
}

impl ConfigError {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "name one of these, or a .toml file",
            Self::Read { .. } => "check that it is a regular file of at most 1 MiB that may be read",
            Self::Wrong { .. } => "docs/bench.md describes the keys of a config",
        }
    }
}

/// The names and titles of the configs that come with infa.
pub(crate) fn bundled() -> Vec<(String, String)> {
    let titled = |&(name, text): &(&str, &str)| {
        (name.to_owned(), parse(text).ok().and_then(|settings| settings.title).unwrap_or_default())
    };
    BUNDLED.iter().map(titled).collect()
}

/// A config with its name, which is that of its file without directory and `.toml`.
pub(super) fn read(name: &str) -> Result<(String, BenchSettings), ConfigError> {
    let path = Path::new(name);
    let (name, path, text) = match BUNDLED.iter().find(|(known, _)| *known == name) {
        // The path of a file with the same name must differ: ./quick.toml.
        Some((known, text)) => ((*known).to_owned(), format!("config {known}"), (*text).to_owned()),
        None if path.exists() => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (stem, name.to_owned(), text(path)?)
        }
        None => return Err(unknown(name)),
    };
    let settings = parse(&text).map_err(|reason| ConfigError::Wrong { path, reason })?;
    Ok((name, settings))
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let fail = |reason: String| ConfigError::Read { path: path.display().to_string(), reason };
    let size = std::fs::metadata(path).map_err(|e| fail(e.to_string()))?;
    if !size.is_file() {
        return Err(fail("is not a file".into()));
    }
    if size.len() > MAX_BYTES {
        return Err(fail(format!("is larger than {}, the most that a config can be", bytesize::ByteSize(MAX_BYTES))));
    }
    std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))
}

/// Characters of a line of a message that are shown. The list of all keys is shorter.
const LINE: usize = 1500;

fn parse(text: &str) -> Result<BenchSettings, String> {
    BenchSettings::from_toml(text).map_err(|message| {
        // TOML's messages quote the line, and others a value.
        let message = message.lines().map(|line| shortened(line.trim_end(), LINE)).collect::<Vec<_>>().join("\n");
        if let Some(flag) = unknown_field(&message).and_then(|name| FLAGS.into_iter().find(|flag| *flag == name)) {
            let (place, _) = message.split_once("unknown field").unwrap_or_default();
            return format!("{place}`{flag}` is a flag, not a key of a config: give --{flag} on the command line");
        }
        match suggestion(&message) {
            Some(like) => format!("{message}\ndid you mean `{like}`?"),
            None => message,
        }
    })
}

/// The unknown name in "unknown field `a`, expected one of `b`, `c`".
fn unknown_field(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("unknown field `")?;
    rest.split('`').next()
}

/// The expected name that is most similar to the unknown one, in "unknown field `a`, expected one of `b`, `c`".
fn suggestion(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("unknown field `")?;
    let mut quoted = rest.split('`').step_by(2);
    let given = quoted.next()?;
    suggest(given, quoted)
}

fn unknown(name: &str) -> ConfigError {
    let names = || BUNDLED.iter().map(|(known, _)| *known);
    let known = names().collect::<Vec<_>>().join(", ");
    ConfigError::Unknown { name: name.to_owned(), like: suggest(name, names()), known }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_not_printed_whole() {
        let long = "x".repeat(100_000);
        for text in [format!("a = {long}"), format!("{long} = 1"), format!("load = '{long}'"), format!("[{long}")] {
            let message = parse(&text).unwrap_err();
            assert!(message.len() < 6000, "{}", message.len());
        }
    }

    #[test]
    fn those_that_come_with_infa_can_be_read() {
        for (name, _) in BUNDLED {
            let (read_name, settings) = read(name).unwrap();
            assert_eq!(read_name, *name);
            assert!(settings.title.is_some() && settings.set.engines.is_some(), "{name}");
        }
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/bench-configs")).unwrap();
        let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().path().file_stem().unwrap().to_owned();
        let mut names: Vec<_> = files.map(name).collect();
        let mut bundled: Vec<_> = BUNDLED.iter().map(|(name, _)| std::ffi::OsString::from(name)).collect();
        names.sort();
        bundled.sort();
        assert_eq!(names, bundled);
    }

    #[test]
    fn a_key_that_does_not_exist_is_named_with_its_place_and_a_suggestion() {
        let error = parse("title = 'x'\nengine = ['onnx']\n").unwrap_err();
        assert!(error.contains("line 2") && error.ends_with("did you mean `engines`?"), "{error}");
        let error = parse("xyzzy = 1").unwrap_err();
        assert!(error.contains("unknown field") && !error.contains("did you mean"), "{error}");
        let error = parse("engines = [{ spec = 'onnx', lunch = 'x' }]").unwrap_err();
        assert!(error.ends_with("did you mean `launch`?"), "{error}");
        let error = parse("title = 'x'\nexport-json = 'a.json'").unwrap_err();
        assert!(error.contains("line 2") && error.ends_with("give --export-json on the command line"), "{error}");
    }

    #[test]
    fn text_that_is_not_a_config_is_refused() {
        let error = |name| read(name).unwrap_err().to_string();
        assert!(error("quik").contains("did you mean quick?"));
        assert!(error("./nowhere.toml").contains("configs: quick, cpu-bge-small"));
        let dir = tempfile::tempdir().unwrap();
        assert!(error(dir.path().to_str().unwrap()).contains("is not a file"));
        let path = dir.path().join("mine.toml");
        std::fs::write(&path, "title = ").unwrap();
        assert!(error(path.to_str().unwrap()).contains("mine.toml: TOML parse error at line 1"));
        std::fs::write(&path, "seed = 3").unwrap();
        assert_eq!(read(path.to_str().unwrap()).unwrap().0, "mine");
    }
}
