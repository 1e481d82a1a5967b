#![allow(clippy::unwrap_used)]

use super::*;
use crate::engine::rerank::Method;
use crate::engine::{Completed, EngineInfo, Pending};

/// Gives these outputs for every request.
struct Echo {
    info: EngineInfo,
    outputs: Vec<engine::Output>,
}

impl Engine for Echo {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, _: engine::Request) -> Result<Pending<Completed>, SubmitError> {
        let results = self.outputs.iter().cloned().map(Ok).collect();
        Ok(Pending::fetched(async move { Ok(Completed { results, ..Completed::default() }) }))
    }

    fn in_flight(&self) -> usize {
        3
    }
}

fn open(output: Output) -> OpenEngine {
    let (kind, outputs): (_, Vec<engine::Output>) = match output {
        Output::Vectors(vectors) => {
            let output = |vector| engine::Output { embedding: Some(vector), ..engine::Output::default() };
            (OutputKind::Embedding, vectors.into_iter().map(output).collect())
        }
        Output::Scores(scores) => {
            let output = |score| engine::Output { score: Some(f64::from(score)), ..engine::Output::default() };
            (OutputKind::Score, scores.into_iter().map(output).collect())
        }
    };
    let info = EngineInfo { model: "echo".into(), output: kind, dimensions: 1, scoring: None, local: None };
    let echo: Arc<dyn Engine> = Arc::new(Echo { info, outputs });
    match kind {
        OutputKind::Score => OpenEngine::Reranker(Reranker::new(echo, Method::Engine).unwrap()),
        _ => OpenEngine::Embedder(echo, Role::Text),
    }
}

async fn ask(output: Output, inputs: usize) -> Outcome {
    let texts = vec!["a".to_owned(); inputs];
    let request = match &output {
        Output::Vectors(_) => Request::Texts(texts),
        Output::Scores(_) => Request::Rerank { query: "q".into(), documents: texts },
    };
    let requests = [Prepared { request, tokens: Some(7), first: 0 }].into();
    let checked = CheckedEngine::new(open(output), requests);
    assert_eq!((checked.requests(), Target::in_flight(&checked)), (1, 3));
    checked.send(0).await
}

#[tokio::test]
async fn tokens_are_those_counted_here() {
    let answer = ask(Output::Vectors(vec![vec![1.0, 0.0]; 2]), 2).await.unwrap();
    assert_eq!((answer.inputs, answer.tokens), (2, Some(7)));
    assert_eq!(ask(Output::Scores(vec![0.5]), 1).await.unwrap().inputs, 1);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_a_failure() {
    for (output, kind, said) in [
        (Output::Vectors(vec![vec![1.0]]), FailureKind::Shape, "1 outputs for 2 inputs"),
        (Output::Vectors(vec![vec![1.0, 1.0], vec![1.0]]), FailureKind::Shape, "of 1 numbers, and before of 2"),
        (Output::Vectors(vec![vec![1.0], vec![f32::NAN]]), FailureKind::NotFinite, "NaN"),
        (Output::Vectors(vec![vec![1.0], vec![0.0]]), FailureKind::NotFinite, "zero"),
        (Output::Scores(vec![1.0]), FailureKind::Shape, "1 outputs for 2 inputs"),
        (Output::Scores(vec![1.0, f32::INFINITY]), FailureKind::NotFinite, "inf"),
    ] {
        let failure = ask(output, 2).await.unwrap_err();
        assert!(failure.kind == kind && failure.message.contains(said), "{failure}");
    }
}

#[tokio::test]
async fn a_request_of_the_other_kind_is_a_failure() {
    let rerank = Request::Rerank { query: "q".into(), documents: vec!["a".into()] };
    assert!(open(Output::Vectors(vec![vec![1.0]])).send(&rerank).await.is_err());
    assert!(open(Output::Scores(vec![1.0])).send(&Request::Texts(vec!["a".into()])).await.is_err());
}
