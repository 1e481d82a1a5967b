//! The list of datasets, for `--help` and error messages.

/// Name, keys with their defaults, description.
const DATASETS: &[(&str, &str, &str)] = &[
    ("words", "[:length=384,count=255]", "random English words, `length` a text; short: words:384x255"),
    (
        "payload",
        "[:count=255]",
        "the shape of the public embed benchmark: 384 random words a text, the second text \"1\"",
    ),
    ("fixed", "[:tokens=128,count=1000]", "random words, `tokens` tokens a text; short: fixed:128x1000"),
    ("uniform", "[:min=4,max=512,count=1000]", "random words, every length in tokens equally likely"),
    (
        "lognormal",
        "[:median=64,sigma=0.8,min=4,max=512,count=1000]",
        "random words, many short texts and a few long ones; `sigma` is that of the logarithm",
    ),
    (
        "duplicates",
        "[:share=0.5,exponent=1,count=1000]",
        "the same, `share` of the texts repeated by Zipf's law; also median, sigma, min, max",
    ),
    ("queries", "[:count=all]", "short search queries in English"),
    ("passages", "[:count=all]", "sentences and paragraphs in English"),
    ("multilingual", "[:languages=de+ja,count=all]", "sentences in 18 languages and 10 scripts"),
    ("code", "[:languages=rust+go,count=all]", "pieces of programs in 23 languages"),
    ("rerank", "[:queries=24,documents=5]", "queries with documents each, for rerank models; short: rerank:24x5"),
    ("file", "=PATH", "a file of yours, in any format that `infa embed` (or `infa rerank`) reads"),
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DATASETS.iter().map(|(name, ..)| *name)
}

/// The datasets: name, keys with their defaults, description.
pub(crate) fn datasets() -> impl Iterator<Item = (&'static str, Vec<(&'static str, &'static str)>, &'static str)> {
    DATASETS.iter().map(|&(name, keys, about)| {
        let keys = keys.strip_prefix("[:").and_then(|keys| keys.strip_suffix(']')).unwrap_or_default();
        (name, keys.split(',').filter_map(|key| key.split_once('=')).collect(), about)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bench::dataset::{DatasetSpec, bundled};

    #[test]
    fn listed_datasets_exist_with_the_named_defaults() {
        for (name, keys, _) in DATASETS {
            let written = format!("{name}{}", keys.replace(['[', ']'], "")).replace("=all", "=7");
            let spec: DatasetSpec = written.parse().unwrap();
            if !keys.contains("all") && *name != "file" {
                assert_eq!(spec, name.parse().unwrap(), "{written}");
            }
        }
    }

    #[test]
    fn numbers_in_the_list_are_true() {
        let listed = |words: &String| DATASETS.iter().any(|(.., about)| about.contains(words.as_str()));
        let languages = |texts: &[bundled::Written]| bundled::languages(texts).len();
        assert!(listed(&format!("in {} languages and", languages(&bundled::multilingual()))));
        assert!(listed(&format!("programs in {} languages", languages(&bundled::code()))));
    }
}
