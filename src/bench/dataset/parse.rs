//! From the spec to a recipe, with defaults and bounds.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::arguments::Arguments;
use super::error::DatasetError;
use super::spec::{DatasetSpec, Lengths, MAX_TEXT_TOKENS, MAX_TEXTS, PAYLOAD_TEXTS, PAYLOAD_WORDS, Recipe};
use super::{bundled, catalog};
use crate::suggest::suggest;

impl FromStr for DatasetSpec {
    type Err = DatasetError;

    fn from_str(text: &str) -> Result<Self, DatasetError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("file=") {
            return if path.is_empty() { Err(DatasetError::NoPath) } else { Ok(Self::File(path.into())) };
        }
        let (name, arguments) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim().to_ascii_lowercase();
        if name == "file" {
            return Err(DatasetError::NoPath);
        }
        recipe(&name, arguments, text)?.check().map(Self::Made)
    }
}

fn recipe(name: &str, arguments: &str, text: &str) -> Result<Recipe, DatasetError> {
    const COUNT: RangeInclusive<usize> = 1..=MAX_TEXTS;
    const TOKENS: RangeInclusive<usize> = 1..=MAX_TEXT_TOKENS;
    let read = |dataset, keys: &[&'static str], short| Arguments::read(dataset, keys, short, arguments);
    // A bundled dataset, in the order of its file.
    let bundled = |dataset, all: usize| {
        let given = read(dataset, &["count"], 1)?;
        Ok(given.whole("count", COUNT)?.unwrap_or(all))
    };
    let in_languages = |dataset, written: Vec<bundled::Written>| {
        let given = read(dataset, &["count", "languages"], 1)?;
        let languages = given.names("languages", &bundled::languages(&written))?;
        let chosen = |text: &&bundled::Written| languages.is_empty() || languages.contains(&text.language);
        let count = given.whole("count", COUNT)?.unwrap_or_else(|| written.iter().filter(chosen).count());
        Ok((languages, count))
    };
    let lengths = |given: &Arguments| {
        Ok(Lengths {
            median: given.whole("median", TOKENS)?.unwrap_or(64),
            sigma: given.number("sigma", 0.0..=4.0)?.unwrap_or(0.8),
            min: given.whole("min", TOKENS)?.unwrap_or(4),
            max: given.whole("max", TOKENS)?.unwrap_or(512),
        })
    };
    Ok(match name {
        "words" => {
            let given = read("words", &["length", "count"], 2)?;
            let length = given.whole("length", TOKENS)?.unwrap_or(PAYLOAD_WORDS);
            Recipe::Words { length, count: given.whole("count", COUNT)?.unwrap_or(PAYLOAD_TEXTS) }
        }
        "payload" => Recipe::Payload { count: bundled("payload", PAYLOAD_TEXTS)? },
        "fixed" => {
            let given = read("fixed", &["tokens", "count"], 2)?;
            let tokens = given.whole("tokens", TOKENS)?.unwrap_or(128);
            Recipe::Fixed { tokens, count: given.whole("count", COUNT)?.unwrap_or(1000) }
        }
        "uniform" => {
            let given = read("uniform", &["count", "min", "max"], 1)?;
            let min = given.whole("min", TOKENS)?.unwrap_or(4);
            let max = given.whole("max", TOKENS)?.unwrap_or(512);
            Recipe::Uniform { min, max, count: given.whole("count", COUNT)?.unwrap_or(1000) }
        }
        "lognormal" => {
            let given = read("lognormal", &["count", "median", "sigma", "min", "max"], 1)?;
            Recipe::Lognormal { lengths: lengths(&given)?, count: given.whole("count", COUNT)?.unwrap_or(1000) }
        }
        "duplicates" => {
            let keys = ["count", "share", "exponent", "median", "sigma", "min", "max"];
            let given = read("duplicates", &keys, 1)?;
            Recipe::Duplicates {
                share: given.number("share", 0.0..=0.9999)?.unwrap_or(0.5),
                exponent: given.number("exponent", 0.0..=8.0)?.unwrap_or(1.0),
                lengths: lengths(&given)?,
                count: given.whole("count", COUNT)?.unwrap_or(1000),
            }
        }
        "queries" => Recipe::Queries { count: bundled("queries", bundled::queries().len())? },
        "passages" => Recipe::Passages { count: bundled("passages", bundled::passages().len())? },
        "multilingual" => {
            let (languages, count) = in_languages("multilingual", bundled::multilingual())?;
            Recipe::Multilingual { languages, count }
        }
        "code" => {
            let (languages, count) = in_languages("code", bundled::code())?;
            Recipe::Code { languages, count }
        }
        "rerank" => {
            let given = read("rerank", &["queries", "documents"], 2)?;
            let queries = given.whole("queries", COUNT)?.unwrap_or_else(|| bundled::rerank().len());
            Recipe::Rerank { queries, documents: given.whole("documents", 1..=10_000)?.unwrap_or(5) }
        }
        _ if text.contains(['/', '\\']) || name.contains('.') => {
            return Err(DatasetError::LooksLikeFile(text.to_owned()));
        }
        _ => {
            let like = suggest(name, catalog::names()).map(str::to_owned);
            let known = catalog::names().collect::<Vec<_>>().join(", ");
            return Err(DatasetError::Unknown { name: name.to_owned(), like, known });
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<DatasetSpec>().unwrap().to_string()
    }

    fn error(text: &str) -> String {
        text.parse::<DatasetSpec>().unwrap_err().to_string()
    }

    #[test]
    fn printed_specs_are_read_as_the_same() {
        for (written, full) in [
            ("words", "words:384x255"),
            ("words:16", "words:16x255"),
            ("words:16x7", "words:16x7"),
            (" Words : count=7 , LENGTH=16 ", "words:16x7"),
            ("words:16,count=7", "words:16x7"),
            ("payload", "payload:255"),
            ("fixed:128x10", "fixed:128x10"),
            ("uniform:100,max=64", "uniform:min=4,max=64,count=100"),
            ("lognormal", "lognormal:median=64,sigma=0.8,min=4,max=512,count=1000"),
            ("lognormal:median=9,sigma=1.25", "lognormal:median=9,sigma=1.25,min=4,max=512,count=1000"),
            ("duplicates:20,share=0.25", "duplicates:share=0.25,exponent=1,median=64,sigma=0.8,min=4,max=512,count=20"),
            ("queries:3", "queries:3"),
            ("passages:1000", "passages:1000"),
            ("multilingual", "multilingual:432"),
            ("multilingual:languages=ja+DE+ja", "multilingual:languages=ja+de,count=48"),
            ("code:languages=rust,count=2", "code:languages=rust,count=2"),
            ("rerank", "rerank:24x5"),
            ("rerank:10x100", "rerank:10x100"),
            ("file=a b/c=d:e.txt", "file=a b/c=d:e.txt"),
        ] {
            assert_eq!(shown(written), full, "{written}");
            assert_eq!(shown(full), full, "{full}");
        }
    }

    #[test]
    fn dataset_errors_name_the_key() {
        for (written, expected) in [
            ("wrds:5", "unknown dataset \"wrds\", did you mean \"words\"?; datasets: words, payload"),
            ("", "unknown dataset \"\"; datasets: words"),
            ("./texts.txt", "for a file write file=./texts.txt"),
            ("C:\\texts.txt", "for a file write file=C:\\texts.txt"),
            ("file=", "file=PATH"),
            ("file:x.txt", "file=PATH"),
            ("words:lenght=3", "dataset words has no key \"lenght\", did you mean \"length\"?; keys: length, count"),
            ("words:3x4x5", "dataset words has no key \"3x4x5\""),
            ("queries:3x4", "dataset queries has no key \"3x4\""),
            ("words:x", "dataset words has no key \"x\""),
            ("words:3,4", "dataset words has no key \"4\""),
            ("words:3x", "dataset words: count= is not a whole number"),
            ("words:3,length=4", "dataset words: length is given twice"),
            ("words:length=-3", "length=-3 is not a whole number"),
            ("words:length=1.5", "length=1.5 is not a whole number"),
            ("words:length=0", "length=0 is not within 1 and 131072"),
            ("words:1x1000000000000", "count=1000000000000 is not within 1 and 1000000"),
            ("words:1x99999999999999999999999999", "is not within 1 and 1000000"),
            ("words:131072x1000000", "dataset words would have about 131072000000 tokens; at most 64000000 are"),
            ("rerank:100000x100", "dataset rerank would have about 10000000 texts; at most 1000000 are allowed"),
            ("uniform:min=9,max=8", "dataset uniform: min=9 is more than max=8"),
            ("lognormal:min=513", "dataset lognormal: min=513 is more than max=512"),
            ("lognormal:sigma=NaN", "sigma=NaN is not within 0 and 4"),
            ("lognormal:sigma=inf", "sigma=inf is not within 0 and 4"),
            ("lognormal:sigma=wide", "sigma=wide is not a number"),
            ("lognormal:1000000,median=400", "at most 64000000 are allowed: lower max or count"),
            ("duplicates:share=1", "share=1 is not within 0 and 0.9999"),
            ("multilingual:languages=de+xx", "multilingual: languages has no \"xx\"; known: de, fr"),
            ("code:languages=pyton", "languages has no \"pyton\", did you mean \"python\"?"),
        ] {
            assert!(error(written).contains(expected), "{written}: {}", error(written));
        }
    }
}
