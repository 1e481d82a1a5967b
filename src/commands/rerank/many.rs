//! Many queries, each with its documents: one after the other, in bounded memory.

use std::sync::Arc;

use crate::kept::KeptValue;
use crate::record_id::RecordId;

use super::kept::Kept;
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::batch_run::{BatchInput, BatchRun, Counted, Writer, results};
use crate::commands::{Error, Outcome};
use crate::engine::rerank::{Best, Pairs, Reranker, Score, ScoreError};
use crate::engine::stream::Work;
use crate::engine::{RequestOptions, TextError, TextErrorKind};
use crate::input::Query;
use crate::output::{Hit, OutputError, Ranking, RankingWriter};

pub(super) fn run(
    run: BatchRun<'_>,
    input: BatchInput<Query>,
    (runtime, reranker): (Arc<EngineRuntime>, Reranker),
    top_n: Option<usize>,
    kept: Kept,
    writer: RankingWriter,
) -> Result<Outcome, Error> {
    let work: Work<Query, Ranked> = Arc::new(move |queries: Vec<Query>| {
        let mut pairs = Pairs::default();
        for (number, Query { query, documents, .. }) in queries.iter().enumerate() {
            pairs.queries.push(query.clone());
            pairs.documents.extend(documents.iter().map(|document| (number, document.text.clone())));
        }
        let reranked = runtime.wait(reranker.score(pairs, &RequestOptions::default(), false));
        results(queries.len(), reranked, |reranked| {
            let mut scores = reranked.scores.into_iter();
            let ranked = |query: &Query| {
                let own = scores.by_ref().take(query.documents.len()).collect();
                ranked(query, own, query.top_n.or(top_n), kept)
            };
            queries.iter().map(ranked).collect()
        })
    });
    let prepare = |query: Query| {
        // Every document is read together with the query.
        let bytes = query.documents.iter().map(|document| document.text.len() + query.query.len()).sum();
        (query, bytes)
    };
    run.run(input, prepare, work, Rankings(writer))
}

/// The documents of a query, in order.
struct Ranked {
    query: String,
    /// Best first, then those that failed.
    hits: Vec<Hit>,
    documents: usize,
    /// Tokens of all scored documents, where they are known of each.
    tokens: Option<usize>,
    truncated: Option<usize>,
}

fn ranked(
    query: &Query,
    scores: Vec<Result<Score, ScoreError>>,
    top_n: Option<usize>,
    kept: Kept,
) -> Result<Ranked, TextError> {
    let (mut best, mut failed) = (Best::new(top_n), Vec::new());
    let (mut tokens, mut truncated) = (Some(0), Some(0));
    for (i, (score, document)) in scores.into_iter().zip(&query.documents).enumerate() {
        match score {
            Ok(score) => {
                tokens = tokens.zip(score.tokens).map(|(sum, n)| sum + n);
                truncated = truncated.zip(score.truncated).map(|(sum, cut)| sum + usize::from(cut));
                best.push(score, i);
            }
            Err(query @ ScoreError::Query(_)) => return Err(query.into()),
            Err(ScoreError::Document(e)) if e.kind() == TextErrorKind::Ended => return Err(e),
            Err(e) => {
                let outcome = Err(format!("document {i}: {e}"));
                failed.push(Hit { index: i as u64, id: document.id.clone(), outcome, document: None });
            }
        }
    }
    let hit = |(score, i): (Score, usize)| {
        let document = query.documents.get(i)?;
        let (id, text) = (document.id.clone(), kept.of(&document.text));
        Some(Hit { index: i as u64, id, outcome: Ok(score.score), document: text })
    };
    let hits = best.into_sorted().into_iter().filter_map(hit).chain(failed).collect();
    let documents = query.documents.len();
    Ok(Ranked { query: query.query.clone(), hits, documents, tokens, truncated })
}

impl Counted for Ranked {
    fn tokens(&self) -> Option<usize> {
        self.tokens
    }

    fn truncated(&self) -> Option<usize> {
        self.truncated
    }

    fn documents(&self) -> usize {
        self.documents
    }

    fn failures(&self) -> Vec<String> {
        self.hits.iter().filter_map(|hit| hit.outcome.as_ref().err().cloned()).collect()
    }
}

/// Writes the documents of each query.
struct Rankings(RankingWriter);

impl Writer<Ranked> for Rankings {
    fn write(
        &mut self,
        index: u64,
        id: Option<RecordId>,
        _: &[KeptValue],
        result: Result<Ranked, String>,
    ) -> Result<(), OutputError> {
        let (query, outcome) = match &result {
            Ok(ranked) => (ranked.query.as_str(), Ok(ranked.hits.as_slice())),
            Err(message) => ("", Err(message.as_str())),
        };
        self.0.ranking(&Ranking { index, id: id.as_ref(), query, outcome })
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.0.flush()
    }

    fn finish(self) -> Result<(), OutputError> {
        self.0.finish()
    }
}
