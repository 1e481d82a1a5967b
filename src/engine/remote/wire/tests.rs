//! The requests and replies of every protocol, without a server.
#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};

use reqwest::Url;

use super::*;
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::engine::{EngineKind, Input, Role};
use crate::model::tokenizer::Truncate;
use crate::model::{Setting, SettingError};

const TEXTS: [&str; 2] = ["a \"b\"\n", "ü"];

fn server(name: &str) -> Box<dyn Protocol> {
    let kind = <EngineKind as clap::ValueEnum>::from_str(name, false).unwrap();
    protocol(kind, "http://a")
}

fn protocol(kind: EngineKind, url: &str) -> Box<dyn Protocol> {
    (kind.server().unwrap().protocol)(&Url::parse(url).unwrap()).0
}

/// Path and body of a request.
fn sent(request: &Request) -> (String, Json) {
    let body = request.body.as_ref().map_or(Json::Null, |body| serde_json::from_slice(body).unwrap());
    (format!("{} {}", request.method, request.path.join("/")), body)
}

fn reply(body: &Json) -> Reply {
    text_reply(body.to_string())
}

fn text_reply(body: impl Into<Vec<u8>>) -> Reply {
    Reply { body: body.into(), ..Reply::default() }
}

fn with_header(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    reply.headers.insert(name, value.parse().unwrap());
    reply
}

fn everything() -> Parameters {
    Parameters {
        model: Some("m".into()),
        dimensions: Some(2),
        normalize: Some(false),
        prompt: Some("p: ".into()),
        prompt_name: Some("query".into()),
        truncate: Some(Truncate::Left),
        raw_scores: true,
    }
}

