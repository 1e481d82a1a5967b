use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use std::time::Duration;

use super::*;
use crate::bench::engine::OpenEngine;
use crate::bench::target::{Failure, FailureKind, Output, Request};
use crate::compare::engines::Stability;
use crate::compare::vectors::VectorSet;
use crate::engine::rerank::{Method, Reranker};
use crate::engine::{self, Completed, Engine, EngineInfo, Input, OutputKind, Pending, RemoteError, Role, SubmitError};

type Script = Box<dyn Fn(&Request) -> Result<Output, Failure> + Send + Sync>;

/// An engine that answers by a script.
struct Playing {
    info: EngineInfo,
    scripted: Arc<Scripted>,
}

/// Replies by a script, and records the requests.
struct Scripted {
    script: Script,
    seen: Mutex<Vec<Request>>,
    /// Requests under way, and the most there ever were.
    under_way: AtomicUsize,
    most: AtomicUsize,
}

/// The engine, as it is sent texts.
fn embedder(scripted: &Arc<Scripted>) -> OpenEngine {
    OpenEngine::Embedder(playing(scripted, OutputKind::Embedding), Role::Text)
}

/// The engine, as it is sent queries.
fn reranker(scripted: &Arc<Scripted>) -> OpenEngine {
    OpenEngine::Reranker(Reranker::new(playing(scripted, OutputKind::Score), Method::Engine).unwrap())
}

fn playing(scripted: &Arc<Scripted>, output: OutputKind) -> Arc<dyn Engine> {
    let info = EngineInfo { model: "e".into(), output, dimensions: Some(2), scoring: None, local: None };
    Arc::new(Playing { info, scripted: Arc::clone(scripted) })
}

impl Scripted {
    fn new(script: impl Fn(&Request) -> Result<Output, Failure> + Send + Sync + 'static) -> Arc<Self> {
        let (seen, zero) = (Mutex::default(), AtomicUsize::default);
        Arc::new(Self { script: Box::new(script), seen, under_way: zero(), most: zero() })
    }

    /// Embeds: the vector of a text is its length and 1.
    fn vectors(odd: impl Fn(&[String]) -> Option<Failure> + Send + Sync + 'static) -> Arc<Self> {
        Self::new(move |request| match request {
            Request::Texts(texts) => match odd(texts) {
                Some(failure) => Err(failure),
                None => Ok(Output::Vectors(texts.iter().map(|text| vec![text.len() as f32, 1.0]).collect())),
            },
            Request::Rerank { .. } => Err(wrong("texts were wanted")),
        })
    }

    fn seen(&self) -> Vec<Vec<String>> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|request| if let Request::Texts(texts) = request { texts.clone() } else { vec![] }).collect()
    }
}

impl Engine for Playing {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, request: engine::Request) -> Result<Pending<Completed>, SubmitError> {
        let scripted = Arc::clone(&self.scripted);
        Ok(Pending::fetched(async move { scripted.answer(request.inputs).await }))
    }

    fn in_flight(&self) -> usize {
        1
    }
}

