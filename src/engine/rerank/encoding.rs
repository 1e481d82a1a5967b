//! Scores by an encoder: queries and documents are encoded each by itself, and then compared.

use std::sync::Arc;

use super::scoring::{Pairs, Reranked, Score, ScoreError, blocking, no_query};
use crate::engine::{
    Embedding, Engine, Input, OutputOf, Request, RequestOptions, Role, SparseEmbedding, SubmitError, TextError,
    TokenEmbeddings,
};

/// The representation of a text by an encoder.
pub(super) trait Encoded: OutputOf + Sync {
    /// Tokens the model saw, and whether some were cut, where that is known.
    fn seen(&self) -> (Option<usize>, Option<bool>);
}

impl Encoded for Embedding {
    fn seen(&self) -> (Option<usize>, Option<bool>) {
        (self.tokens, self.truncated)
    }
}

impl Encoded for SparseEmbedding {
    fn seen(&self) -> (Option<usize>, Option<bool>) {
        (Some(self.tokens), Some(self.truncated))
    }
}

impl Encoded for TokenEmbeddings {
    fn seen(&self) -> (Option<usize>, Option<bool>) {
        (Some(self.tokens), Some(self.truncated))
    }
}

/// Texts that are encoded together.
#[derive(Default)]
struct Piece {
    /// The index of each among all texts.
    indices: Vec<usize>,
    texts: Vec<Input>,
}

/// Scores by `compare`. Texts of about `piece_tokens` tokens are encoded at a time, and dropped once they are scored.
pub(super) async fn by_encoding<T: Encoded>(
    engine: &dyn Engine,
    Pairs { queries, documents }: Pairs,
    options: &RequestOptions,
    piece_tokens: usize,
    compare: impl Fn(&T, &T) -> f64 + Clone + Send + 'static,
) -> Result<Reranked, SubmitError> {
    // A prompt of the request is for the queries, as a model's own are.
    let as_query = RequestOptions { role: Role::Query, ..options.clone() };
    let as_document = RequestOptions { role: Role::Document, prompt: None, prompt_name: None, ..options.clone() };
    let submit = |texts, options: &RequestOptions| engine.submit(Request::new(T::KIND, texts, options.clone()));
    let longest = engine.info().local.as_ref().map_or(usize::MAX, |local| local.max_length);
    let lost = || ScoreError::Document(TextError::internal("the engine gave no score"));
    let mut all = Reranked { scores: documents.iter().map(|_| Err(lost())).collect(), ..Reranked::default() };

    // The documents of each piece of queries, with their queries and indices.
    let mut piece_of = vec![0; queries.len()];
    let queries = pieces(queries.into_iter().enumerate(), longest, piece_tokens);
    for (piece, Piece { indices, .. }) in queries.iter().enumerate() {
        indices.iter().for_each(|&query| piece_of[query] = piece);
    }
    let mut documents_of: Vec<Vec<(usize, String)>> = queries.iter().map(|_| Vec::new()).collect();
    let mut query_of = Vec::with_capacity(documents.len());
    for (index, (query, document)) in documents.into_iter().enumerate() {
        query_of.push(query);
        let piece = piece_of.get(query).and_then(|&piece| documents_of.get_mut(piece));
        piece.ok_or_else(no_query)?.push((index, document));
    }
    for (Piece { indices: queries, texts }, documents) in queries.into_iter().zip(documents_of) {
        let first_query = queries.first().copied().unwrap_or_default();
        let mut documents = pieces(documents, longest, piece_tokens).into_iter();
        let Some(mut piece) = documents.next() else { continue };
        let encoded = submit(texts, &as_query)?;
        let mut pending = submit(std::mem::take(&mut piece.texts), &as_document)?;
        let encoded = encoded.await?;
        all.times = all.times.max(encoded.times);
        let encoded: Arc<[Result<T, TextError>]> = encoded.results_as::<T>().into();
        all.query_tokens += encoded.iter().flatten().filter_map(|query| query.seen().0).sum::<usize>();
        loop {
            let completed = pending.await?;
            all.times = all.times.max(completed.times);
            // Queries of a piece follow one another.
            let own: Vec<usize> = piece.indices.iter().map(|&index| query_of[index] - first_query).collect();
            let (encoded, compare) = (Arc::clone(&encoded), compare.clone());
            // Vectors of tokens take long to compare.
            let scored = blocking(move || {
                let pairs = own.into_iter().zip(completed.results_as::<T>());
                pairs.map(|(query, document)| score(encoded.get(query), document, &compare)).collect::<Vec<_>>()
            });
            for (&index, score) in piece.indices.iter().zip(scored.await?) {
                all.scores[index] = score;
            }
            let Some(next) = documents.next() else { break };
            piece = next;
            pending = submit(std::mem::take(&mut piece.texts), &as_document)?;
        }
    }
    Ok(all)
}

fn score<T: Encoded>(
    query: Option<&Result<T, TextError>>,
    document: Result<T, TextError>,
    compare: &impl Fn(&T, &T) -> f64,
) -> Result<Score, ScoreError> {
    let missing = || ScoreError::Query(TextError::internal("the engine made nothing of it"));
    let query = query.ok_or_else(missing)?.as_ref().map_err(|error| ScoreError::Query(error.clone()))?;
    let document = document?;
    let (score, (tokens, truncated)) = (compare(query, &document), document.seen());
    Ok(Score { score, order: score, tokens, truncated })
}

/// Texts in pieces of about `tokens` tokens, of which each text has no more than `longest`.
fn pieces(texts: impl IntoIterator<Item = (usize, String)>, longest: usize, tokens: usize) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut room = 0;
    for (index, text) in texts {
        // A token has a byte at least.
        let length = text.len().saturating_add(2).min(longest);
        match pieces.last_mut().filter(|_| length <= room) {
            Some(piece) => {
                piece.indices.push(index);
                piece.texts.push(Input::Text(text));
            }
            None => {
                pieces.push(Piece { indices: vec![index], texts: vec![Input::Text(text)] });
                room = tokens;
            }
        }
        room = room.saturating_sub(length);
    }
    pieces
}
