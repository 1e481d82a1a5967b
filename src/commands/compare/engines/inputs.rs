//! The inputs of a comparison of engines, and the judged data that comes with them.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::plan::Plan;
use crate::bench::target::Request;
use crate::commands::engine_set::TokenCounter;
use crate::commands::{AppContext, Error};
use crate::compare::engines::{EnginesTask, Inputs, Query, Text};
use crate::input;
use crate::input::{RetrievalSet, ScoredPairs};

pub(super) struct EngineInputs {
    pub inputs: Inputs,
    pub truth: Truth,
    /// The names of the files in reports.
    pub files: Vec<String>,
    pub warnings: Vec<String>,
}

/// The judged data of the inputs.
pub(super) enum Truth {
    Unknown,
    /// Similarity scores by people: the score of each pair, and the positions of its texts.
    Pairs {
        gold: Vec<f64>,
        pairs: Vec<(usize, usize)>,
    },
    /// Relevant documents by query.
    Judgements {
        /// Places of the queries, and of the documents.
        queries: Range<usize>,
        documents: Range<usize>,
        query_ids: Vec<String>,
        document_ids: Vec<String>,
        /// Ids of judged documents of each query, with their relevance.
        judgements: Vec<Vec<(String, u32)>>,
    },
}

/// Roles of retrieval, by their place.
const QUERY: usize = 0;
const DOCUMENT: usize = 1;

impl EngineInputs {
    pub(crate) fn read(plan: &Plan, app: &AppContext) -> Result<Self, Error> {
        let task = match plan.task {
            EnginesTask::Embed => texts(plan, app)?,
            EnginesTask::Rerank => queries(plan, app)?,
            EnginesTask::Sts => {
                let path = plan.files.first().map_or(Path::new("-"), PathBuf::as_path);
                pairs(input::read_pairs(path, &plan.pairs)?)
            }
            EnginesTask::Retrieval => {
                let Some(dir) = plan.files.first() else { return Err(Error::Nothing("no directory to read")) };
                retrieval(input::read_beir(dir, plan.qrels.as_deref())?)
            }
        };
        if task.inputs.is_empty() {
            let (files, why) = (task.files.join(", "), task.warnings.join("; "));
            let what = if matches!(task.inputs, Inputs::Queries(_)) { "query with documents" } else { "text" };
            let why = if why.is_empty() { why } else { format!(": {why}") };
            let hint = "a file has one text a line, or is JSON lines, CSV or TSV".to_owned();
            return Err(Error::Usage { message: format!("{files}: there is no {what}{why}"), hint });
        }
        Ok(task)
    }

    /// The number of tokens of each input (of queries with all their documents) without truncation, and of all inputs
    /// with truncation.
    pub(crate) fn tokens(&self, counter: &TokenCounter<'_>, app: &AppContext) -> Result<Tokens, Error> {
        let mut tokens = Tokens { of_inputs: Vec::with_capacity(self.inputs.len()), lengths: Vec::new(), seen: 0 };
        let mut count = |request: &Request| {
            if app.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let lengths = counter.request("FILE", request)?;
            tokens.of_inputs.push(lengths.iter().sum());
            tokens.seen += lengths.iter().map(|&length| length.min(counter.max_length) as u64).sum::<u64>();
            tokens.lengths.extend(lengths);
            Ok(())
        };
        match &self.inputs {
            Inputs::Texts(texts) => {
                texts.iter().try_for_each(|text| count(&Request::Texts(vec![text.text.clone()])))?
            }
            Inputs::Queries(queries) => queries.iter().try_for_each(|Query { query, documents, .. }| {
                count(&Request::Rerank { query: query.clone(), documents: documents.clone() })
            })?,
        }
        Ok(tokens)
    }
}

pub(super) struct Tokens {
    /// Tokens of each input, or of each query.
    pub of_inputs: Vec<usize>,
    /// The length of each text that the model sees.
    pub lengths: Vec<usize>,
    /// Tokens of all of them, truncated ones excluded.
    pub seen: u64,
}

/// The names of files in messages and reports.
fn named(files: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| if path == Path::new("-") { "stdin".into() } else { path.display().to_string() };
    if files.is_empty() { vec!["stdin".to_owned()] } else { files.iter().map(name).collect() }
}