impl Scripted {
    async fn answer(&self, inputs: Vec<Input>) -> Result<Completed, SubmitError> {
        let (mut query, mut texts) = (None, Vec::new());
        for input in inputs {
            match input {
                Input::Text(text) => texts.push(text),
                Input::Pair(first, document) => {
                    query = Some(first.to_string());
                    texts.push(document);
                }
                Input::Ids(_) => unreachable!("no ids are sent"),
            }
        }
        let request = match query {
            Some(query) => Request::Rerank { query, documents: texts },
            None => Request::Texts(texts),
        };
        self.seen.lock().unwrap().push(request.clone());
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(under_way, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let none = engine::Output::default;
        let outputs: Vec<engine::Output> = match (self.script)(&request).map_err(error)? {
            Output::Vectors(vectors) => {
                vectors.into_iter().map(|vector| engine::Output { embedding: Some(vector), ..none() }).collect()
            }
            Output::Scores(scores) => {
                scores.into_iter().map(|score| engine::Output { score: Some(score.into()), ..none() }).collect()
            }
        };
        Ok(Completed { results: outputs.into_iter().map(Ok).collect(), ..Completed::default() })
    }
}

/// The error of an engine that is counted as this failure.
fn error(failure: Failure) -> SubmitError {
    let Failure { kind, message: reason } = failure;
    match kind {
        FailureKind::Connect => RemoteError::Connect { reason }.into(),
        FailureKind::Timeout => RemoteError::Timeout { after: Duration::ZERO }.into(),
        FailureKind::Status(code) | FailureKind::Overloaded(code) => {
            RemoteError::Status { code, message: Some(reason), retry_after: None }.into()
        }
        FailureKind::NotFinite => RemoteError::Numbers("planted").into(),
        FailureKind::Shape => RemoteError::Shape { reason }.into(),
        FailureKind::Died => SubmitError::Gone,
        other => panic!("no engine fails with {other}"),
    }
}

const ASKING: Probe = Probe { batch: 4, concurrency: 3, samples: 6, seed: 1, timeout: Duration::from_secs(60) };

/// Texts of 1 to `count` letters.
fn texts(count: usize) -> Vec<Text> {
    (1..=count).map(|length| Text { text: "a".repeat(length), id: None, role: 0 }).collect()
}

async fn ask(scripted: &Arc<Scripted>, texts: &[Text]) -> Result<Answers, Failure> {
    let ticks = AtomicUsize::new(0);
    let tick = || _ = ticks.fetch_add(1, Ordering::SeqCst);
    let answers = ASKING.run("e", &[embedder(scripted)], &Inputs::Texts(texts.to_vec()), &tick).await;
    assert_eq!(ticks.into_inner(), scripted.seen().len());
    answers
}

async fn score(scripted: &Arc<Scripted>, documents: &[usize]) -> Result<Answers, Failure> {
    ASKING.run("e", &[reranker(scripted)], &Inputs::Queries(queries(documents)), &|| ()).await
}

fn vectors(answers: &Answers) -> &VectorSet {
    match &answers.results {
        Results::Vectors(set) => set,
        Results::Scores(_) => panic!("scores of texts"),
    }
}

/// The scores of the query at this place.
fn scores(answers: &Answers, at: usize) -> Option<&[f32]> {
    match &answers.results {
        Results::Scores(set) => set.queries[at].scores.as_deref(),
        Results::Vectors(_) => panic!("vectors of queries"),
    }
}

fn wrong(what: &str) -> Failure {
    Failure::new(FailureKind::Shape, what)
}

fn of_kind(kind: FailureKind) -> Failure {
    Failure::new(kind, "no")
}

#[tokio::test]
async fn each_text_is_sent_in_batches_and_a_sample_alone_and_among_others() {
    let scripted = Scripted::vectors(|_| None);
    let answers = ask(&scripted, &texts(10)).await.unwrap();
    let VectorSet { rows, numbers, .. } = vectors(&answers);
    let firsts: Vec<f32> = rows.iter().map(|row| numbers[row.place.clone().unwrap()][0]).collect();
    assert_eq!(firsts, (1..=10).map(|n| n as f32).collect::<Vec<_>>());
    assert_eq!((answers.answered, answers.failures), (10, Failures::default()));
    let seen = scripted.seen();
    assert_eq!(seen.len(), ASKING.requests(&Inputs::Texts(texts(10))));
    assert_eq!(seen[..3].iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    let (alone, others) = seen[3..].split_at(6);
    assert!(alone.iter().all(|texts| texts.len() == 1));
    let (mut alone, mut others) = (alone.concat(), others.concat());
    assert_ne!(alone, others, "they come in another order");
    alone.sort();
    others.sort();
    assert_eq!(alone, others);
    assert_eq!(scripted.most.load(Ordering::SeqCst), 3, "as many at a time as requested");
    let Some(Stability::Vectors(found)) = answers.stability else { panic!("{:?}", answers.stability) };
    assert_eq!((found.alone.pairs, found.alone.identical), (6, 6));
    assert_eq!((found.concurrent.pairs, found.concurrent.identical), (6, 6));
}

#[tokio::test]
async fn vectors_that_depend_on_their_neighbours_are_found() {
    let scripted = Scripted::new(|request| {
        let Request::Texts(texts) = request else { return Err(wrong("texts")) };
        // The scale of a batch, as an engine would have it that quantises a whole tensor.
        let longest = texts.iter().map(String::len).max().unwrap_or(1) as f32;
        Ok(Output::Vectors(texts.iter().map(|text| vec![text.len() as f32, longest]).collect()))
    });
    let answers = ask(&scripted, &texts(8)).await.unwrap();
    let Some(Stability::Vectors(found)) = answers.stability else { panic!("{:?}", answers.stability) };
    assert!(found.alone.identical < 6 && found.alone.max_difference.unwrap() >= 1.0, "{found:?}");
    assert!(found.concurrent.pairs == 6, "{found:?}");
}

#[tokio::test]
async fn one_text_does_not_cost_its_batch() {
    let scripted =
        Scripted::vectors(|texts| texts.iter().any(|text| text.len() == 3).then(|| of_kind(FailureKind::NotFinite)));
    let answers = ask(&scripted, &texts(6)).await.unwrap();
    let places: Vec<bool> = vectors(&answers).rows.iter().map(|row| row.place.is_some()).collect();
    assert_eq!(places, [true, true, false, true, true, true]);
    let Failures { inputs, answered_alone, not_answered_again, examples } = answers.failures;
    assert_eq!((inputs, answered_alone, not_answered_again, answers.answered), (1, 3, 0, 2));
    assert_eq!(examples[0].input.index, 2);
}

#[tokio::test]
async fn dead_engines_get_no_more_requests() {
    for (kind, requests) in [(FailureKind::Died, 1), (FailureKind::Connect, 3), (FailureKind::Timeout, 3)] {
        let scripted = Scripted::vectors(move |_| Some(of_kind(kind)));
        assert_eq!(ask(&scripted, &texts(40)).await.unwrap_err().kind, kind);
        assert_eq!(scripted.seen().len(), requests, "{kind}");
    }
    let kinds = [(FailureKind::Status(401), 3), (FailureKind::Status(500), 16), (FailureKind::Overloaded(429), 16)];
    for (kind, requests) in kinds {
        let scripted = Scripted::vectors(move |_| Some(of_kind(kind)));
        assert_eq!(ask(&scripted, &texts(100)).await.unwrap_err().kind, kind);
        assert_eq!(scripted.seen().len(), requests, "{kind}");
        let scripted = Scripted::new(move |_| Err(of_kind(kind)));
        let failure = score(&scripted, &[1; 50]).await;
        assert_eq!((failure.unwrap_err().kind, scripted.seen().len()), (kind, requests));
    }
    // Texts that nothing comes of are not the server's fault, however many they are.
    let scripted =
        Scripted::vectors(|texts| texts.iter().any(|text| text.len() < 40).then(|| of_kind(FailureKind::Status(413))));
    assert_eq!(ask(&scripted, &texts(41)).await.unwrap().failures.inputs, 39);
    // Two failures that pass are no reason to give up.
    let count = AtomicUsize::new(0);
    let scripted = Scripted::vectors(move |_| {
        (!count.fetch_add(1, Ordering::SeqCst).is_multiple_of(3)).then(|| of_kind(FailureKind::Timeout))
    });
    let answers = ask(&scripted, &texts(12)).await.unwrap();
    assert_eq!((answers.answered, answers.failures.inputs, answers.failures.answered_alone), (4, 8, 0));
}

#[tokio::test]
async fn samples_without_a_second_answer_are_reported() {
    // Ten texts are three batches; then six are repeated alone, and the same ones among others.
    let count = AtomicUsize::new(0);
    let scripted = Scripted::vectors(move |texts| {
        let overloaded = || of_kind(FailureKind::Overloaded(503));
        let asked = count.fetch_add(1, Ordering::SeqCst);
        (asked == 3 || (asked > 8 && texts.len() == 1)).then(overloaded)
    });
    let answers = ask(&scripted, &texts(10)).await.unwrap();
    let seen = scripted.seen();
    let again = 1 + seen[9..].iter().filter(|texts| texts.len() == 1).count();
    assert_eq!((answers.failures.inputs, answers.failures.not_answered_again), (0, again));
    assert_eq!(answers.failures.examples[0].message, "overloaded (503): HTTP 503: no");
    let Some(Stability::Vectors(found)) = answers.stability else { panic!("{:?}", answers.stability) };
    assert_eq!((found.alone.pairs, found.concurrent.pairs), (5, 7 - again));
}

#[tokio::test]
async fn engines_without_any_result_have_failed() {
    let scripted = Scripted::vectors(|_| Some(of_kind(FailureKind::Status(400))));
    assert_eq!(ask(&scripted, &texts(3)).await.unwrap_err().kind, FailureKind::Status(400));
    let short = Scripted::new(|_| Ok(Output::Vectors(vec![vec![1.0]])));
    assert_eq!(ask(&short, &texts(2)).await.unwrap().failures.answered_alone, 2);
    let scores = Scripted::new(|_| Ok(Output::Scores(vec![1.0, 2.0])));
    assert_eq!(ask(&scores, &texts(2)).await.unwrap_err().kind, FailureKind::Shape);
}

#[tokio::test]
async fn texts_go_to_the_engine_of_their_role() {
    let (queries, documents) = (Scripted::vectors(|_| None), Scripted::vectors(|_| None));
    let mut all = texts(5);
    all[2..].iter_mut().for_each(|text| text.role = 1);
    let engines = [&queries, &documents].map(embedder);
    ASKING.run("e", &engines, &Inputs::Texts(all), &|| ()).await.unwrap();
    assert_eq!(queries.seen()[0], ["a", "aa"]);
    assert!(queries.seen().concat().iter().all(|text| text.len() < 3));
    assert!(documents.seen().concat().iter().all(|text| text.len() >= 3));
}

fn queries(documents: &[usize]) -> Vec<Query> {
    let query = |&count: &usize| Query {
        query: "q".into(),
        id: None,
        documents: (1..=count).map(|length| "d".repeat(length)).collect(),
    };
    documents.iter().map(query).collect()
}

#[tokio::test]
async fn documents_are_scored_together_and_alone() {
    let scripted = Scripted::new(|request| match request {
        Request::Rerank { documents, .. } => Ok(Output::Scores(documents.iter().map(|d| d.len() as f32).collect())),
        Request::Texts(_) => Err(wrong("queries were wanted")),
    });
    let answers = score(&scripted, &[3, 2]).await.unwrap();
    assert_eq!(scores(&answers, 0), Some(&[1.0, 2.0, 3.0][..]));
    assert_eq!((answers.answered, answers.failures.inputs), (5, 0));
    let Some(Stability::Scores(found)) = answers.stability else { panic!("{:?}", answers.stability) };
    assert_eq!((found.alone.pairs, found.alone.identical, found.concurrent.identical), (5, 5, 5));
    assert_eq!(scripted.seen().len(), ASKING.requests(&Inputs::Queries(queries(&[3, 2]))));
}

#[tokio::test]
async fn failed_queries_are_reported() {
    let scripted = Scripted::new(|request| match request {
        Request::Rerank { documents, .. } if documents.len() == 2 => Err(of_kind(FailureKind::Status(500))),
        Request::Rerank { documents, .. } => Ok(Output::Scores(vec![0.5; documents.len()])),
        Request::Texts(_) => Err(wrong("queries were wanted")),
    });
    let answers = score(&scripted, &[3, 2]).await.unwrap();
    assert_eq!(scores(&answers, 1), None);
    assert_eq!((answers.failures.inputs, answers.failures.examples[0].input.index), (1, 1));
    assert!(score(&scripted, &[2, 2]).await.is_err());
}
