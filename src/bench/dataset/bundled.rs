//! The bundled texts; `datasets/README.md` describes their origin.

use serde::Deserialize;

const WORDS: &str = include_str!("../../../datasets/words.txt");
const QUERIES: &str = include_str!("../../../datasets/queries.txt");
const PASSAGES: &str = include_str!("../../../datasets/passages.txt");
const MULTILINGUAL: &str = include_str!("../../../datasets/multilingual.jsonl");
const CODE: &str = include_str!("../../../datasets/code.jsonl");
const RERANK: &str = include_str!("../../../datasets/rerank.jsonl");

#[derive(Debug, Deserialize)]
pub(super) struct Written {
    /// A code of ISO 639-1, or the name of a programming language.
    pub language: String,
    pub text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Judged {
    pub query: String,
    pub documents: Vec<Document>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub text: String,
    /// True if it answers the query.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file; a test uses it"))]
    pub relevant: bool,
}

/// English words, without duplicates.
pub(super) fn words() -> Vec<&'static str> {
    WORDS.lines().collect()
}

/// Queries as people type them into a search box.
pub(super) fn queries() -> Vec<&'static str> {
    QUERIES.lines().collect()
}

pub(super) fn passages() -> Vec<&'static str> {
    PASSAGES.lines().collect()
}

/// The same sentences in many languages.
pub(super) fn multilingual() -> Vec<Written> {
    rows(MULTILINGUAL)
}

/// Pieces of programs.
pub(super) fn code() -> Vec<Written> {
    rows(CODE)
}

/// Queries with documents, at least one of which answers and at least one does not.
pub(super) fn rerank() -> Vec<Judged> {
    rows(RERANK)
}

/// The languages of texts, in the order of the file.
pub(super) fn languages(texts: &[Written]) -> Vec<&str> {
    let mut languages: Vec<&str> = texts.iter().map(|written| written.language.as_str()).collect();
    languages.dedup();
    languages
}

/// A test parses every line, so that no line is skipped here.
fn rows<T: for<'a> Deserialize<'a>>(lines: &'static str) -> Vec<T> {
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, HashSet};
    use std::path::Path;

    use super::*;
    use crate::bench::dataset::spec::MAX_TEXTS;

    #[test]
    fn every_line_is_read_and_none_comes_twice() {
        for (file, read) in [
            (WORDS, words().len()),
            (QUERIES, queries().len()),
            (PASSAGES, passages().len()),
            (MULTILINGUAL, multilingual().len()),
            (CODE, code().len()),
            (RERANK, rerank().len()),
        ] {
            let lines: HashSet<&str> = file.lines().collect();
            assert_eq!((lines.len(), file.lines().count()), (read, read), "{:.40}", file);
            assert!(file.lines().all(|line| !line.is_empty() && line == line.trim()) && file.ends_with('\n'));
            assert!(read < MAX_TEXTS);
        }
    }

    #[test]
    fn there_is_enough_of_each() {
        assert!(words().len() > 4000 && queries().len() > 200 && passages().len() > 150);
        assert!(words().iter().all(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase())));
        let mut by_language: BTreeMap<String, usize> = BTreeMap::new();
        multilingual().into_iter().for_each(|written| *by_language.entry(written.language).or_default() += 1);
        assert!(by_language.len() >= 18 && by_language.values().all(|&count| count == 24), "{by_language:?}");
        assert!(languages(&code()).len() >= 20);
        assert_eq!(languages(&multilingual())[..3], ["de", "fr", "es"]);
        for judged in rerank() {
            let relevant = judged.documents.iter().filter(|document| document.relevant).count();
            assert!(relevant > 0 && relevant < judged.documents.len(), "{}", judged.query);
        }
    }

    #[test]
    fn they_are_small() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
        let sizes = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
        assert!(sizes.sum::<u64>() < 300_000);
    }
}
