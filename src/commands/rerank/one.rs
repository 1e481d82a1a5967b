//! One query: all documents are scored, then written in order.

use std::sync::Arc;

use serde_json::Value as Json;

use super::Kept;
use crate::commands::job::{Counted, Input, Job, Writer};
use crate::commands::{Error, Outcome};
use crate::engine::TextError;
use crate::engine::rerank::{Best, Candidates, Reranker, Score};
use crate::engine::stream::Work;
use crate::input::Text;
use crate::output::{Hit, OutputError, RankingWriter};

pub(super) fn run(
    job: Job<'_>,
    input: Input<Text>,
    reranker: Arc<Reranker>,
    query: String,
    top_n: Option<usize>,
    kept: Kept,
    writer: RankingWriter,
) -> Result<Outcome, Error> {
    let work: Work<String, Scored> = Arc::new(move |documents| {
        let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
        let scores = reranker.score(&[Candidates { query: &query, documents: &texts }]).pop();
        match scores {
            Some(Ok(scores)) => {
                let scored = |(score, text): (Result<Score, TextError>, &&str)| {
                    Ok(Scored { score: score?, document: kept.of(text) })
                };
                scores.into_iter().zip(&texts).map(scored).collect()
            }
            Some(Err(e)) => texts.iter().map(|_| Err(e.clone())).collect(),
            None => Vec::new(),
        }
    });
    let prepare = |Text { text, .. }: Text| {
        let bytes = text.len();
        (text, bytes)
    };
    job.run(input, prepare, work, Ordered { best: Best::new(top_n), failed: Vec::new(), writer })
}

/// A document with its score.
struct Scored {
    score: Score,
    document: Option<String>,
}

impl Counted for Scored {
    fn tokens(&self) -> Option<usize> {
        self.score.tokens
    }

    fn truncated(&self) -> Option<usize> {
        self.score.truncated.map(usize::from)
    }
}

/// Puts documents in order, and writes them at the end; those that failed come last.
struct Ordered {
    best: Best<Hit>,
    failed: Vec<Hit>,
    writer: RankingWriter,
}

impl Writer<Scored> for Ordered {
    fn write(&mut self, index: u64, id: Option<Json>, result: Result<Scored, String>) -> Result<(), OutputError> {
        match result {
            Ok(Scored { score, document }) => {
                self.best.push(score, Hit { index, id, outcome: Ok(score.score), document });
            }
            Err(message) => self.failed.push(Hit { index, id, outcome: Err(message), document: None }),
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        // Before all documents are scored, none has its place.
        Ok(())
    }

    fn finish(mut self) -> Result<(), OutputError> {
        for (_, hit) in self.best.into_sorted() {
            self.writer.hit(&hit)?;
        }
        for hit in &self.failed {
            self.writer.hit(hit)?;
        }
        self.writer.finish()
    }
}
