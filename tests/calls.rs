//! Calls of a local engine with options of their own, as the server makes them.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::num::NonZero;

use infa::engine::{
    Call, Embedding, Engine, Judged, Local, OnnxEngine, OnnxOptions, Pending, Purpose, Refusal, Role, Text, TextOptions,
};
use infa::fetch::Context;
use infa::model::Model;
use infa::model::cache::HubEnv;
use infa::model::tokenizer::Truncate;
use support::{fixture, request, runtime};

fn engine(name: &str, purpose: Purpose, queue_tokens: usize) -> OnnxEngine {
    let source = request(fixture(name).to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap();
    let options = OnnxOptions { threads: NonZero::new(2).unwrap(), queue_tokens, ..OnnxOptions::default() };
    OnnxEngine::new(&runtime(), Model::read(source).unwrap(), purpose, &TextOptions::default(), options).unwrap()
}

fn embedder() -> OnnxEngine {
    engine("bert-tiny", Purpose::Embed, usize::MAX)
}

fn results<T>(pending: Result<Pending<T>, Refusal>) -> Vec<T> {
    pending.unwrap().wait().unwrap().results.into_iter().map(Result::unwrap).collect()
}

fn embed(engine: &OnnxEngine, text: &str, call: &Call) -> Embedding {
    results(engine.start_embed(vec![Text::Text(text.into())], call)).pop().unwrap()
}

fn norm(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

#[test]
fn without_options_a_call_gives_what_the_engine_gives() {
    let engine = embedder();
    let texts = ["one", "two words", "three words here", "one"];
    let expected = engine.embed(&texts, Role::Text);
    let texts = texts.iter().map(|&text| Text::Text(text.into())).collect();
    let got = results(engine.start_embed(texts, &Call::default()));
    assert_eq!(got, expected.into_iter().map(Result::unwrap).collect::<Vec<_>>());
}

#[test]
fn vectors_are_cut_and_normalised_as_the_call_says() {
    let engine = embedder();
    let whole = embed(&engine, "some words", &Call { normalize: Some(false), ..Call::default() });
    let cut = embed(&engine, "some words", &Call { dimensions: Some(8), ..Call::default() });
    let raw = embed(&engine, "some words", &Call { dimensions: Some(8), normalize: Some(false), ..Call::default() });
    let unit = embed(&engine, "some words", &Call { normalize: Some(true), ..Call::default() });
    assert_eq!((cut.vector.len(), raw.vector.len()), (8, 8));
    assert!((norm(&cut.vector) - 1.0).abs() < 1e-6 && (norm(&unit.vector) - 1.0).abs() < 1e-6);
    assert_eq!(raw.vector, whole.vector[..8]);
    for (a, b) in cut.vector.iter().zip(&raw.vector) {
        assert!((a - b / norm(&raw.vector)).abs() < 1e-6);
    }
    for dimensions in [0, whole.vector.len() + 1] {
        let call = Call { dimensions: Some(dimensions), ..Call::default() };
        let refusal = engine.start_embed(vec![Text::Text("x".into())], &call).err().unwrap();
        assert!(matches!(&refusal, Refusal::Option { field: "dimensions", .. }), "{refusal}");
    }
}

#[test]
fn a_prompt_of_the_call_goes_before_its_texts() {
    let engine = embedder();
    let call = Call { prompt: Some("query: ".into()), ..Call::default() };
    assert_eq!(embed(&engine, "hello", &call).vector, embed(&engine, "query: hello", &Call::default()).vector);
    let call = Call { prompt_name: Some("nonsense".into()), ..Call::default() };
    let refusal = engine.start_embed(vec![Text::Text("x".into())], &call).err().unwrap();
    assert!(matches!(&refusal, Refusal::Option { field: "prompt_name", reason } if reason.contains("nonsense")));
}

#[test]
fn token_ids_go_to_the_model_as_they_are() {
    let engine = embedder();
    let tokens = engine.model().tokenizer.encode("some words here", 512, Truncate::Right).unwrap();
    let ids: Vec<u32> = tokens.ids.iter().map(|&id| u32::try_from(id).unwrap()).collect();
    let got = results(engine.start_embed(vec![Text::Ids(ids.clone())], &Call::default())).pop().unwrap();
    assert_eq!(got, embed(&engine, "some words here", &Call::default()));
    let wrong =
        engine.start_embed(vec![Text::Ids(vec![u32::MAX]), Text::Ids(ids), Text::Ids(vec![])], &Call::default());
    let results = wrong.unwrap().wait().unwrap().results;
    assert!(results[0].as_ref().is_err_and(|e| !e.is_internal() && e.to_string().contains("vocabulary")));
    assert!(results[1].is_ok() && results[2].is_err());
}

#[test]
fn truncation_is_the_calls() {
    let engine = embedder();
    let long = format!("first {} last", "and on ".repeat(2000));
    let call = |truncate| Call { truncate: Some(truncate), ..Call::default() };
    let (right, left) = (embed(&engine, &long, &call(Truncate::Right)), embed(&engine, &long, &call(Truncate::Left)));
    assert!(right.truncated == Some(true) && left.truncated == Some(true) && right.vector != left.vector);
    let none = engine.start_embed(vec![Text::Text(long)], &call(Truncate::None)).unwrap().wait().unwrap().results;
    assert!(none[0].as_ref().is_err_and(|e| !e.is_internal()));
}

#[test]
fn what_the_model_does_not_do_is_refused_before_any_work() {
    let engine = embedder();
    let pair = vec![Judged::Pair("a".into(), "b".into())];
    assert!(matches!(engine.start_predict(pair, &Call::default()), Err(Refusal::Unsupported(_))));
    let text = || vec![Text::Text("a".into())];
    assert!(matches!(engine.start_embed_sparse(text(), &Call::default()), Err(Refusal::Unsupported(_))));
    assert!(matches!(engine.start_embed_tokens(text(), &Call::default()), Err(Refusal::Unsupported(_))));
}

#[test]
fn hidden_states_of_any_encoder() {
    let engine = engine("bert-tiny", Purpose::HiddenStates, usize::MAX);
    let got = results(engine.start_embed_tokens(vec![Text::Text("two words".into())], &Call::default())).pop().unwrap();
    assert_eq!(got.vectors.len(), got.tokens * got.dimensions);
    // Their mean is the vector of the text before it is normalised, as this model pools by the mean.
    let mut mean = vec![0.0; got.dimensions];
    for row in got.vectors.chunks_exact(got.dimensions) {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / got.tokens as f32);
    }
    let whole = embed(&embedder(), "two words", &Call { normalize: Some(false), ..Call::default() });
    for (a, b) in mean.iter().zip(&whole.vector) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn a_full_queue_refuses_the_whole_call() {
    let engine = engine("bert-tiny", Purpose::Embed, 2000);
    let texts =
        |count: usize| (0..count).map(|i| Text::Text(format!("{i} {}", "word ".repeat(60)))).collect::<Vec<_>>();
    // Larger than the queue, but nothing waits yet: it is let in, and then nothing else is.
    let large = engine.start_embed(texts(2000), &Call::default()).unwrap();
    let refusal = engine.start_embed(texts(100), &Call::default()).err().unwrap();
    assert!(matches!(refusal, Refusal::Full { .. }));
    while engine.stats().tasks == 0 {
        std::thread::yield_now();
    }
    // The large one is given up: there is room again.
    drop(large);
    while engine.stats().tasks > 0 {
        std::thread::yield_now();
    }
    assert_eq!(results(engine.start_embed(texts(3), &Call::default())).len(), 3);
    assert!(engine.stats().abandoned > 1000 && engine.stats().tasks == 0);
}
