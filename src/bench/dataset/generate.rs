//! From a recipe and a seed to texts.

use super::bundled;
use super::spec::{Lengths, PAYLOAD_WORDS, Recipe};
use super::texts::{Dataset, QuerySet};
use super::writer::Writer;
use crate::stats::random::{Random, hash};

impl Recipe {
    /// Generates the texts; the same recipe, seed and tokenizer generate the same ones.
    ///
    /// `count` returns the number of tokens of a text, specials included; recipes that count tokens
    /// ([`Recipe::counts_tokens`]) call it. Its first error ends the work, and may be an interruption.
    pub fn generate<E>(&self, seed: u64, count: impl FnMut(&str) -> Result<usize, E>) -> Result<Dataset, E> {
        let texts = match self {
            Self::Words { length, count } => of_words(*length, *count, seed),
            Self::Payload { count } => {
                let mut texts = of_words(PAYLOAD_WORDS, *count, seed);
                if let Some(second) = texts.get_mut(1) {
                    *second = "1".to_owned();
                }
                texts
            }
            Self::Fixed { tokens, count: texts } => of_tokens(*texts, seed, count, |_| *tokens)?,
            Self::Uniform { min, max, count: texts } => {
                of_tokens(*texts, seed, count, |random| min + random.below(max.saturating_sub(*min) + 1))?
            }
            Self::Lognormal { lengths, count: texts } => of_tokens(*texts, seed, count, |random| lengths.draw(random))?,
            Self::Duplicates { share, exponent, lengths, count: texts } => {
                let repeated = ((*texts as f64 * share).round() as usize).min(texts.saturating_sub(1));
                let distinct = of_tokens(texts - repeated, seed, count, |random| lengths.draw(random))?;
                repeat(distinct, repeated, *exponent, seed)
            }
            Self::Queries { count } => own(draw(&bundled::queries(), *count, seed)),
            Self::Passages { count } => own(draw(&bundled::passages(), *count, seed)),
            Self::Multilingual { languages, count } => in_languages(bundled::multilingual(), languages, *count, seed),
            Self::Code { languages, count } => in_languages(bundled::code(), languages, *count, seed),
            Self::Rerank { queries, documents } => return Ok(Dataset::Queries(rerank(*queries, *documents, seed))),
        };
        Ok(Dataset::Texts(texts))
    }
}

impl Lengths {
    fn draw(&self, random: &mut Random) -> usize {
        // The cast saturates.
        let length = libm::exp(libm::log(self.median as f64) + self.sigma * random.normal()).round() as usize;
        length.min(self.max).max(self.min)
    }
}

fn of_words(length: usize, count: usize, seed: u64) -> Vec<String> {
    let words = bundled::words();
    let text = |i| {
        let mut random = Random::of(seed, i);
        (0..length).map(|_| words[random.below(words.len())]).collect::<Vec<_>>().join(" ")
    };
    (0..count).map(text).collect()
}

fn of_tokens<E>(
    texts: usize,
    seed: u64,
    count: impl FnMut(&str) -> Result<usize, E>,
    mut length: impl FnMut(&mut Random) -> usize,
) -> Result<Vec<String>, E> {
    let mut writer = Writer::new(bundled::words(), count)?;
    let text = |i| {
        let mut random = Random::of(seed, i);
        let tokens = length(&mut random);
        writer.text(tokens, &mut random)
    };
    (0..texts).map(text).collect()
}

/// Every text once, and `repeated` more by Zipf's law, in random order.
fn repeat(texts: Vec<String>, repeated: usize, exponent: f64, seed: u64) -> Vec<String> {
    // A stream that no text uses.
    let mut random = Random::of(hash(seed, u64::MAX), 0);
    let mut sum = 0.0;
    let weight = |rank: usize| libm::pow(rank as f64, -exponent);
    let sums: Vec<f64> = (1..=texts.len()).map(|rank| (sum += weight(rank), sum).1).collect();
    let mut draw = || {
        let at = random.unit() * sum;
        sums.partition_point(|&below| below <= at).min(texts.len() - 1)
    };
    let mut chosen: Vec<usize> = (0..repeated).map(|_| draw()).chain(0..texts.len()).collect();
    random.shuffle(&mut chosen);
    chosen.into_iter().map(|text| texts[text].clone()).collect()
}

/// All items in random order, then again in another order, until there are `count`.
fn draw<T: Clone>(all: &[T], count: usize, seed: u64) -> Vec<T> {
    let mut drawn = Vec::with_capacity(count);
    for round in 0..count.div_ceil(all.len().max(1)) {
        let mut items = all.to_vec();
        Random::of(seed, round).shuffle(&mut items);
        items.truncate(count - drawn.len());
        drawn.append(&mut items);
    }
    drawn
}

