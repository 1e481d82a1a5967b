//! Values of flags.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::engine::spec::is_engine;

/// An engine of a run, as `--engines` and configs name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEntry {
    /// Its name in tables; `None`: its spec.
    pub name: Option<String>,
    /// The engine's spec.
    pub spec: String,
    /// The command that starts its server.
    pub launch: Option<String>,
    /// The server's name of the model; `None`: the server's only model.
    pub model: Option<String>,
}

impl From<&str> for EngineEntry {
    /// `SPEC` or `NAME=SPEC`. What begins with the name of an engine is a spec: `openai=https://…` is a server.
    fn from(text: &str) -> Self {
        let text = text.trim();
        let named = text.split_once('=').filter(|(name, spec)| !is_engine(name) && is_engine(spec));
        let (name, spec) = match named {
            Some((name, spec)) => (Some(name.trim()), spec.trim()),
            None => (None, text),
        };
        Self { name: name.map(str::to_owned), spec: spec.to_owned(), launch: None, model: None }
    }
}

impl<'de> Deserialize<'de> for EngineEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct Table {
            name: Option<String>,
            spec: String,
            launch: Option<String>,
            model: Option<String>,
        }
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = EngineEntry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an engine such as \"onnx:int8\", or a table { spec = \"infinity\", launch = \"…\" }")
            }

            fn visit_str<E: serde::de::Error>(self, spec: &str) -> Result<EngineEntry, E> {
                Ok(spec.into())
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<EngineEntry, A::Error> {
                let Table { name, spec, launch, model } =
                    Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(EngineEntry { name, spec, launch, model })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The maximum of any time: it can be added to any point in time.
const MAX_DURATION: Duration = Duration::from_secs(365 * 24 * 3600);

/// Parses a time: seconds, or a number with a unit such as `5m`.
///
/// # Errors
/// Not a time, or more than a year.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(|seconds| Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string()));
    let duration = seconds.unwrap_or_else(|| humantime::parse_duration(text).map_err(|e| e.to_string()))?;
    if duration > MAX_DURATION { Err("that is more than a year".into()) } else { Ok(duration) }
}

/// A share: `0.02`, or `2%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a share, such as 2% or 0.02");
        let (number, unit) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent, 0.01),
            None => (text, 1.0),
        };
        let share = number.trim().parse::<f64>().map_err(|_| wrong())? * unit;
        match share {
            share if share > 1.0 && share <= 100.0 && unit == 1.0 => {
                Err(format!("{text} is more than the whole; did you mean {}%?", text.trim()))
            }
            share if share > 0.0 && share <= 1.0 => Ok(Self(share)),
            _ => Err(format!("{text} is not above 0 and up to 1 (100%)")),
        }
    }
}

/// The number of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// Minimum.
    pub min: usize,
    /// Maximum.
    pub max: usize,
}

/// Maximum number of rounds.
const MAX_ROUNDS: usize = 10_000;

impl FromStr for Rounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a number of rounds, such as 5 or 5-20, from 1 to {MAX_ROUNDS}");
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let (min, max) = (number(min)?, number(max)?);
        if min == 0 || min > max || max > MAX_ROUNDS { Err(wrong()) } else { Ok(Self { min, max }) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        for (text, millis) in [("30", 30_000), ("0.5", 500), ("30s", 30_000), ("5m", 300_000), ("200ms", 200), ("0", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "-1", "soon", "5 parsecs", "NaN", "inf", "1e300", "900000000000y", "2y"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rounds() {
        assert_eq!("5".parse(), Ok(Rounds { min: 5, max: 5 }));
        assert_eq!(" 3 - 10 ".parse(), Ok(Rounds { min: 3, max: 10 }));
        for text in ["", "0", "5-3", "a", "1-100000", "-1"] {
            assert!(text.parse::<Rounds>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares() {
        for (text, share) in [("2%", 0.02), ("0.02", 0.02), (" 10 % ", 0.1), ("1", 1.0), ("100%", 1.0)] {
            let Share(read) = text.parse().unwrap();
            assert!((read - share).abs() < 1e-12, "{text}");
        }
        for text in ["", "%", "0", "0%", "-2%", "101%", "NaN", "inf", "2", "200"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn engines_take_names_and_engines_win() {
        for (text, name, spec) in [
            ("onnx", None, "onnx"),
            ("a=onnx:int8", Some("a"), "onnx:int8"),
            ("prod=openai=https://h/v1?a=b", Some("prod"), "openai=https://h/v1?a=b"),
            ("openai=https://h/v1", None, "openai=https://h/v1"),
            ("OpenAI=https://h/v1", None, "OpenAI=https://h/v1"),
            ("v 1.2 = tei=http://h", Some("v 1.2"), "tei=http://h"),
            ("a=torch@cpu:bfloat16", Some("a"), "torch@cpu:bfloat16"),
            // The name of an engine begins a spec.
            ("onnx=onnx:int8", None, "onnx=onnx:int8"),
            ("infinty=http://h", None, "infinty=http://h"),
            ("a=b=onnx", None, "a=b=onnx"),
        ] {
            let entry = EngineEntry::from(text);
            assert_eq!((entry.name.as_deref(), entry.spec.as_str()), (name, spec), "{text}");
        }
    }
}
