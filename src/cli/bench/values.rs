//! Values of flags and configs of `infa bench`, which are written alike in both.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::cli::serve::duration;
use crate::engine::spec::is_engine;

/// An engine of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEntry {
    /// Its name in tables; `None`: its spec.
    pub name: Option<String>,
    /// Which it is.
    pub spec: String,
    /// The command that starts its server.
    pub launch: Option<String>,
    /// The model's name there; `None`: the server is asked, or has only one.
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

/// A value that configs write as flags do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written<T>(pub T);

impl<T: FromStr> FromStr for Written<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self)
    }
}

impl<'de, T: FromStr<Err: std::fmt::Display>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_number(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A length of time: `30s`, `5m`, or seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        duration(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_number(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
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

/// How many rounds there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

/// More rounds than anybody waits for.
const MOST_ROUNDS: usize = 10_000;

impl FromStr for Rounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no number of rounds, such as 5 or 5-20, from 1 to {MOST_ROUNDS}");
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let (min, max) = (number(min)?, number(max)?);
        if min == 0 || min > max || max > MOST_ROUNDS { Err(wrong()) } else { Ok(Self { min, max }) }
    }
}

/// A string, or a number as it would be written as one.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;
    impl serde::de::Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string or a number")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::BenchSettings;

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
        let Written(Share(read)) = toml::from_str::<BenchSettings>("stable = '5%'").unwrap().stable.unwrap();
        assert!((read - 0.05).abs() < 1e-12);
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