fn own(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn in_languages(texts: Vec<bundled::Written>, languages: &[String], count: usize, seed: u64) -> Vec<String> {
    let chosen = texts.into_iter().filter(|text| languages.is_empty() || languages.contains(&text.language));
    draw(&chosen.map(|written| written.text).collect::<Vec<_>>(), count, seed)
}

/// To each query its own documents, then those of other queries and passages as far as there is room, in random order.
fn rerank(queries: usize, documents: usize, seed: u64) -> Vec<QuerySet> {
    let all = bundled::rerank();
    let others: Vec<&str> = all.iter().flat_map(|judged| judged.documents.iter().map(|d| d.text.as_str())).collect();
    let others: Vec<&str> = others.into_iter().chain(bundled::passages()).collect();
    let chosen = draw(&(0..all.len()).collect::<Vec<_>>(), queries, seed);
    let set = |(i, query): (usize, usize)| {
        let judged = &all[query];
        let seed = hash(seed, i as u64);
        let mut texts: Vec<&str> = judged.documents.iter().map(|document| document.text.as_str()).collect();
        let others: Vec<&str> = others.iter().filter(|text| !texts.contains(text)).copied().collect();
        texts.truncate(documents);
        texts.extend(draw(&others, documents - texts.len(), seed));
        Random::new(seed).shuffle(&mut texts);
        QuerySet { query: judged.query.clone(), documents: own(texts) }
    };
    chosen.into_iter().enumerate().map(set).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::bench::dataset::DatasetSpec;

    /// Two special tokens, and a token for every four letters.
    fn count(text: &str) -> Result<usize, Infallible> {
        Ok(2 + text.split(' ').map(|word| word.len().div_ceil(4)).sum::<usize>())
    }

    fn made(spec: &str, seed: u64) -> Dataset {
        match spec.parse().unwrap() {
            DatasetSpec::Made(recipe) => recipe.generate(seed, count).unwrap(),
            DatasetSpec::File(_) => panic!("{spec}"),
        }
    }

    fn texts(spec: &str) -> Vec<String> {
        match made(spec, 7) {
            Dataset::Texts(texts) => texts,
            Dataset::Queries(_) => panic!("{spec}"),
        }
    }

    fn sets(spec: &str) -> Vec<QuerySet> {
        match made(spec, 7) {
            Dataset::Texts(_) => panic!("{spec}"),
            Dataset::Queries(sets) => sets,
        }
    }

    fn lengths(spec: &str) -> Vec<usize> {
        let mut lengths: Vec<usize> = texts(spec).iter().map(|text| count(text).unwrap()).collect();
        lengths.sort_unstable();
        lengths
    }

    /// Published figures were measured with these texts: a change of them needs a note in the CHANGELOG.
    #[test]
    fn texts_are_the_same_for_ever() {
        for (spec, sum) in [
            ("words:20x30", "9fbf63da"),
            ("payload", "936d87b8"),
            ("fixed:50x20", "158c2cff"),
            ("uniform:30", "ed18d5e5"),
            ("lognormal:200", "b1ea5191"),
            ("duplicates:100", "ea86a574"),
            ("queries:300", "1a2a244d"),
            ("passages:10", "ac1398da"),
            ("multilingual:50", "702ce016"),
            ("code:10", "4374e406"),
            ("rerank:30x9", "740aa50e"),
        ] {
            let whole = match made(spec, 7) {
                Dataset::Texts(texts) => texts.join("\0"),
                Dataset::Queries(sets) => {
                    sets.iter().map(|set| format!("{}\0{}\0", set.query, set.documents.join("\0"))).collect()
                }
            };
            let digest = Sha256::digest(whole);
            let found: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, sum, "{spec}");
        }
    }

    #[test]
    fn another_seed_makes_other_texts() {
        for spec in ["words:9x9", "fixed:9x9", "uniform:9", "duplicates:9", "queries", "code", "rerank"] {
            assert_ne!(made(spec, 1), made(spec, 2), "{spec}");
        }
    }

    #[test]
    fn fewer_texts_are_the_beginning_of_more() {
        for name in ["words:count", "payload:count", "fixed:count", "uniform:count", "lognormal:count", "queries:count"]
        {
            assert_eq!(texts(&format!("{name}=10")), texts(&format!("{name}=40"))[..10], "{name}");
        }
    }

    #[test]
    fn the_payload_has_one_short_text() {
        let texts = texts("payload");
        assert_eq!((texts.len(), texts[1].as_str()), (255, "1"));
        assert_eq!(texts.iter().filter(|text| text.split(' ').count() == 384).count(), 254);
        assert_eq!(made("payload:1", 7).len(), 1);
    }

    #[test]
    fn lengths_are_those_of_the_recipe() {
        assert_eq!(lengths("fixed:50x20"), [50; 20]);
        let uniform = lengths("uniform:min=10,max=29,count=2000");
        assert_eq!((uniform[0], uniform[1999]), (10, 29));
        let of_each = uniform.chunk_by(|a, b| a == b).map(<[usize]>::len);
        assert!(of_each.clone().count() == 20 && of_each.clone().all(|n| (60..140).contains(&n)));
        let lognormal = lengths("lognormal:median=64,sigma=0.8,min=10,max=512,count=2000");
        assert!((lognormal[0], lognormal[1999]) == (10, 512), "{} {}", lognormal[0], lognormal[1999]);
        // The quantiles of the distribution: 64 * exp(0.8 z), z = 0 and ±1.28155.
        for (quantile, expected) in [(0.1, 22.96), (0.5, 64.0), (0.9, 178.4)] {
            let found = lognormal[(2000.0 * quantile) as usize] as f64;
            assert!((found / expected - 1.0).abs() < 0.1, "{quantile}: {found}");
        }
        assert_eq!(lengths("lognormal:sigma=0,count=5"), [64; 5]);
        assert_eq!(lengths("uniform:min=8,max=8,count=3"), [8; 3]);
    }

    #[test]
    fn the_share_of_repeated_texts_is_that_of_the_recipe() {
        for (spec, distinct) in [
            ("duplicates:1000,share=0.75", 250),
            ("duplicates:1000,share=0", 1000),
            ("duplicates:10,share=0.9999", 1),
            ("duplicates:1", 1),
        ] {
            assert_eq!(made(spec, 7).distinct(), distinct, "{spec}");
        }
        let most = |spec: &str| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            texts(spec).into_iter().for_each(|text| *counts.entry(text).or_default() += 1);
            counts.into_values().max().unwrap()
        };
        // The first of 500 has 1 / H(500) = 1 / 6.793 of 500 repetitions by Zipf's law, which is 74.
        assert!((55..95).contains(&most("duplicates:1000,share=0.5")), "{}", most("duplicates:1000,share=0.5"));
        assert!(most("duplicates:1000,share=0.5,exponent=0") < 10);
    }

    #[test]
    fn recipes_that_no_spec_says_do_no_harm() {
        let lengths = Lengths { median: 0, sigma: f64::NAN, min: 9, max: 8 };
        for recipe in [
            Recipe::Words { length: 0, count: 0 },
            Recipe::Payload { count: 0 },
            Recipe::Fixed { tokens: 0, count: 1 },
            Recipe::Uniform { min: 9, max: 8, count: 1 },
            Recipe::Lognormal { lengths, count: 1 },
            Recipe::Duplicates { share: 2.0, exponent: f64::NAN, lengths, count: 3 },
            Recipe::Duplicates { share: f64::NAN, exponent: -1.0, lengths, count: 0 },
            Recipe::Code { languages: vec!["klingon".into()], count: 3 },
            Recipe::Rerank { queries: 1, documents: 0 },
        ] {
            assert!(recipe.generate(1, count).unwrap().len() <= 3, "{recipe}");
        }
    }

    #[test]
    fn more_than_there_are_come_again() {
        let all = texts("queries");
        let twice = texts("queries:488");
        assert_eq!((all.len(), made("queries:488", 7).distinct()), (244, 244));
        assert_eq!(twice[..244], all);
        assert_ne!(twice[244..], all);
        assert_eq!(made("code:languages=rust+go", 7).len(), 7);
        assert!(texts("code:languages=sql").iter().all(|text| text.contains("SELECT") || text.contains("TABLE")));
    }

    #[test]
    fn the_number_of_documents_is_that_of_the_recipe() {
        let own = bundled::rerank();
        for set in sets("rerank:30x9") {
            let judged = own.iter().find(|judged| judged.query == set.query).unwrap();
            assert_eq!(set.documents.len(), 9);
            assert!(judged.documents.iter().all(|document| set.documents.contains(&document.text)));
        }
        let few = sets("rerank:3x2");
        assert_eq!(few.iter().map(|set| set.documents.len()).collect::<Vec<_>>(), [2; 3]);
        let many = Dataset::Queries(sets("rerank:1x250"));
        assert_eq!((many.len(), many.distinct()), (250, 250));
        assert_eq!(made("rerank:2x1000", 7).len(), 2000);
    }
}
