//! Reads a folder in the layout of BEIR.

use super::error::BeirError;
use super::qrels;
use super::texts;
use crate::input::InputError;
use crate::input::error::Names;
use crate::input::files::source::Source;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Queries, the documents to search, and which of them are relevant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetrievalSet {
    /// The folder as the user named it.
    pub name: String,
    /// The file of judgements.
    pub qrels: String,
    /// Id and text of each query that is judged, in the order of `queries.jsonl`; at least one.
    pub queries: Vec<(String, String)>,
    /// Id and text of each document, in the order of `corpus.jsonl`; at least one. A text may be empty.
    pub documents: Vec<(String, String)>,
    /// For each query, at the same place: ids of the judged documents, in the order of the file, with their relevance. Those
    /// of documents that are not in the corpus are among them.
    pub judgements: Vec<Vec<(String, u32)>>,
    /// Queries without a judgement, which were left out.
    pub unjudged_queries: usize,
    /// Queries none of whose judged documents is relevant.
    pub queries_without_relevant: usize,
    /// Judgements of queries that are not in `queries.jsonl`, which were left out.
    pub unknown_queries: usize,
    /// Judgements, among those that are there, of documents that are not in `corpus.jsonl`.
    pub unknown_documents: usize,
}

impl RetrievalSet {
    /// Remarks for readers of its figures.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Self { qrels, queries_without_relevant, unknown_queries, unknown_documents, .. } = self;
        let mut warnings = Vec::new();
        if *unknown_documents > 0 {
            warnings.push(format!(
                "{qrels}: {unknown_documents} judgements are of documents that are not in corpus.jsonl; those of relevant \
                 ones lower nDCG and recall, as in BEIR"
            ));
        }
        if *unknown_queries > 0 {
            warnings.push(format!(
                "{qrels}: {unknown_queries} judgements are of queries that are not in queries.jsonl, and are left out"
            ));
        }
        if *queries_without_relevant > 0 {
            warnings.push(format!(
                "{qrels}: {queries_without_relevant} queries have no relevant document; each counts as 0, as in BEIR"
            ));
        }
        warnings
    }
}

/// Reads the folder `dir`. `qrels`: the file of judgements; without it `qrels/test.tsv`, or the only `.tsv` in `qrels/`.
///
/// # Errors
/// A file is missing, cannot be read or is damaged, an id stands twice, one document has two judgements that differ, or no
/// query is judged. Lines are at most [`MAX_RECORD_BYTES`](super::MAX_RECORD_BYTES) long.
pub(crate) fn read_beir(dir: &Path, qrels: Option<&Path>) -> Result<RetrievalSet, BeirError> {
    if !dir.is_dir() {
        // A better error: the folder is missing or unreadable.
        Source::check(dir)?;
        return Err(BeirError::NotAFolder { path: dir.to_path_buf() });
    }
    // All files are looked for before any is read.
    let corpus = part(dir, "corpus.jsonl")?;
    let queries = part(dir, "queries.jsonl")?;
    let qrels = match qrels {
        Some(path) => Source::check(path)?,
        None => Source::check(&judgements_in(dir)?)?,
    };
    let mut judged = qrels::read(&qrels)?;
    let all = texts::read(&queries, texts::query)?;
    let (mut kept, mut judgements, mut unjudged_queries) = (Vec::new(), Vec::new(), 0);
    for query in all {
        match judged.remove(&query.0) {
            Some(documents) => {
                kept.push(query);
                judgements.push(documents);
            }
            None => unjudged_queries += 1,
        }
    }
    if kept.is_empty() {
        return Err(BeirError::Unjudged { queries: queries.name, qrels: qrels.name });
    }
    let documents = texts::read(&corpus, texts::document)?;
    let known: HashSet<&str> = documents.iter().map(|(id, _)| id.as_str()).collect();
    let unknown =
        judgements.iter().flatten().filter(|(document, _): &&(String, u32)| !known.contains(document.as_str()));
    let relevant = |judged: &Vec<(String, u32)>| judged.iter().any(|(_, relevance)| *relevance > 0);
    Ok(RetrievalSet {
        name: dir.display().to_string(),
        qrels: qrels.name.to_string(),
        unjudged_queries,
        queries_without_relevant: judgements.iter().filter(|judged| !relevant(judged)).count(),
        unknown_queries: judged.values().map(Vec::len).sum(),
        unknown_documents: unknown.count(),
        queries: kept,
        documents,
        judgements,
    })
}

/// One of the files every folder has.
fn part(dir: &Path, file: &'static str) -> Result<Source, BeirError> {
    Source::check(&dir.join(file)).map_err(|error| match error {
        InputError::Missing { .. } => {
            let packed = ["gz", "zst", "zip"].iter().any(|extension| dir.join(format!("{file}.{extension}")).exists());
            BeirError::Part { dir: dir.to_path_buf(), file, packed }
        }
        error => error.into(),
    })
}

fn judgements_in(dir: &Path) -> Result<PathBuf, BeirError> {
    let folder = dir.join("qrels");
    let test = folder.join("test.tsv");
    if test.exists() {
        return Ok(test);
    }
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|name| name == "tsv")).collect();
    files.sort_unstable();
    match &files[..] {
        [] => Err(BeirError::Part { dir: dir.to_path_buf(), file: "qrels/test.tsv", packed: false }),
        [only] => Ok(only.clone()),
        several => {
            let mut present = Names::default();
            several.iter().filter_map(|path| path.file_name()).for_each(|name| present.push(&name.to_string_lossy()));
            Err(BeirError::SeveralQrels { folder, present })
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
