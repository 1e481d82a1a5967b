//! Search in texts: they are embedded and compared window by window.

use std::sync::Arc;

use super::results::{Found, Tops};
use super::scorer::Scorer;
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::batch_run::{BatchInput, BatchRun, Counted, Writer, results};
use crate::commands::rerank::Kept;
use crate::commands::{Error, Outcome};
use crate::engine::stream::Work;
use crate::engine::{Completed, Embedding, Engine, Input, OutputKind, Request, RequestOptions, Role, TextError};
use crate::fetch::Cancel;
use crate::input::Text;
use crate::kept::KeptValue;
use crate::output::OutputError;
use crate::record_id::RecordId;

/// Adds the nearest texts of `input` to `tops`; returns the number of texts that could be embedded, too.
pub(super) fn search(
    run: BatchRun<'_>,
    input: BatchInput<Text>,
    (runtime, engine): (Arc<EngineRuntime>, Arc<dyn Engine>),
    scorer: Scorer,
    kept: Kept,
    tops: &mut Tops,
) -> Result<(Outcome, u64), Error> {
    let cancel = run.app.cancel.clone();
    let work: Work<String, Scored> =
        Arc::new(move |texts: Vec<String>| scored(texts, &runtime, engine.as_ref(), &scorer, kept, &cancel));
    let prepare = |Text { text, .. }: Text| {
        let bytes = text.len();
        (text, bytes)
    };
    let mut embedded = 0;
    let outcome = run.run(input, prepare, work, Collected { tops, embedded: &mut embedded })?;
    Ok((outcome, embedded))
}

/// A text that was compared with the queries.
struct Scored {
    tokens: Option<usize>,
    truncated: Option<bool>,
    /// Queries that it may be near to, each with the score.
    near: Vec<(usize, f64)>,
    /// The text, if it may be near to one.
    text: Option<Arc<str>>,
}

fn scored(
    texts: Vec<String>,
    runtime: &EngineRuntime,
    engine: &dyn Engine,
    scorer: &Scorer,
    kept: Kept,
    cancel: &Cancel,
) -> Vec<Result<Scored, TextError>> {
    let options = RequestOptions { role: Role::Document, ..RequestOptions::default() };
    let inputs = texts.iter().cloned().map(Input::Text).collect();
    let request = Request::new(OutputKind::Embedding, inputs, options);
    let completed = runtime.wait(async { engine.submit(request)?.await });
    let embedded = results(texts.len(), completed, Completed::results_as::<Embedding>);
    let (mut numbers, mut places) = (Vec::new(), Vec::new());
    for (place, vector) in embedded.iter().enumerate() {
        if let Ok(Embedding { vector, .. }) = vector
            && vector.len() == scorer.dimensions()
        {
            numbers.extend_from_slice(vector);
            places.push(place);
        }
    }
    let mut near_of = vec![Vec::new(); texts.len()];
    let Some(found) = scorer.nearest(&numbers, || cancel.is_cancelled()) else {
        return texts.iter().map(|_| Err(TextError::internal("the command is ending"))).collect();
    };
    for (query, found) in found.into_iter().enumerate() {
        found.into_iter().for_each(|(row, score)| near_of[places[row]].push((query, score)));
    }
    let scored = |((embedded, near), text): ((Result<Embedding, TextError>, Vec<_>), String)| {
        let Embedding { vector, tokens, truncated } = embedded?;
        if vector.len() != scorer.dimensions() {
            return Err(TextError::internal("its vector has another length than the query's"));
        }
        let text = kept.of(&text).filter(|_| !near.is_empty()).map(Arc::from);
        Ok(Scored { tokens, truncated, near, text })
    };
    embedded.into_iter().zip(near_of).zip(texts).map(scored).collect()
}

impl Counted for Scored {
    fn tokens(&self) -> Option<usize> {
        self.tokens
    }

    fn truncated(&self) -> Option<usize> {
        self.truncated.map(usize::from)
    }
}

/// Keeps the nearest texts of each query.
struct Collected<'a> {
    tops: &'a mut Tops,
    embedded: &'a mut u64,
}

impl Writer<Scored> for Collected<'_> {
    fn write(
        &mut self,
        index: u64,
        id: Option<RecordId>,
        _: &[KeptValue],
        result: Result<Scored, String>,
    ) -> Result<(), OutputError> {
        // A text that failed is named on stderr.
        let Ok(Scored { near, text, .. }) = result else { return Ok(()) };
        *self.embedded += 1;
        for (query, score) in near {
            let found = || Found { id: id.clone(), text: text.clone() };
            if let Some(top) = self.tops.get_mut(query) {
                top.offer(score, index, found);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn finish(self) -> Result<(), OutputError> {
        Ok(())
    }
}
