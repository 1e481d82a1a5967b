//! The documents that were found: in order, reranked if that is wanted, and written.

use std::sync::Arc;

use super::queries::SearchQuery;
use super::top::{Item, Top};
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::rerank::Kept;
use crate::commands::{AppContext, Error, Outcome};
use crate::engine::rerank::{Best, Pairs, Reranker};
use crate::engine::{RequestOptions, TextError};
use crate::output::{Hit, Ranking, RankingWriter};
use crate::record_id::RecordId;

/// A document that was found.
pub(super) struct Found {
    pub id: Option<RecordId>,
    pub text: Option<Arc<str>>,
}

/// The nearest documents of each query that has a vector.
pub(super) type Tops = Vec<Top<Found>>;

/// The way in which they are written.
pub(super) struct Results {
    pub reranker: Option<(Arc<EngineRuntime>, Reranker)>,
    pub top_k: usize,
    pub threshold: Option<f64>,
    pub kept: Kept,
    /// True if each query is an object of its own.
    pub many: bool,
}

impl Results {
    /// Writes the documents of each query.
    pub(super) fn write(
        &self,
        queries: &[SearchQuery],
        tops: Tops,
        mut writer: RankingWriter,
        app: &AppContext,
    ) -> Result<Outcome, Error> {
        let (mut tops, mut failed, mut found) = (tops.into_iter(), false, false);
        for (index, SearchQuery { id, text }) in queries.iter().enumerate() {
            let hits = match text {
                Ok(text) => self.hits(text, tops.next().map(Top::into_sorted).unwrap_or_default(), app)?,
                Err(reason) => {
                    failed = true;
                    app.bars.printer().error(reason, None);
                    Vec::new()
                }
            };
            failed |= hits.iter().any(|hit| hit.outcome.is_err());
            found |= !hits.is_empty();
            if self.many {
                let (query, outcome) = match text {
                    Ok(text) => (text.as_str(), Ok(&*hits)),
                    Err(reason) => ("", Err(reason.as_str())),
                };
                writer.ranking(&Ranking { index: index as u64, id: id.as_ref(), query, outcome })?;
            } else {
                hits.iter().try_for_each(|hit| writer.hit(hit))?;
            }
        }
        writer.finish()?;
        if let (false, Some(threshold)) = (found, self.threshold) {
            app.bars.printer().note(&format!("No document scores {threshold} or more (--threshold)."));
        }
        Ok(if failed { Outcome::SomeFailed } else { Outcome::Done })
    }

    fn hits(&self, query: &str, found: Vec<Item<Found>>, app: &AppContext) -> Result<Vec<Hit>, Error> {
        let hit = |Item { index, item: Found { id, text }, .. }: Item<Found>, outcome| {
            let document = text.and_then(|text| self.kept.of(&text));
            Hit { index, id, outcome, document }
        };
        let Some((runtime, reranker)) = &self.reranker else {
            return Ok(found
                .into_iter()
                .map(|item| (Ok(item.score), item))
                .map(|(score, item)| hit(item, score))
                .collect());
        };
        if app.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let texts = found.iter().map(|item| item.item.text.as_deref().unwrap_or_default().to_owned()).collect();
        let options = RequestOptions::default();
        let scores = runtime
            .wait(reranker.score(Pairs::of_one(query.to_owned(), texts), &options, false))
            .ok_or(Error::Interrupted)?;
        let scores = scores.map_err(|error| Error::Ended(TextError::internal(error.to_string())))?.scores;
        let (mut best, mut failed) = (Best::new(Some(self.top_k)), Vec::new());
        for (item, score) in found.into_iter().zip(scores) {
            match score {
                Ok(score) if self.threshold.is_some_and(|least| score.score < least) => {}
                Ok(score) => best.push(score, hit(item, Ok(score.score))),
                Err(error) => {
                    let reason = format!("document {}: {error}", item.index);
                    app.bars.printer().error(&reason, None);
                    failed.push(hit(item, Err(reason)));
                }
            }
        }
        Ok(best.into_sorted().into_iter().map(|(_, hit)| hit).chain(failed).collect())
    }
}