/// A note on skipped records, if any.
fn left_out(skipped: usize, first: Option<String>, one: &str, many: &str) -> Vec<String> {
    let Some(first) = first.filter(|_| skipped > 0) else { return Vec::new() };
    vec![match skipped {
        1 => format!("one {one} cannot be used and is left out: {first}"),
        _ => format!("{skipped} {many} cannot be used and are left out; the first: {first}"),
    }]
}

fn texts(plan: &Plan, app: &AppContext) -> Result<EngineInputs, Error> {
    let (mut texts, mut skipped, mut first) = (Vec::new(), 0, None);
    for record in input::open(&plan.files, &plan.options)? {
        if app.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let record = record?;
        let reason = match record.content {
            // Servers refuse them.
            Ok(text) if text.text.trim().is_empty() => format!("{}: the text is empty", record.origin),
            Ok(text) => {
                texts.push(Text { text: text.text, id: record.id.map(|id| id.text().to_owned()), role: 0 });
                continue;
            }
            Err(error) => error.to_string(),
        };
        skipped += 1;
        first.get_or_insert(reason);
    }
    let warnings = left_out(skipped, first, "text", "texts");
    Ok(EngineInputs { inputs: Inputs::Texts(texts), truth: Truth::Unknown, files: named(&plan.files), warnings })
}

fn queries(plan: &Plan, app: &AppContext) -> Result<EngineInputs, Error> {
    let (mut queries, mut skipped, mut first) = (Vec::new(), 0, None);
    for record in input::open_queries(&plan.files, &plan.options)? {
        if app.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let record = record?;
        match record.content {
            Ok(input::Query { query, documents, .. }) => {
                let documents = documents.into_iter().map(|document| document.text).collect();
                queries.push(Query { query, id: record.id.map(|id| id.text().to_owned()), documents });
            }
            Err(error) => {
                skipped += 1;
                first.get_or_insert(error.to_string());
            }
        }
    }
    let warnings = left_out(skipped, first, "query", "queries");
    Ok(EngineInputs { inputs: Inputs::Queries(queries), truth: Truth::Unknown, files: named(&plan.files), warnings })
}

/// Each text once, however many pairs it is in.
fn pairs(read: ScoredPairs) -> EngineInputs {
    let (mut texts, mut places) = (Vec::new(), HashMap::new());
    let mut place = |text: String| {
        *places.entry(text).or_insert_with_key(|text| {
            texts.push(Text { text: text.clone(), id: None, role: 0 });
            texts.len() - 1
        })
    };
    let (mut gold, mut pairs) = (Vec::with_capacity(read.pairs.len()), Vec::with_capacity(read.pairs.len()));
    for pair in read.pairs {
        pairs.push((place(pair.first), place(pair.second)));
        gold.push(pair.score);
    }
    let warnings = left_out(read.skipped.count, read.skipped.first.first().map(ToString::to_string), "pair", "pairs");
    let name = match &read.split {
        Some(split) if read.other_splits > 0 => format!("{}, split {split}", read.name),
        _ => read.name.to_string(),
    };
    let truth = Truth::Pairs { gold, pairs };
    EngineInputs { inputs: Inputs::Texts(texts), truth, files: vec![name], warnings }
}

/// The queries, then the documents.
fn retrieval(set: RetrievalSet) -> EngineInputs {
    let warnings = set.warnings();
    let RetrievalSet { name, queries, documents, judgements, .. } = set;
    let (first, last) = (queries.len(), queries.len() + documents.len());
    let ids = |texts: &[(String, String)]| texts.iter().map(|(id, _)| id.clone()).collect();
    let (query_ids, document_ids) = (ids(&queries), ids(&documents));
    let text = |role| move |(id, text): (String, String)| Text { text, id: Some(id), role };
    let texts = queries.into_iter().map(text(QUERY)).chain(documents.into_iter().map(text(DOCUMENT))).collect();
    let truth = Truth::Judgements { queries: 0..first, documents: first..last, query_ids, document_ids, judgements };
    EngineInputs { inputs: Inputs::Texts(texts), truth, files: vec![name], warnings }
}