#[test]
fn requests_for_vectors() {
    let nothing = Parameters::default();
    let of = |name: &str, ask: &Parameters, role| sent(&server(name).embed(ask, role, &TEXTS));
    let cases = [
        ("openai", Role::Text, "v1/embeddings", json!({"input": TEXTS, "encoding_format": "float"})),
        ("tei", Role::Text, "embed", json!({"inputs": TEXTS})),
        ("infinity", Role::Text, "embeddings", json!({"input": TEXTS, "encoding_format": "base64"})),
        (
            "cohere",
            Role::Query,
            "v2/embed",
            json!({"texts": TEXTS, "input_type": "search_query", "embedding_types": ["float"]}),
        ),
        ("jina", Role::Text, "v1/embeddings", json!({"input": TEXTS, "embedding_type": "float"})),
        (
            "infa",
            Role::Text,
            "embeddings",
            json!({"input": TEXTS, "encoding_format": "base64", "embedding_dtype": "float32"}),
        ),
    ];
    for (name, role, path, body) in cases {
        assert_eq!(of(name, &nothing, role), (format!("POST {path}"), body), "{name}");
    }
    let added = |name: &str, role| {
        let (all, plain) = (of(name, &everything(), role).1, of(name, &nothing, role).1);
        let new = all.as_object().unwrap().iter().filter(|(key, _)| plain.get(key).is_none());
        Json::Object(new.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    assert_eq!(added("openai", Role::Text), json!({"model": "m", "dimensions": 2}));
    assert_eq!(added("infinity", Role::Text), json!({"model": "m", "dimensions": 2}));
    assert_eq!(
        added("tei", Role::Text),
        json!({
            "truncate": true, "truncation_direction": "Left", "normalize": false, "prompt_name": "query",
            "dimensions": 2, "model": "m",
        })
    );
    assert_eq!(added("cohere", Role::Document), json!({"model": "m", "output_dimension": 2, "truncate": "START"}));
    let jina = json!({"model": "m", "task": "retrieval.passage", "dimensions": 2, "normalized": false});
    let plain = of("jina", &nothing, Role::Text).1;
    assert!(plain.get("task").is_none());
    assert_eq!(of("jina", &everything(), Role::Document).1["task"], "retrieval.passage");
    for (key, value) in jina.as_object().unwrap() {
        assert_eq!(&of("jina", &everything(), Role::Document).1[key], value);
    }
    assert_eq!(
        added("infa", Role::Text),
        json!({
            "model": "m", "dimensions": 2, "normalize": false, "prompt": "p: ", "prompt_name": "query",
            "truncate": "left",
        })
    );
}

#[test]
fn requests_for_scores() {
    let of = |name: &str, ask: &Parameters| sent(&server(name).rerank(ask, "q", &TEXTS));
    let (query, documents) = ("q", TEXTS);
    let plain = json!({"query": query, "documents": documents});
    let quiet = json!({"query": query, "documents": documents, "return_documents": false});
    let tei = json!({"query": query, "texts": documents, "raw_scores": false});
    let cases = [("tei", "rerank", tei), ("infinity", "rerank", quiet.clone()), ("cohere", "v2/rerank", plain.clone())];
    for (name, path, body) in cases.into_iter().chain([("jina", "v1/rerank", quiet), ("infa", "rerank", plain)]) {
        assert_eq!(of(name, &Parameters::default()), (format!("POST {path}"), body), "{name}");
    }
    for name in ["tei", "infinity", "infa"] {
        assert_eq!(of(name, &everything()).1["raw_scores"], true, "{name}");
    }
    for name in ["tei", "infinity", "cohere", "jina", "infa"] {
        assert_eq!(of(name, &everything()).1["model"], "m", "{name}");
    }
    assert_eq!(of("infa", &everything()).1["truncate"], "left");
}

#[test]
fn a_url_with_a_path_is_taken_as_it_is() {
    let path = |kind| sent(&protocol(kind, "http://a/x").embed(&Parameters::default(), Role::Text, &TEXTS)).0;
    assert_eq!(path(EngineKind::Openai), "POST embeddings");
    assert_eq!(path(EngineKind::Jina), "POST embeddings");
    assert_eq!(path(EngineKind::Infinity), "POST embeddings");
}

/// Vectors [1, 2] and [-0.5, 0.25], as every server sends them.
fn vectors(name: &str) -> Reply {
    match name {
        "tei" => with_header(reply(&json!([[1.0, 2.0], [-0.5, 0.25]])), "x-compute-tokens", "7"),
        "cohere" => reply(&json!({
            "id": "x", "texts": TEXTS, "embeddings": {"float": [[1, 2], [-0.5, 0.25]]},
            "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7.0}},
        })),
        "triton" => reply(&json!({"model_name": "m", "outputs": [
            {"name": "embedding", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, -0.5, 0.25]},
        ]})),
        // Out of order; one as base64, which Infinity and infa are requested to send.
        _ => reply(&json!({
            "object": "list", "model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7},
            "data": [
                {"object": "embedding", "index": 1, "embedding": "AAAAvwAAgD4="},
                {"object": "embedding", "index": 0, "embedding": [1, 2.0]},
            ],
        })),
    }
}

const ALL: [&str; 7] = ["openai", "tei", "infinity", "cohere", "jina", "triton", "infa"];

#[test]
fn vectors_in_the_order_of_texts() {
    for name in ALL {
        let Embedded { values: vectors, tokens, model } = server(name).embedded(&vectors(name), 2).unwrap();
        assert_eq!(vectors, [[1.0, 2.0], [-0.5, 0.25]], "{name}");
        assert_eq!(tokens, (name != "triton").then_some(7), "{name}");
        assert_eq!(model.is_some(), !["tei", "cohere", "triton"].contains(&name), "{name}");
    }
}

#[test]
fn what_is_said_by_the_way_is_no_error() {
    let data = json!([{"index": 0, "embedding": [1]}]);
    for (usage, tokens) in [
        (json!({"prompt_tokens": 3.0, "total_tokens": null}), Some(3)),
        (json!({"prompt_tokens": null, "total_tokens": 4}), Some(4)),
        (json!({"prompt_tokens": -1}), None),
        (json!("free"), None),
        (json!(null), None),
    ] {
        let odd = reply(&json!({"data": data, "usage": usage, "model": {"name": 7}}));
        let read = server("openai").embedded(&odd, 1).unwrap();
        assert_eq!((read.tokens, read.model), (tokens, None), "{usage}");
    }
}

#[test]
fn fewer_vectors_more_and_other_things() {
    for name in ALL {
        let read = |reply: &Reply, count| server(name).embedded(reply, count).unwrap_err().kind();
        assert_eq!(read(&vectors(name), 1), "wrong shape", "{name}");
        assert_eq!(read(&vectors(name), 3), "wrong shape", "{name}");
        assert_eq!(read(&text_reply("<html>"), 2), "garbage", "{name}");
        assert_eq!(read(&text_reply(""), 2), "garbage", "{name}");
        for odd in [json!({}), json!([]), json!(null), json!([["x"]]), json!({"data": [], "outputs": []})] {
            assert_eq!(read(&reply(&odd), 2), "wrong shape", "{name} {odd}");
        }
        let whole = vectors(name).body;
        for length in 0..whole.len() {
            assert!(server(name).embedded(&text_reply(&whole[..length]), 2).is_err(), "{name} {length}");
        }
    }
}

#[test]
fn vectors_that_do_not_belong_together() {
    let data = |items: Json| reply(&json!({"data": items}));
    let openai = |items| server("openai").embedded(&data(items), 2).map_err(|e| e.to_string());
    let item = |index: usize, vector: Json| json!({"index": index, "embedding": vector});
    assert!(openai(json!([item(0, json!([1])), item(0, json!([1]))])).unwrap_err().contains("two results"));
    assert!(openai(json!([item(0, json!([1])), item(2, json!([1]))])).unwrap_err().contains("input 2 of 2"));
    assert!(
        openai(json!([item(0, json!([1])), item(1, json!([1, 2]))])).unwrap_err().contains("1 and of 2 dimensions")
    );
    // Some servers leave the index out.
    let bare = json!([{"embedding": [1]}, {"embedding": [2]}]);
    assert_eq!(openai(bare).unwrap().values, [[1.0], [2.0]]);
    let tei = server("tei").embedded(&reply(&json!([[1, 2], [1]])), 2).unwrap_err();
    assert!(tei.to_string().contains("2 and of 1 dimensions"), "{tei}");
    let nan = server("tei").embedded(&reply(&json!([[1, null], [1, 2]])), 2).unwrap();
    assert!(nan.values[0][1].is_nan() && nan.values[1] == [1.0, 2.0]);
}

/// Scores 0.25 and 0.999999999999 of two documents.
fn scores(name: &str) -> Reply {
    match name {
        "tei" => reply(&json!([{"index": 1, "score": 0.999999999999}, {"index": 0, "score": 0.25}])),
        _ => reply(&json!({
            "results": [
                {"index": 1, "relevance_score": 0.999999999999, "document": null},
                {"index": 0, "relevance_score": 0.25, "document": {"text": "x"}},
            ],
            "usage": {"total_tokens": 9},
        })),
    }
}

#[test]
fn scores_in_the_order_of_documents() {
    for name in ["tei", "infinity", "cohere", "jina", "infa"] {
        let scored = server(name).reranked(&scores(name), 2).unwrap();
        assert_eq!(scored.values, [0.25, 0.999999999999], "{name}");
        assert_eq!(scored.tokens, (name != "tei").then_some(9), "{name}");
        for count in [1, 3] {
            assert_eq!(server(name).reranked(&scores(name), count).unwrap_err().kind(), "wrong shape", "{name}");
        }
        for odd in [json!({}), json!(7), json!([{"index": 0}]), json!({"results": [{"index": -1}]})] {
            assert_eq!(server(name).reranked(&reply(&odd), 1).unwrap_err().kind(), "wrong shape", "{name} {odd}");
        }
        let whole = scores(name).body;
        for length in 0..whole.len() {
            assert!(server(name).reranked(&text_reply(&whole[..length]), 2).is_err(), "{name} {length}");
        }
    }
    let twice = json!([{"index": 1, "score": 0.5}, {"index": 1, "score": 0.25}]);
    assert!(server("tei").reranked(&reply(&twice), 2).unwrap_err().to_string().contains("two results for input 1"));
}

/// The parameters after queries to a server that answers with `replies`.
fn settled(
    name: &str,
    model: Option<&str>,
    task: RemoteTask,
    replies: &[Json],
) -> Result<(Parameters, Option<String>), SettingError> {
    let (mut server, mut ask) = (server(name), Parameters { model: model.map(str::to_owned), ..Parameters::default() });
    let mut replies = replies.iter();
    while server.next_query(&ask).is_some() {
        let refused = RemoteError::Status { code: 404, message: None, retry_after: None };
        let answer = replies.next().map(reply);
        server.read_reply(&mut ask, task, answer.as_ref().ok_or(&refused))?;
    }
    assert!(replies.next().is_none(), "{name} sends fewer queries");
    let model = server.model().map(str::to_owned);
    Ok((ask, model))
}

#[test]
fn without_a_name_the_model_is_the_servers() {
    let list = |models: Json| json!({"object": "list", "data": models});
    let embedder = json!({"id": "bge", "object": "model", "capabilities": ["embed"]});
    let reranker = json!({"id": "rr", "object": "model", "capabilities": ["rerank", "classify"]});
    let compares = json!({"id": "e5", "object": "model", "capabilities": ["embed", "rerank"]});
    let both = list(json!([embedder, compares, reranker]));
    let plain = list(json!([{"id": "a"}, {"id": "b"}]));
    let ask = |name: &str, task, reply: &Json| settled(name, None, task, std::slice::from_ref(reply));
    for name in ["infinity", "infa"] {
        assert_eq!(ask(name, RemoteTask::Vectors(Role::Text), &both).unwrap().0.model.unwrap(), "bge", "{name}");
        assert_eq!(ask(name, RemoteTask::Scores, &both).unwrap().0.model.unwrap(), "rr", "{name}");
        assert_eq!(ask(name, RemoteTask::Vectors(Role::Text), &plain).unwrap().0.model.unwrap(), "a", "{name}");
        let vectors = list(json!([embedder, compares]));
        assert_eq!(ask(name, RemoteTask::Scores, &vectors).unwrap().0.model.unwrap(), "e5", "{name}");
        let none = ask(name, RemoteTask::Scores, &list(json!([embedder]))).unwrap_err();
        assert!(none.setting == Setting::ModelId && none.reason.contains("bge"), "{none:?}");
    }
    assert_eq!(
        ask("openai", RemoteTask::Vectors(Role::Text), &list(json!([{"id": "a"}]))).unwrap().0.model.unwrap(),
        "a"
    );
    let many: Vec<Json> = (0..20).map(|i| json!({"id": format!("m{i}")})).collect();
    let many = ask("openai", RemoteTask::Vectors(Role::Text), &list(json!(many))).unwrap_err();
    assert!(many.reason.contains("m0, m1") && many.reason.contains("and 12 more"), "{many:?}");
    for name in ["openai", "infinity", "infa", "tei"] {
        // A server without a list of models gets requests without a name.
        assert_eq!(
            settled(name, None, RemoteTask::Vectors(Role::Text), &[]).unwrap(),
            (Parameters::default(), None),
            "{name}"
        );
        assert_eq!(ask(name, RemoteTask::Vectors(Role::Text), &json!("x")).unwrap().0.model, None, "{name}");
    }
    for name in ["openai", "infinity", "infa", "cohere", "jina"] {
        assert_eq!(
            settled(name, Some("m"), RemoteTask::Vectors(Role::Text), &[]).unwrap().0.model.unwrap(),
            "m",
            "{name}"
        );
    }
}

#[test]
fn tei_has_one_model_and_says_which() {
    let info = json!({"model_id": "/data/bge", "served_model_name": "bge", "model_type": {"embedding": {}}});
    let ask = |model| settled("tei", model, RemoteTask::Vectors(Role::Text), std::slice::from_ref(&info));
    let (settled, model) = ask(None).unwrap();
    assert_eq!((settled.model, model.unwrap()), (None, "bge".into()));
    for name in ["bge", "/data/bge"] {
        assert_eq!(ask(Some(name)).unwrap().0.model.unwrap(), name);
    }
    let other = ask(Some("e5")).unwrap_err();
    assert!(other.setting == Setting::ModelId && other.reason.contains("bge"), "{other:?}");
}

/// A model that Triton batches.
fn metadata() -> Json {
    json!({
        "name": "m", "versions": ["1"], "platform": "python",
        "inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [-1, 1]}],
        "outputs": [
            {"name": "LENGTH", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "VECTOR", "datatype": "FP16", "shape": [-1, 4]},
        ],
    })
}

#[test]
fn tensors_of_whatever_name() {
    let triton = |task, replies: &[Json]| {
        let (mut server, mut ask) = (server("triton"), Parameters::default());
        let mut questions = Vec::new();
        for answer in replies {
            questions.push(sent(&server.next_query(&ask).unwrap()).0);
            server.read_reply(&mut ask, task, Ok(&reply(answer)))?;
        }
        assert!(server.next_query(&ask).is_none());
        Ok::<_, SettingError>((server, ask, questions))
    };
    let index = json!([{"name": "a/m", "version": "1", "state": "READY"}]);
    let (server, ask, questions) = triton(RemoteTask::Vectors(Role::Text), &[index.clone(), metadata()]).unwrap();
    assert_eq!(questions, ["POST v2/repository/index", "GET v2/models/a/m"]);
    let request = server.embed(&ask, Role::Text, &TEXTS);
    assert_eq!(request.path, ["v2", "models", "a/m", "infer"]);
    let text = json!({"name": "TEXT", "datatype": "BYTES", "shape": [2, 1], "data": TEXTS});
    let vector = json!({"name": "VECTOR", "parameters": {"binary_data": true}});
    assert_eq!(sent(&request).1, json!({"inputs": [text], "outputs": [vector]}));

    // As bytes behind the JSON.
    let head = json!({"outputs": [
        {"name": "VECTOR", "datatype": "FP16", "shape": [2, 1, 2], "parameters": {"binary_data_size": 8}},
    ]});
    let head = head.to_string();
    let halves = [1.0, 2.0, -0.5, 0.25].map(|x| half::f16::from_f32(x).to_le_bytes()).concat();
    let body = |length: usize| [head.as_bytes(), &halves[..length]].concat();
    let binary = |body: Vec<u8>, length: &str| {
        server.embedded(&with_header(text_reply(body), "inference-header-content-length", length), 2)
    };
    assert_eq!(binary(body(8), &head.len().to_string()).unwrap().values, [[1.0, 2.0], [-0.5, 0.25]]);
    assert_eq!(binary(body(7), &head.len().to_string()).unwrap_err().kind(), "wrong shape");
    for length in ["-1", "99999999999999999999", "100000", "x"] {
        assert_eq!(binary(body(8), length).unwrap_err().kind(), "wrong shape", "{length}");
    }

    let pair = json!({
        "inputs": [
            {"name": "documents", "datatype": "BYTES", "shape": [-1]},
            {"name": "query", "datatype": "BYTES", "shape": [1]},
        ],
        "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1]}],
    });
    let (server, ask, _) = triton(RemoteTask::Scores, &[index.clone(), pair.clone()]).unwrap();
    let body = sent(&server.rerank(&ask, "q", &TEXTS)).1;
    assert_eq!((&body["inputs"][0]["data"], &body["inputs"][1]["shape"]), (&json!(["q"]), &json!([2])));
    let scores = json!({"outputs": [{"name": "scores", "datatype": "FP32", "shape": [2, 1], "data": [[0.5], [2]]}]});
    assert_eq!(server.reranked(&reply(&scores), 2).unwrap().values, [0.5, 2.0]);

    for (task, odd) in [
        (RemoteTask::Vectors(Role::Text), pair),
        (RemoteTask::Scores, metadata()),
        (RemoteTask::Vectors(Role::Text), json!({"inputs": [], "outputs": []})),
        (RemoteTask::Vectors(Role::Text), json!({"inputs": [{"name": "ids", "datatype": "INT64"}], "outputs": []})),
    ] {
        let error = triton(task, &[index.clone(), odd.clone()]).map(|_| ()).unwrap_err();
        assert!(error.reason.contains("it takes"), "{error:?}");
    }
    for index in [json!([]), json!({}), json!([{"name": "a"}, {"name": "b"}])] {
        assert_eq!(
            triton(RemoteTask::Vectors(Role::Text), &[index]).map(|_| ()).unwrap_err().setting,
            Setting::ModelId
        );
    }
}

#[test]
fn tensors_that_lie_about_themselves() {
    let read = |output: Json, count| server("triton").embedded(&reply(&json!({"outputs": [output]})), count);
    let tensor =
        |shape: Json, data: Json| json!({"name": "embedding", "datatype": "FP32", "shape": shape, "data": data});
    assert_eq!(read(tensor(json!([2, 1]), json!([1, 2])), 2).unwrap().values, [[1.0], [2.0]]);
    assert_eq!(read(tensor(json!([2, 1]), json!([[1], [2]])), 2).unwrap().values, [[1.0], [2.0]]);
    for (output, count) in [
        (tensor(json!([2, 2]), json!([1, 2])), 2),
        (tensor(json!([2, 0]), json!([])), 2),
        (tensor(json!([0, 2]), json!([])), 0),
        (tensor(json!([u64::MAX, 2]), json!([1])), 2),
        (tensor(json!([]), json!([1])), 1),
        (json!({"name": "other", "datatype": "FP32", "shape": [1, 1], "data": [1]}), 1),
        (json!({"name": "embedding", "datatype": "INT64", "shape": [1, 1], "data": [1]}), 1),
        (json!({"name": "embedding", "datatype": "FP32", "shape": [1, 1]}), 1),
        (json!({"name": "embedding", "datatype": "FP32", "shape": [1, 1], "parameters": {"binary_data_size": 4}}), 1),
    ] {
        assert_eq!(read(output.clone(), count).unwrap_err().kind(), "wrong shape", "{output}");
    }
}

#[test]
fn labels_of_texts_and_of_pairs() {
    let (text, pair) = (|| Input::from("a"), || Input::Pair("b".into(), "c".into()));
    let of = |name: &str, ask: &Parameters, inputs: &[Input]| server(name).classify(ask, inputs).map(|r| sent(&r));
    let predict = json!({"inputs": [["a"], ["b", "c"]], "raw_scores": false});
    for name in ["tei", "infa"] {
        assert_eq!(
            of(name, &Parameters::default(), &[text(), pair()]).unwrap(),
            ("POST predict".into(), predict.clone())
        );
        assert_eq!(of(name, &everything(), &[text()]).unwrap().1["truncation_direction"], "Left");
    }
    let classify = json!({"input": ["a"]});
    assert_eq!(of("infinity", &Parameters::default(), &[text()]).unwrap(), ("POST classify".into(), classify));
    assert_eq!(of("infinity", &Parameters::default(), &[text(), pair()]), None);
    assert_eq!(of("infinity", &everything(), &[text()]).unwrap().1["model"], "m");

    let labels =
        json!([[{"label": "joy", "score": 0.75}, {"label": "fear", "score": 0.25}], [{"score": 1, "label": ""}]]);
    let replies =
        [("tei", labels.clone()), ("infa", labels.clone()), ("infinity", json!({"data": labels, "model": "m"}))];
    for (name, body) in replies {
        let read = |count| server(name).classified(&reply(&body), count);
        let expected = [vec![("joy".to_owned(), 0.75), ("fear".into(), 0.25)], vec![(String::new(), 1.0)]];
        assert_eq!(read(2).unwrap().values, expected, "{name}");
        for count in [1, 3] {
            assert_eq!(read(count).unwrap_err().kind(), "wrong shape", "{name}");
        }
        for odd in [json!({}), json!([[]]), json!([[{"label": 1, "score": 1}]]), json!({"data": [[]]})] {
            assert_eq!(server(name).classified(&reply(&odd), 1).unwrap_err().kind(), "wrong shape", "{name} {odd}");
        }
    }
}
