//! One query: all documents are scored, then written in order.

use std::sync::Arc;

use crate::kept::KeptValue;
use crate::record_id::RecordId;

use super::kept::Kept;
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::batch_run::{BatchInput, BatchRun, Counted, Writer, results};
use crate::commands::{Error, Outcome};
use crate::engine::RequestOptions;
use crate::engine::rerank::{Best, Pairs, Reranker, Score, ScoreError};
use crate::engine::stream::Work;
use crate::input::Text;
use crate::output::{Hit, OutputError, RankingWriter};

pub(super) fn run(
    run: BatchRun<'_>,
    input: BatchInput<Text>,
    (runtime, reranker): (Arc<EngineRuntime>, Reranker),
    query: String,
    top_n: Option<usize>,
    kept: Kept,
    writer: RankingWriter,
) -> Result<Outcome, Error> {
    let work: Work<String, Scored> = Arc::new(move |documents: Vec<String>| {
        let shown: Vec<Option<String>> = documents.iter().map(|text| kept.of(text)).collect();
        let count = documents.len();
        let pairs = Pairs::of_one(query.clone(), documents);
        let reranked = runtime.wait(reranker.score(pairs, &RequestOptions::default(), false));
        results(count, reranked, |reranked| {
            let scored = |(score, document): (Result<Score, ScoreError>, _)| Ok(Scored { score: score?, document });
            reranked.scores.into_iter().zip(shown).map(scored).collect()
        })
    });
    let prepare = |Text { text, .. }: Text| {
        let bytes = text.len();
        (text, bytes)
    };
    run.run(input, prepare, work, Ordered { best: Best::new(top_n), failed: Vec::new(), writer })
}

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
    fn write(
        &mut self,
        index: u64,
        id: Option<RecordId>,
        _: &[KeptValue],
        result: Result<Scored, String>,
    ) -> Result<(), OutputError> {
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
