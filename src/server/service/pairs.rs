//! Scores of pairs of texts, each document with a query of its own: one request to the model, however many queries there
//! are.

use std::sync::Arc;

use super::{Answer, Counted, Failure, Relevance, Service};
use crate::engine::rerank::{Method, shared_weights};
use crate::engine::{
    Call, Embedding, Judged, Local, Pending, Prediction, Refusal, Role, Scoring, Text, Times, TokenEmbeddings,
};
use crate::model::activation::sigmoid;
use crate::server::metrics::Work;

/// Tokens of texts that are encoded at a time, where each has vectors of many numbers.
const PIECE_TOKENS: usize = 1 << 15;

/// Queries of more bytes than this are copied on a thread that may be busy for a while.
const LARGE: usize = 64 << 10;

/// Queries, and the documents to be scored.
#[derive(Debug, Default)]
pub struct Pairs {
    /// The queries, each once.
    pub queries: Vec<String>,
    /// Each document, and the index of its query.
    pub documents: Vec<(usize, String)>,
}

/// Texts that are encoded together.
struct Piece {
    /// The index of each among all texts.
    indices: Vec<usize>,
    texts: Vec<Text>,
}

impl Pairs {
    /// One query with all documents.
    pub fn of_one(query: String, documents: Vec<String>) -> Self {
        Self { queries: vec![query], documents: documents.into_iter().map(|document| (0, document)).collect() }
    }
}

impl Service {
    /// How well each document answers its query, in the order of the documents. With `raw`, logits stay logits.
    ///
    /// [`Failure::Input`] counts documents; what is wrong with a query is [`Failure::Option`] of the field `query`.
    pub async fn score(&self, pairs: Pairs, raw: bool, call: Call) -> Result<Answer<Relevance>, Failure> {
        let answer = async {
            match self.method {
                None => Err(Failure::Unsupported(format!("{} gives no scores by which to order documents", self.name))),
                Some(Method::Pairs(_)) => self.judge(pairs, raw, call).await,
                Some(Method::Vectors(similarity)) => {
                    let score = move |q: &Embedding, d: &Embedding| similarity.of(&q.vector, &d.vector);
                    let start = |e: &dyn Local, texts, call: &Call| e.start_embed(texts, call);
                    self.compare(pairs, call, usize::MAX, start, score).await
                }
                Some(Method::Sparse) => {
                    let start = |e: &dyn Local, texts, call: &Call| e.start_embed_sparse(texts, call);
                    self.compare(pairs, call, PIECE_TOKENS, start, shared_weights).await
                }
                Some(Method::Tokens) => {
                    let scoring = self.engine.info().scoring.unwrap_or(Scoring::MaxSim);
                    let score = move |q: &TokenEmbeddings, d: &TokenEmbeddings| f64::from(scoring.score(q, d));
                    let start = |e: &dyn Local, texts, call: &Call| e.start_embed_tokens(texts, call);
                    self.compare(pairs, call, PIECE_TOKENS, start, score).await
                }
            }
        };
        self.counted(Work::Rerank, answer).await
    }

    /// By a cross-encoder.
    async fn judge(&self, pairs: Pairs, raw: bool, call: Call) -> Result<Answer<Relevance>, Failure> {
        let Pairs { queries, documents } = pairs;
        let size: usize = queries.iter().map(String::len).sum();
        let share = move || queries.into_iter().map(Arc::from).collect::<Vec<Arc<str>>>();
        let queries = if size < LARGE { share() } else { blocking(share).await? };
        let judged = |(query, document): (usize, String)| {
            let query = queries.get(query).ok_or_else(|| Failure::Internal("a document has no query".into()))?;
            Ok(Judged::Pair(Arc::clone(query), document))
        };
        let judged = documents.into_iter().map(judged).collect::<Result<_, Failure>>()?;
        let Answer { results, tokens, times } = self.ask(self.engine.start_predict(judged, &call)).await?;
        let relevance = |p: Prediction| {
            let logit = f64::from(p.logits.first().copied().unwrap_or(0.0));
            Relevance { score: if raw { logit } else { sigmoid(logit) }, order: logit }
        };
        Ok(Answer { results: results.into_iter().map(relevance).collect(), tokens, times })
    }

