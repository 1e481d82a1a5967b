//! The shapes in which a Triton can be asked, which its URL chooses.

use serde_json::{Value as Json, json};

use crate::fake::{Answer, Fake, Seen, vector};
use crate::run::{Infa, infa};
use crate::running::{Server, fixture};

fn ask(url: &str, path: &str) -> Infa {
    infa(["embed", "--engine", &format!("triton={url}{path}"), "--request-batch", "4"]).stdin("a\nbb\nccc\n")
}

fn vectors(infa: Infa) -> Vec<Json> {
    infa.run().status(0).rows().iter().map(|row| row["embedding"].clone()).collect()
}

fn texts(texts: &Json) -> Vec<String> {
    texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn flat(texts: &[String]) -> Vec<f32> {
    texts.iter().flat_map(|text| vector(text)).collect()
}

/// Answers as Triton 2.73 does, whatever it is asked.
fn triton(seen: &Seen) -> Answer {
    match seen.line.as_str() {
        "GET /v2/models/m" => Answer::json(&json!({
            "name": "m", "versions": ["1"], "platform": "python",
            "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}],
            "outputs": [{"name": "vector", "datatype": "FP32", "shape": [-1, 2]}],
        })),
        "POST /v2/models/m/generate" => {
            let texts = texts(&seen.body["text"]);
            if texts.iter().any(|text| text == "bad") {
                let traceback = "Failed: Traceback (most recent call last):\n  File \"a.py\"\nValueError: not this\n";
                return Answer::status(400, traceback);
            }
            Answer::json(&json!({"model_name": "m", "model_version": "1", "vector": flat(&texts)}))
        }
        "POST /x/embeddings" => {
            let texts = texts(&seen.body["inputs"][0]["data"]);
            let vectors = json!({"name": "v", "datatype": "FP32", "shape": [texts.len(), 2], "data": flat(&texts)});
            Answer::json(&json!({"model_name": "m", "outputs": [vectors]}))
        }
        "GET /v1/models" => Answer::json(&json!({"object": "list", "data": [{"id": "m"}]})),
        "POST /v1/embeddings" => {
            let item = |(i, text): (usize, &String)| json!({"index": i, "embedding": vector(text)});
            let texts = texts(&seen.body["input"]);
            Answer::json(&json!({"data": texts.iter().enumerate().map(item).collect::<Vec<_>>(), "model": "m"}))
        }
        _ => Answer::status(404, "not here"),
    }
}

#[test]
fn every_shape_gives_the_same_vectors() {
    let fake = Fake::new(triton);
    let expected = [json!([1.0, 1.0]), json!([2.0, 1.0]), json!([3.0, 1.0])];
    for path in ["/v2/models/m/generate", "/x/embeddings", "/v1/embeddings"] {
        assert_eq!(vectors(ask(&fake.url, path)), expected, "{path}");
    }
    assert_eq!(vectors(ask(&fake.url, "/v2/models/m/generate").args(["-m", "m"])), expected);
    ask(&fake.url, "/v2/models/m/generate").args(["-m", "n"]).run().refuses(2, &["--model-id", "another model"]);
    ask(&fake.url, "/v2/models/n/generate").run().refuses(4, &["HTTP 404", "not here"]);
}

#[test]
fn one_text_that_is_refused_costs_no_other() {
    let fake = Fake::new(triton);
    let ran = ask(&fake.url, "/v2/models/m/generate").stdin("a\nbad\nccc\n").run().status(1);
    let rows = ran.rows();
    assert!(rows[1]["error"].as_str().unwrap().ends_with("HTTP 400: Failed: ValueError: not this"), "{rows:?}");
    assert_eq!([&rows[0]["embedding"], &rows[2]["embedding"]], [&json!([1.0, 1.0]), &json!([3.0, 1.0])]);
}

#[test]
fn vectors_that_are_cut_off_are_noticed() {
    // One vector for several texts: of half the length each, if nobody looked.
    let fake = Fake::new(|seen| match seen.line.as_str() {
        "POST /v2/models/m/generate" => Answer::json(&json!({"vector": [1, 2]})),
        _ => triton(seen),
    });
    let ran = ask(&fake.url, "/v2/models/m/generate").stdin("a\nb\n").run().status(1);
    assert!(ran.rows()[0]["error"].as_str().unwrap().contains("vectors of 1 dimensions, and before of 2"));
}

#[test]
fn a_model_of_infa_by_its_url() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--served-model-name", "o/m", "--threads", "1"]);
    let expected = vectors(ask(&server.url, "").args(["-m", "o/m"]));
    assert_eq!(expected.len(), 3);
    for path in ["/v2/models/o%2Fm/infer", "/v2/models/o%2Fm", "/v1/embeddings"] {
        assert_eq!(vectors(ask(&server.url, path)), expected, "{path}");
    }
}
