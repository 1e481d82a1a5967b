//! The effects of the URL, without a server.
#![allow(clippy::unwrap_used)]

use reqwest::Url;
use serde_json::{Value as Json, json};

use super::*;
use crate::engine::Role;
use crate::engine::remote::http::{Reply, Request};
use crate::engine::remote::wire::{Parameters, Protocol, RemoteTask};
use crate::model::Setting;

const TEXTS: [&str; 2] = ["a \"b\"\n", "ü"];

fn reply(body: impl ToString) -> Reply {
    Reply { body: body.to_string().into_bytes(), ..Reply::default() }
}

/// The protocol of a URL after its queries: the queries, and the protocol's own URL.
fn ready(
    url: &str,
    model: Option<&str>,
    task: RemoteTask,
    answers: &[Json],
) -> (Box<dyn Protocol>, Parameters, Vec<String>, Url) {
    let (mut protocol, base) = at(&Url::parse(url).unwrap());
    let mut ask = Parameters { model: model.map(str::to_owned), ..Parameters::default() };
    protocol.settle(&mut ask).unwrap();
    let mut questions = Vec::new();
    for answer in answers {
        let question = protocol.next_query(&ask).unwrap();
        questions.push(format!("{} {}", question.method, question.path.join("/")));
        protocol.read_reply(&mut ask, task, Ok(&reply(answer))).unwrap();
    }
    assert!(protocol.next_query(&ask).is_none());
    (protocol, ask, questions, base)
}

fn sent(request: &Request) -> (String, Json) {
    (request.path.join("/"), serde_json::from_slice(request.body.as_ref().unwrap()).unwrap())
}

/// A model of pytriton's, which batches.
fn metadata(output: &str) -> Json {
    json!({
        "name": "m", "versions": ["1"], "platform": "python",
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}],
        "outputs": [{"name": output, "datatype": "FP32", "shape": [-1, 2]}],
    })
}