    /// Encodes queries and documents each for themselves, by `start`, and compares them. Texts of about `piece_tokens`
    /// tokens are encoded at a time, and dropped once they are scored.
    async fn compare<T: Counted + Send + Sync + 'static>(
        &self,
        Pairs { queries, documents }: Pairs,
        call: Call,
        piece_tokens: usize,
        start: impl Fn(&dyn Local, Vec<Text>, &Call) -> Result<Pending<T>, Refusal>,
        score: impl Fn(&T, &T) -> f64 + Clone + Send + 'static,
    ) -> Result<Answer<Relevance>, Failure> {
        // A prompt that the client gives is for queries, as a model's own are.
        let as_document = Call { role: Role::Document, prompt: None, prompt_name: None, ..call.clone() };
        let as_query = Call { role: Role::Query, ..call };
        let engine = self.engine.as_ref();
        let (longest, query_count) = (engine.local().max_length, queries.len());
        let unscored = Relevance { score: f64::NAN, order: f64::NAN };
        let mut all = Answer { results: vec![unscored; documents.len()], tokens: 0, times: Times::default() };
        let asked = pieces(queries.into_iter().enumerate(), longest, piece_tokens);
        // The documents of each piece of queries, with their queries and indices.
        let mut piece_of = vec![0; query_count];
        for (piece, Piece { indices, .. }) in asked.iter().enumerate() {
            indices.iter().for_each(|&query| piece_of[query] = piece);
        }
        let mut of_piece: Vec<Vec<(usize, String)>> = asked.iter().map(|_| Vec::new()).collect();
        let mut query_of = Vec::with_capacity(documents.len());
        for (index, (query, document)) in documents.into_iter().enumerate() {
            query_of.push(query);
            let piece = piece_of.get(query).and_then(|&piece| of_piece.get_mut(piece));
            piece.ok_or_else(|| Failure::Internal("a document has no query".into()))?.push((index, document));
        }
        for (Piece { indices: queries, texts }, documents) in asked.into_iter().zip(of_piece) {
            let first_query = queries.first().copied().unwrap_or_default();
            let mut documents = pieces(documents, longest, piece_tokens).into_iter();
            let Some(mut piece) = documents.next() else { continue };
            let encoded = self.ask(start(engine, texts, &as_query));
            let first = self.ask(start(engine, std::mem::take(&mut piece.texts), &as_document));
            let (encoded, mut answer) = tokio::join!(encoded, first);
            let encoded = encoded.map_err(|failure| failure.of_query(&queries, query_count))?;
            all.tokens += encoded.tokens;
            let encoded = Arc::new(encoded.results);
            loop {
                let Answer { results, tokens, times } = answer.map_err(|failure| failure.among(&piece.indices))?;
                all.tokens += tokens;
                all.times = all.times.max(times);
                if results.len() != piece.indices.len() || encoded.len() != queries.len() {
                    return Err(Failure::Internal("the engine gave another number of results".into()));
                }
                // Queries of a piece follow one another.
                let own: Vec<usize> = piece.indices.iter().map(|&index| query_of[index] - first_query).collect();
                let (encoded, score) = (Arc::clone(&encoded), score.clone());
                // Vectors of tokens take long to compare.
                let scores = blocking(move || {
                    let pairs = own.into_iter().zip(&results);
                    pairs.map(|(query, document)| score(&encoded[query], document)).collect::<Vec<f64>>()
                });
                for (&index, score) in piece.indices.iter().zip(scores.await?) {
                    all.results[index] = Relevance { score, order: score };
                }
                let Some(next) = documents.next() else { break };
                piece = next;
                answer = self.ask(start(engine, std::mem::take(&mut piece.texts), &as_document)).await;
            }
        }
        Ok(all)
    }
}

/// Runs `work` on a thread that may be busy for a while.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Failure::Internal(format!("scoring failed: {e}")))
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
                piece.texts.push(Text::Text(text));
            }
            None => {
                pieces.push(Piece { indices: vec![index], texts: vec![Text::Text(text)] });
                room = tokens;
            }
        }
        room = room.saturating_sub(length);
    }
    pieces
}

impl Failure {
    /// The same of inputs that have these indices among all.
    fn among(self, indices: &[usize]) -> Self {
        let whole = |index: usize| indices.get(index).copied().unwrap_or(index);
        match self {
            Self::Input { index, reason, too_long } => Self::Input { index: whole(index), reason, too_long },
            Self::InputTooLarge { index, reason } => Self::InputTooLarge { index: whole(index), reason },
            other => other,
        }
    }

    /// The same of queries that have these indices among all `count`.
    fn of_query(self, indices: &[usize], count: usize) -> Self {
        match self.among(indices) {
            Self::Input { index, reason, .. } | Self::InputTooLarge { index, reason } => {
                let reason = if count == 1 { reason } else { format!("that at index {index}: {reason}") };
                Self::Option { field: "query", reason }
            }
            other => other,
        }
    }
}
