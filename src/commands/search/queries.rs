//! The queries, and their vectors.

use std::path::Path;
use std::sync::Arc;

use super::SearchError;
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::batch_run::results;
use crate::commands::{AppContext, Error};
use crate::engine::{
    Completed, Embedding, Engine, Input, OutputKind, Request, RequestOptions, Role, TextError, TextErrorKind,
};
use crate::input::{self, Options};
use crate::record_id::RecordId;

/// Queries that are embedded together.
const TOGETHER: usize = 256;

pub(super) struct SearchQuery {
    pub id: Option<RecordId>,
    /// Its text, or the reason why it cannot be read or embedded.
    pub text: Result<String, String>,
}

/// The queries of a file; they are held in memory.
pub(super) fn read(file: &Path) -> Result<Vec<SearchQuery>, Error> {
    let records = input::open(&[file.to_path_buf()], &Options::default())?;
    let queries = records.map(|record| {
        let record = record?;
        let text = match record.content {
            Ok(content) if content.text.trim().is_empty() => Err(format!("{}: the query is empty", record.origin)),
            Ok(content) => Ok(content.text),
            Err(error) => Err(error.to_string()),
        };
        Ok(SearchQuery { id: record.id, text })
    });
    let queries = queries.collect::<Result<Vec<_>, Error>>()?;
    match queries.is_empty() {
        true => Err(Error::Flag { flag: "--queries", reason: format!("{}: holds no queries", file.display()) }),
        false => Ok(queries),
    }
}

/// Embeds the queries: returns the vectors of those that have one, one after the other. The others get their errors.
pub(super) fn embed(
    queries: &mut [SearchQuery],
    file: Option<&Path>,
    engine: &Arc<dyn Engine>,
    runtime: &EngineRuntime,
    app: &AppContext,
) -> Result<Vec<f32>, Error> {
    let mut vectors = Vec::new();
    let options = RequestOptions { role: Role::Query, ..RequestOptions::default() };
    for queries in queries.chunks_mut(TOGETHER) {
        if app.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let texts: Vec<Input> =
            queries.iter().filter_map(|query| query.text.as_ref().ok().cloned()).map(Input::Text).collect();
        let count = texts.len();
        let request = Request::new(OutputKind::Embedding, texts, options.clone());
        let completed = runtime.wait(async { engine.submit(request)?.await });
        let embedded = results(count, completed, Completed::results_as::<Embedding>);
        for (query, embedded) in queries.iter_mut().filter(|query| query.text.is_ok()).zip(embedded) {
            match embedded {
                Ok(embedding) => vectors.extend(embedding.vector),
                Err(error) if is_of_text(&error) => query.text = Err(error.to_string()),
                Err(error) => return Err(Error::Ended(error)),
            }
        }
    }
    let failed = queries.iter().find_map(|query| query.text.as_ref().err());
    match (failed, file) {
        (Some(reason), Some(file)) if vectors.is_empty() => {
            Err(SearchError::Queries { file: file.display().to_string(), reason: reason.clone() }.into())
        }
        (Some(reason), None) => Err(SearchError::Query { reason: reason.clone() }.into()),
        _ => Ok(vectors),
    }
}

fn is_of_text(error: &TextError) -> bool {
    matches!(error.kind(), TextErrorKind::Input | TextErrorKind::TooLong | TextErrorKind::TooLarge)
}
