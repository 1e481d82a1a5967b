//! What can go wrong in another process: each is an error of its kind, and nothing hangs.

use std::time::Duration;

use infa::parts::engine::python::{PythonOptions, PythonTask, Worker};
use infa::parts::engine::{
    Checked, Embedding, Engine, OutputKind, PythonEngine, PythonError, Request, RequestOptions, Role, TextError,
};
use infa::parts::fetch::Cancel;

use crate::fake::{gone, model, python, torch, vector};

async fn ask(worker: &Worker, text: &str) -> Result<Vec<f32>, PythonError> {
    Ok(worker.embed(&[text], Role::Text).await?.values.remove(0))
}

#[tokio::test]
async fn a_crash_is_reported_with_its_last_words_and_every_request_after_it_fails() {
    let (worker, _model) = torch().await;
    let (first, second) = tokio::join!(ask(&worker, "crash"), ask(&worker, "waiting behind"));
    let Err(PythonError::Died { status, stderr }) = &first else { panic!("{first:?}") };
    assert_eq!(status, "exit status 3");
    assert_eq!(stderr.last().unwrap(), "the last words");
    assert_eq!(second, first);
    assert_eq!(ask(&worker, "later").await, first);
    assert_eq!(worker.death(), first.err());
    assert!(gone(worker.pid().unwrap()));
}

#[tokio::test]
async fn signals_and_exits_are_reported() {
    for (text, reported) in [("signal", "signal: 9"), ("exit", "exit status 5")] {
        let (worker, _model) = torch().await;
        let error = ask(&worker, text).await.unwrap_err();
        assert!(matches!(&error, PythonError::Died { status, .. } if status.contains(reported)), "{error:?}");
    }
}

#[tokio::test]
async fn a_process_that_closes_its_pipes_is_ended() {
    let (worker, _model) = torch().await;
    let error = ask(&worker, "close").await.unwrap_err();
    assert!(error.is_final(), "{error:?}");
    assert!(gone(worker.pid().unwrap()));
}

#[tokio::test]
async fn an_exception_costs_its_request_alone() {
    let (worker, _model) = torch().await;
    let error = ask(&worker, "raise").await.unwrap_err();
    assert!(
        matches!(&error, PythonError::Failed(reason) if reason.contains("ValueError: no such text: ä")),
        "{error:?}"
    );
    assert!(!error.is_final());
    assert_eq!(ask(&worker, "fine").await, Ok(vector("fine")));
}

#[tokio::test]
async fn wrong_shapes_are_found() {
    let (worker, _model) = torch().await;
    for (texts, reason) in [(["fewer", "b"], "1 results for 2 inputs"), (["wider", "b"], "5 dimensions instead of 4")] {
        let error = worker.embed(&texts, Role::Text).await.unwrap_err();
        assert!(matches!(&error, PythonError::Shape(reported) if reported.contains(reason)), "{error:?}");
    }
    assert_eq!(ask(&worker, "fine").await, Ok(vector("fine")));
}

#[tokio::test]
async fn a_process_that_does_not_answer_is_ended() {
    let model = model("model");
    let options = PythonOptions { request_timeout: Duration::from_millis(300), ..model.options("torch") };
    let worker = Worker::start(&options).await.unwrap();
    let error = ask(&worker, "hang").await.unwrap_err();
    assert!(matches!(error, PythonError::Hung { .. }), "{error:?}");
    assert!(gone(worker.pid().unwrap()));
    assert_eq!(ask(&worker, "later").await, Err(error));
}

#[tokio::test]
async fn a_request_that_is_too_large_is_not_sent() {
    let (worker, _model) = torch().await;
    let text = "x".repeat(64 << 20);
    let error = worker.embed(&[text.as_str(); 5], Role::Text).await.unwrap_err();
    assert!(matches!(error, PythonError::TooLarge { .. }), "{error:?}");
    assert_eq!(ask(&worker, "fine").await, Ok(vector("fine")));
}

