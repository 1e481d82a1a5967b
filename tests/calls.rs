//! Requests to a local engine with options of their own, as the server makes them.
#![allow(clippy::unwrap_used)]

mod support;

use std::num::NonZero;

use infa::parts::engine::{
    Completed, Embedding, Engine, Input, OnnxEngine, OnnxOptions, OutputKind, OutputOf, Request, RequestOptions, Role,
    SubmitError, TextOptions, TokenEmbeddings,
};
use infa::parts::fetch::Context;
use infa::parts::model::cache::HubEnv;
use infa::parts::model::tokenizer::Truncate;
use infa::parts::model::{Model, Setting, SettingError};
use support::blocking::wait;
use support::{Blocking, fixture, request, runtime};

fn engine(name: &str, purpose: OutputKind, queue_tokens: usize) -> OnnxEngine {
    let source = request(fixture(name).to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap();
    let options = OnnxOptions { threads: NonZero::new(2).unwrap(), queue_tokens, ..OnnxOptions::default() };
    OnnxEngine::new(&runtime(), Model::read(source).unwrap(), purpose, &TextOptions::default(), options).unwrap()
}

fn embedder() -> OnnxEngine {
    engine("bert-tiny", OutputKind::Embedding, usize::MAX)
}

fn results<T: OutputOf>(completed: Result<Completed, SubmitError>) -> Vec<T> {
    completed.unwrap().results_as().into_iter().map(Result::unwrap).collect()
}

fn start(engine: &OnnxEngine, inputs: Vec<Input>, options: &RequestOptions) -> Result<Completed, SubmitError> {
    engine.request(OutputKind::Embedding, inputs, options)
}

fn embed(engine: &OnnxEngine, text: &str, options: &RequestOptions) -> Embedding {
    results(start(engine, vec![text.into()], options)).pop().unwrap()
}

fn norm(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

#[test]
fn without_options_a_call_gives_what_the_engine_gives() {
    let engine = embedder();
    let texts = ["one", "two words", "three words here", "one"];
    let expected = engine.embed(&texts, Role::Text);
    let texts = texts.iter().map(|&text| Input::Text(text.into())).collect();
    let got: Vec<Embedding> = results(start(&engine, texts, &RequestOptions::default()));
    assert_eq!(got, expected.into_iter().map(Result::unwrap).collect::<Vec<_>>());
}

#[test]
fn vectors_are_cut_and_normalised_as_the_call_says() {
    let engine = embedder();
    let whole = embed(&engine, "some words", &RequestOptions { normalize: Some(false), ..RequestOptions::default() });
    let cut = embed(&engine, "some words", &RequestOptions { dimensions: Some(8), ..RequestOptions::default() });
    let raw = embed(
        &engine,
        "some words",
        &RequestOptions { dimensions: Some(8), normalize: Some(false), ..RequestOptions::default() },
    );
    let unit = embed(&engine, "some words", &RequestOptions { normalize: Some(true), ..RequestOptions::default() });
    assert_eq!((cut.vector.len(), raw.vector.len()), (8, 8));
    assert!((norm(&cut.vector) - 1.0).abs() < 1e-6 && (norm(&unit.vector) - 1.0).abs() < 1e-6);
    assert_eq!(raw.vector, whole.vector[..8]);
    for (a, b) in cut.vector.iter().zip(&raw.vector) {
        assert!((a - b / norm(&raw.vector)).abs() < 1e-6);
    }
    for dimensions in [0, whole.vector.len() + 1] {
        let call = RequestOptions { dimensions: Some(dimensions), ..RequestOptions::default() };
        let refusal = start(&engine, vec![Input::Text("x".into())], &call).err().unwrap();
        assert!(
            matches!(&refusal, SubmitError::Setting(SettingError { setting: Setting::Dimensions, .. })),
            "{refusal}"
        );
    }
}

#[test]
fn a_prompt_of_the_call_goes_before_its_texts() {
    let engine = embedder();
    let call = RequestOptions { prompt: Some("query: ".into()), ..RequestOptions::default() };
    assert_eq!(
        embed(&engine, "hello", &call).vector,
        embed(&engine, "query: hello", &RequestOptions::default()).vector
    );
    let call = RequestOptions { prompt_name: Some("nonsense".into()), ..RequestOptions::default() };
    let refusal = start(&engine, vec![Input::Text("x".into())], &call).err().unwrap();
    assert!(
        matches!(&refusal, SubmitError::Setting(SettingError { setting: Setting::PromptName, reason, .. }) if reason.contains("nonsense"))
    );
}

#[test]
fn token_ids_go_to_the_model_as_they_are() {
    let engine = embedder();
    let tokens = engine.model().tokenizer.encode("some words here", 512, Truncate::Right).unwrap();
    let ids: Vec<u32> = tokens.ids.iter().map(|&id| u32::try_from(id).unwrap()).collect();
    let got: Embedding =
        results(start(&engine, vec![Input::Ids(ids.clone())], &RequestOptions::default())).pop().unwrap();
    assert_eq!(got, embed(&engine, "some words here", &RequestOptions::default()));
    let wrong = start(
        &engine,
        vec![Input::Ids(vec![u32::MAX]), Input::Ids(ids), Input::Ids(vec![])],
        &RequestOptions::default(),
    );
    let results = wrong.unwrap().results;
    assert!(results[0].as_ref().is_err_and(|e| !e.is_internal() && e.to_string().contains("vocabulary")));
    assert!(results[1].is_ok() && results[2].is_err());
}

#[test]
fn truncation_is_the_calls() {
    let engine = embedder();
    let long = format!("first {} last", "and on ".repeat(2000));
    let call = |truncate| RequestOptions { truncate: Some(truncate), ..RequestOptions::default() };
    let (right, left) = (embed(&engine, &long, &call(Truncate::Right)), embed(&engine, &long, &call(Truncate::Left)));
    assert!(right.truncated == Some(true) && left.truncated == Some(true) && right.vector != left.vector);
    let none = start(&engine, vec![Input::Text(long)], &call(Truncate::None)).unwrap().results;
    assert!(none[0].as_ref().is_err_and(|e| !e.is_internal()));
}

#[test]
fn what_the_model_does_not_do_is_refused_before_any_work() {
    let engine = embedder();
    let pair = || Input::Pair("a".into(), "b".into());
    let cases = [
        (OutputKind::Logits, pair(), "logits"),
        (OutputKind::Embedding, pair(), "single texts"),
        (OutputKind::Sparse, "a".into(), "sparse vectors"),
        (OutputKind::TokenVectors, "a".into(), "vectors of tokens"),
        (OutputKind::Score, pair(), "scores"),
    ];
    for (kind, input, said) in cases {
        let error = engine.submit(Request::new(kind, vec![input], RequestOptions::default())).err().unwrap();
        assert!(matches!(&error, SubmitError::Unsupported(reason) if reason.contains(said)), "{error}");
    }
}

#[test]
fn hidden_states_of_any_encoder() {
    let engine = engine("bert-tiny", OutputKind::HiddenStates, usize::MAX);
    let completed = engine.request(OutputKind::HiddenStates, vec!["two words".into()], &RequestOptions::default());
    let got: TokenEmbeddings = results(completed).pop().unwrap();
    assert_eq!(got.vectors.len(), got.tokens * got.dimensions);
    // Their mean is the vector of the text before it is normalised, as this model pools by the mean.
    let mut mean = vec![0.0; got.dimensions];
    for row in got.vectors.chunks_exact(got.dimensions) {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / got.tokens as f32);
    }
    let whole =
        embed(&embedder(), "two words", &RequestOptions { normalize: Some(false), ..RequestOptions::default() });
    for (a, b) in mean.iter().zip(&whole.vector) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn a_full_queue_refuses_the_whole_call() {
    let engine = engine("bert-tiny", OutputKind::Embedding, 2000);
    let texts =
        |count: usize| (0..count).map(|i| Input::Text(format!("{i} {}", "word ".repeat(60)))).collect::<Vec<_>>();
    // Larger than the queue, but nothing waits yet: it is let in, and then nothing else is.
    let begin = |count| engine.submit(Request::new(OutputKind::Embedding, texts(count), RequestOptions::default()));
    let large = begin(2000).unwrap();
    let refusal = begin(100).err().unwrap();
    assert!(matches!(refusal, SubmitError::Full { .. }));
    while engine.stats().tasks == 0 {
        std::thread::yield_now();
    }
    // The large one is given up: there is room again.
    drop(large);
    while engine.stats().tasks > 0 {
        std::thread::yield_now();
    }
    assert_eq!(wait(begin(3).unwrap()).unwrap().results.iter().flatten().count(), 3);
    assert!(engine.stats().abandoned > 1000 && engine.stats().tasks == 0);
}
