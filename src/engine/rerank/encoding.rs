//! Scores by an encoder: queries and documents are encoded each by itself, and then compared.

use std::sync::Arc;

use super::blocking::blocking;
use super::score::no_query;
use super::{Pairs, Reranked, Score, ScoreError};
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

/// Tokens encoded at a time, and after a failure.
pub(super) struct Limits {
    /// Tokens of the texts in a piece, about.
    pub piece_tokens: usize,
    /// True if nothing more is encoded once a text has failed.
    pub all_or_nothing: bool,
}

/// Scores by `compare`. Texts are encoded in pieces and dropped once they are scored; while one piece of documents is
/// compared, the next is encoded.
pub(super) async fn by_encoding<T: Encoded>(
    engine: &dyn Engine,
    Pairs { queries, documents }: Pairs,
    options: &RequestOptions,
    limits: &Limits,
    compare: impl Fn(&T, &T) -> f64 + Clone + Send + 'static,
) -> Result<Reranked, SubmitError> {
    // A prompt of the request is for the queries, as a model's own are.
    let as_query = RequestOptions { role: Role::Query, ..options.clone() };
    let as_document = RequestOptions { role: Role::Document, prompt: None, prompt_name: None, ..options.clone() };
    let submit = |texts, options: &RequestOptions| engine.submit(Request::new(T::KIND, texts, options.clone()));
    let longest = engine.info().local.as_ref().map_or(usize::MAX, |local| local.max_length);
    let mut all = Reranked { scores: vec![Err(ScoreError::NotComputed); documents.len()], ..Reranked::default() };

    // The documents of each piece of queries, with their queries and indices.
    let mut piece_of = vec![0; queries.len()];
    let queries = pieces(queries.into_iter().enumerate(), longest, limits.piece_tokens);
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
        let mut documents = pieces(documents, longest, limits.piece_tokens).into_iter();
        let Some(mut piece) = documents.next() else { continue };
        let encoded = submit(texts, &as_query)?;
        let mut pending = submit(std::mem::take(&mut piece.texts), &as_document)?;
        let encoded = encoded.await?;
        all.times = all.times.max(encoded.times);
        let encoded: Arc<[Result<T, TextError>]> = encoded.results_as::<T>().into();
        all.query_tokens += encoded.iter().flatten().filter_map(|query| query.seen().0).sum::<usize>();
        if limits.all_or_nothing
            && let Some((query, Err(error))) = encoded.iter().enumerate().find(|(_, query)| query.is_err())
        {
            if let Some(index) = query_of.iter().position(|&of| of == first_query + query) {
                all.scores[index] = Err(ScoreError::Query(error.clone()));
            }
            return Ok(all);
        }
        loop {
            let completed = pending.await?;
            all.times = all.times.max(completed.times);
            let next = match documents.next() {
                Some(mut next) => {
                    let pending = submit(std::mem::take(&mut next.texts), &as_document)?;
                    Some((next, pending))
                }
                None => None,
            };
            // Queries of a piece follow one another.
            let own: Vec<usize> = piece.indices.iter().map(|&index| query_of[index] - first_query).collect();
            let (encoded, compare) = (Arc::clone(&encoded), compare.clone());
            // Vectors of tokens take long to compare.
            let scored = blocking(move || {
                let pairs = own.into_iter().zip(completed.results_as::<T>());
                pairs.map(|(query, document)| score(encoded.get(query), document, &compare)).collect::<Vec<_>>()
            });
            let mut failed = false;
            for (&index, score) in piece.indices.iter().zip(scored.await?) {
                failed |= score.is_err();
                all.scores[index] = score;
            }
            if failed && limits.all_or_nothing {
                return Ok(all);
            }
            let Some(next) = next else { break };
            (piece, pending) = next;
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

/// Texts in pieces of about `tokens` tokens, each text counted with at most `longest`.
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::engine::{Completed, EngineInfo, Output, OutputKind, Pending};

    /// The vector of a text is its length; "bad" has none. Counts the texts of each request.
    struct Lengths {
        info: EngineInfo,
        requests: Mutex<Vec<usize>>,
    }

    impl Engine for Lengths {
        fn info(&self) -> &EngineInfo {
            &self.info
        }

        fn submit(&self, request: Request) -> Result<Pending<Completed>, SubmitError> {
            self.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(request.inputs.len());
            let vector = |input: Input| match input {
                Input::Text(text) if text == "bad" => Err(TextError::new("it is bad")),
                input => Ok(Output { embedding: Some(vec![input.bytes() as f32]), ..Output::default() }),
            };
            let results = request.inputs.into_iter().map(vector).collect();
            Ok(Pending::fetched(async move { Ok(Completed { results, ..Completed::default() }) }))
        }

        fn in_flight(&self) -> usize {
            1
        }
    }

    /// The scores, and the texts of each request.
    async fn scores(queries: &[&str], documents: &[(usize, &str)], all_or_nothing: bool) -> (Vec<String>, Vec<usize>) {
        let (model, output) = ("m".into(), OutputKind::Embedding);
        let info = EngineInfo { model, output, dimensions: Some(1), scoring: None, local: None };
        let engine = Lengths { info, requests: Mutex::default() };
        let pairs = Pairs {
            queries: queries.iter().map(|&query| query.to_owned()).collect(),
            documents: documents.iter().map(|&(query, document)| (query, document.to_owned())).collect(),
        };
        // A text of six bytes fills a piece.
        let limits = Limits { piece_tokens: 10, all_or_nothing };
        let compare = |q: &Embedding, d: &Embedding| f64::from(q.vector[0] * d.vector[0]);
        let reranked = by_encoding(&engine, pairs, &RequestOptions::default(), &limits, compare).await;
        let in_words = |score: Result<Score, ScoreError>| match score {
            Ok(score) => score.score.to_string(),
            Err(error) => error.to_string(),
        };
        let scores = reranked.map(|reranked| reranked.scores).unwrap_or_default();
        (scores.into_iter().map(in_words).collect(), engine.requests.into_inner().unwrap_or_default())
    }

    const DOCUMENTS: [(usize, &str); 4] = [(0, "aaaaaa"), (1, "bbbbbbb"), (0, "bad"), (0, "cccccccc")];

    #[tokio::test]
    async fn documents_meet_their_own_query_in_pieces() {
        let (scores, requests) = scores(&["qqqqqq", "rrrrrrrrrr"], &DOCUMENTS, false).await;
        assert_eq!(scores, ["36", "70", "it is bad", "48"]);
        assert_eq!(requests, [1, 1, 1, 1, 1, 1], "two queries and four documents");
    }

    #[tokio::test]
    async fn after_a_failure_nothing_more_is_encoded_if_all_or_nothing_is_wanted() {
        let (found, requests) = scores(&["bad"], &[(0, "aaaaaa"), (0, "bbbbbb"), (0, "cccccc")], true).await;
        assert_eq!(found[0], "the query: it is bad");
        assert!(found[1..].iter().all(|reason| reason.contains("not computed")) && requests == [1, 1], "{requests:?}");
        let documents = [(0, "bad"), (0, "aaaaaaaaaa"), (0, "bbbbbbbbbb"), (0, "cccccccccc")];
        let (found, requests) = scores(&["q"], &documents, true).await;
        assert_eq!(found[0], "it is bad");
        // One piece is on its way while another is compared.
        assert!(found[3].contains("not computed") && requests.len() == 3, "{found:?} {requests:?}");
        let (found, requests) = scores(&["q"], &documents, false).await;
        assert!(found[3] == "10" && requests.len() == 5, "{found:?} {requests:?}");
    }
}