#[tokio::test]
async fn what_keeps_an_engine_from_starting_is_reported() {
    let fails = async |name: &str, spec: &str| model(name).start(spec).await.err().unwrap();
    let error = fails("broken", "torch").await;
    assert!(error.to_string().contains("RuntimeError: these weights are broken"), "{error}");
    assert!(error.hint().unwrap().contains("a warning before"), "{error:?}");
    let error = fails("needy", "torch").await;
    assert!(matches!(&error, PythonError::Missing { package, .. } if package == "flash-attn"), "{error:?}");
    let error = fails("model", "torch@cuda").await;
    assert!(matches!(&error, PythonError::Refused(reason) if reason.contains("no CUDA")), "{error:?}");
    let error = fails("model", "openvino").await;
    assert!(matches!(&error, PythonError::Missing { package, .. } if package == "openvino"), "{error:?}");
    assert!(error.hint().unwrap().contains("infa engines install openvino"));

    let model = model("slow");
    let options = PythonOptions { start_timeout: Duration::from_millis(300), ..model.options("torch") };
    let error = Worker::start(&options).await.err().unwrap();
    assert!(matches!(error, PythonError::Slow { .. }), "{error:?}");
}

#[tokio::test]
async fn interpreters_that_are_none() {
    let model = model("model");
    let start = async |name: &str| {
        let options = PythonOptions { python: Some(python(name)), ..model.options("torch") };
        Worker::start(&options).await.err().unwrap()
    };
    let error = start("bare-python").await;
    assert!(matches!(&error, PythonError::Missing { package, .. } if package == "torch"), "{error:?}");
    for name in ["no-such-python", "installing-python"] {
        let error = start(name).await;
        assert!(matches!(&error, PythonError::Spawn { .. }) && error.to_string().contains(name), "{error:?}");
    }
}

/// One result a text.
async fn embed(engine: &Checked<PythonEngine>, texts: &[&str]) -> Vec<Result<Embedding, TextError>> {
    let inputs = texts.iter().map(|&text| text.into()).collect();
    let request = Request::new(OutputKind::Embedding, inputs, RequestOptions::default());
    engine.submit(request).unwrap().await.unwrap().results_as()
}

#[tokio::test]
async fn checked_engines_name_what_is_wrong_with_each_text() {
    let model = model("model");
    let engine = PythonEngine::start("m", &model.options("torch"), &Cancel::new()).await.unwrap();
    let engine = Checked::new(engine, "torch".into());
    let results = embed(&engine, &["a", "nan", "b"]).await;
    assert_eq!(results[0].as_ref().unwrap().vector, vector("a"));
    assert!(results[1].as_ref().unwrap_err().to_string().starts_with("torch: "), "{results:?}");
    assert_eq!(results[2].as_ref().unwrap().vector, vector("b"));
    let results = embed(&engine, &["a", "crash"]).await;
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().to_string().contains("the last words")));
    assert!(embed(&engine, &["a"]).await[0].is_err());
}

#[tokio::test]
async fn starting_ends_after_an_interruption() {
    let model = model("slow");
    let cancel = Cancel::new();
    cancel.cancel();
    let error = PythonEngine::start("m", &model.options("torch"), &cancel).await.err().unwrap();
    assert!(error.to_string().contains("interrupted"), "{error}");
}

#[tokio::test]
async fn embedding_models_are_no_rerankers() {
    let model = model("model");
    model.file("config.json", r#"{"architectures": ["BertModel"]}"#);
    let options = PythonOptions { task: PythonTask::Rerank, ..model.options("torch") };
    let error = Worker::start(&options).await.err().unwrap();
    assert!(matches!(&error, PythonError::Refused(reason) if reason.contains("no cross-encoder")), "{error:?}");
    let options = PythonOptions { task: PythonTask::Rerank, ..model.options("openvino") };
    assert!(matches!(options.check(), Err(PythonError::Option(reason)) if reason.contains("torch scores")));
}