#[test]
fn a_model_that_generates() {
    let vectors = RemoteTask::Vectors(Role::Text);
    let url = "http://a:1/x/v2/models/m/versions/3/generate";
    let (protocol, ask, questions, base) = ready(url, None, vectors, &[metadata("VECTOR")]);
    assert_eq!((base.as_str(), protocol.model()), ("http://a:1/x", Some("m")));
    assert_eq!(questions, ["GET v2/models/m/versions/3"]);
    let expected = ("v2/models/m/versions/3/generate".to_owned(), json!({"text": TEXTS}));
    assert_eq!(sent(&protocol.embed(&ask, Role::Text, &TEXTS)), expected);

    // In the format of Triton 2.73: all rows in one list, float32 in the digits of float64.
    let read = |field: &str, count: usize| {
        let body = format!(r#"{{"VECTOR":{field},"model_name":"m","model_version":"3"}}"#);
        protocol.embedded(&reply(body), count)
    };
    let vectors = [[0.101_361_76_f32, -0.121_599_65], [1.0, 2.0]];
    assert_eq!(read("[0.10136175900697708,-0.12159965187311173,1.0,2.0]", 2).unwrap().values, vectors);
    assert_eq!(read("[[0.10136175900697708,-0.12159965187311173],[1.0,2.0]]", 2).unwrap().values, vectors);
    assert_eq!(read("3.0", 1).unwrap().values, [[3.0]]);
    assert_eq!(read("[NaN,1.0]", 1).unwrap_err().kind(), "numbers");
    assert_eq!(read("[[[1],[2]],[[3],[4]]]", 2).unwrap().values, [[1.0, 2.0], [3.0, 4.0]]);
    // Vectors of tokens, and of two lengths.
    for (field, count) in [("[[[1,2],[3,4]]]", 1), ("[[[1,2],[3,4]],[[5,6],[7,8]]]", 2), ("[[1],[2,3,4]]", 2)] {
        assert_eq!(read(field, count).unwrap_err().kind(), "wrong shape", "{field}");
    }
    for (field, count) in [("[1,2,3]", 2), ("[]", 1), ("\"text\"", 1), ("{\"a\":1}", 1), ("[\"a\"]", 1), ("[1]", 0)] {
        assert_eq!(read(field, count).unwrap_err().kind(), "wrong shape", "{field}");
    }
    for body in ["[1,2]", "{}", r#"{"embedding":[1,2]}"#] {
        assert_eq!(protocol.embedded(&reply(body), 1).unwrap_err().kind(), "wrong shape", "{body}");
    }
    assert_eq!(protocol.embedded(&reply("{\"VECTOR\":[1"), 1).unwrap_err().kind(), "garbage");
}

#[test]
fn a_query_for_each_document_that_is_batched() {
    let metadata = |shape: Json| {
        let input = |name: &str| json!({"name": name, "datatype": "BYTES", "shape": shape});
        let output = json!({"name": "scores", "datatype": "FP32", "shape": [-1, 1]});
        json!({"inputs": [input("query"), input("documents")], "outputs": [output]})
    };
    for (shape, queries) in
        [(json!([-1, 1]), json!(["q", "q"])), (json!([-1]), json!(["q"])), (json!([1]), json!(["q"]))]
    {
        let (infer, ask, ..) = ready("http://a", Some("m"), RemoteTask::Scores, &[metadata(shape.clone())]);
        let (path, body) = sent(&infer.rerank(&ask, "q", &TEXTS));
        assert_eq!((path.as_str(), &body["inputs"][0]["data"]), ("v2/models/m/infer", &queries), "{shape}");
        assert_eq!(body["inputs"][0]["shape"][0], queries.as_array().unwrap().len());

        let url = "http://a/v2/models/m/generate";
        let (generate, ask, ..) = ready(url, Some("m"), RemoteTask::Scores, &[metadata(shape)]);
        let (_, body) = sent(&generate.rerank(&ask, "q", &TEXTS));
        assert_eq!(body, json!({"query": queries, "documents": TEXTS}));
        let scores = reply(r#"{"model_name":"m","scores":[0.5,2]}"#);
        assert_eq!(generate.reranked(&scores, 2).unwrap().values, [0.5, 2.0]);
        assert_eq!(generate.reranked(&scores, 1).unwrap_err().kind(), "wrong shape");
    }
}

#[test]
fn a_model_behind_an_address_of_its_own() {
    let vectors = RemoteTask::Vectors(Role::Text);
    let (protocol, ask, _, base) = ready("http://a/t/embeddings?k=v", None, vectors, &[]);
    assert_eq!(base.as_str(), "http://a/t/embeddings?k=v");
    let tensor = json!({"name": "input_text", "datatype": "BYTES", "shape": [2], "data": TEXTS});
    assert_eq!(sent(&protocol.embed(&ask, Role::Text, &TEXTS)), (String::new(), json!({"inputs": [tensor]})));
    assert!(protocol.abilities().embeds && !protocol.abilities().reranks);
    let tensor = |name: &str, datatype: &str, shape: Json, data: Json| json!({"name": name, "datatype": datatype, "shape": shape, "data": data});
    let vector = || tensor("whatever", "FP32", json!([2, 2]), json!([1, 2, 3, 4]));
    let length = tensor("length", "INT32", json!([2, 1]), json!([7, 8]));
    let read = |outputs: Json, count| protocol.embedded(&reply(json!({"model_name": "m", "outputs": outputs})), count);
    assert_eq!(read(json!([length, vector()]), 2).unwrap().values, [[1.0, 2.0], [3.0, 4.0]]);
    for outputs in [json!([vector(), vector()]), json!([length]), json!([]), json!({})] {
        assert_eq!(read(outputs.clone(), 2).unwrap_err().kind(), "wrong shape", "{outputs}");
    }
    assert_eq!(read(json!([vector()]), 1).unwrap_err().kind(), "wrong shape");

    // One vector a token, of one text and of several of one length; dimensions of 1 add nothing.
    for (shape, count) in [(json!([1, 4, 3]), 1), (json!([2, 3, 2]), 2), (json!([2, 1, 3, 2]), 2)] {
        let read = read(json!([tensor("v", "FP32", shape.clone(), json!(vec![0.5_f32; 12]))]), count);
        let error = read.unwrap_err().to_string();
        assert!(error.contains("vectors need [inputs, dimensions]"), "{shape}: {error}");
    }
    for shape in [json!([2, 6]), json!([2, 1, 6]), json!([2, 6, 1])] {
        let read = read(json!([tensor("v", "FP32", shape, json!(vec![0.5_f32; 12]))]), 2);
        assert_eq!(read.unwrap().values, [[0.5; 6]; 2]);
    }

    let (protocol, ask, ..) = ready("http://a/generate", None, vectors, &[]);
    assert_eq!(sent(&protocol.embed(&ask, Role::Text, &TEXTS)), (String::new(), json!({"text_input": TEXTS})));
    let read = |body: Json| protocol.embedded(&reply(body), 2);
    let only = json!({"model_name": "m", "cum": 0.5, "vector": [1, 2, 3, 4]});
    assert_eq!(read(only).unwrap().values, [[1.0, 2.0], [3.0, 4.0]]);
    let several = read(json!({"a": [1, 2], "b": [1, 2]})).unwrap_err();
    assert!(several.to_string().contains("several fields have numbers: a, b"), "{several}");
}

#[test]
fn openais_api_in_front_of_triton() {
    let list = json!({"object": "list", "data": [{"id": "m", "object": "model"}]});
    let url = "http://a:9000/v1/embeddings";
    let (protocol, ask, questions, base) = ready(url, None, RemoteTask::Vectors(Role::Text), &[list]);
    assert_eq!((base.as_str(), &questions[..]), ("http://a:9000/v1", &["GET models".to_owned()][..]));
    let (path, body) = sent(&protocol.embed(&ask, Role::Text, &TEXTS));
    assert_eq!((path.as_str(), &body["input"], &body["model"]), ("embeddings", &json!(TEXTS), &json!("m")));
}

#[test]
fn names_that_contradict_each_other() {
    let settle = |url: &str, model: &str| {
        let (mut protocol, _) = at(&Url::parse(url).unwrap());
        protocol.settle(&mut Parameters { model: Some(model.into()), ..Parameters::default() })
    };
    assert_eq!(settle("http://a/v2/models/m/infer", "m"), Ok(()));
    assert_eq!(settle("http://a", "m"), Ok(()));
    for url in ["http://a/v2/models/n/infer", "http://a/x/embeddings", "http://a/generate"] {
        assert_eq!(settle(url, "m").unwrap_err().setting, Setting::ModelId, "{url}");
    }
}
