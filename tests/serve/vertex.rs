//! `/vertex`: several requests in one are one request.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

fn server(flags: &[&str]) -> Server {
    let models = ["bert-tiny", "architectures/bert-rerank", "architectures/bert-classify"].map(fixture);
    let mut args = vec!["--threads", "1", "--no-model-warmup"];
    for (name, dir) in ["e", "r", "l"].iter().zip(&models) {
        args.extend(["-m", dir, "--served-model-name", name]);
    }
    args.extend(flags);
    Server::start(&args)
}

/// The requests that the models have answered so far.
fn counted(server: &Server) -> f64 {
    let metrics = server.get("/metrics").text().unwrap();
    let lines = metrics.lines().filter(|line| line.starts_with("infa_model_requests_total{"));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

fn predictions(server: &Server, instances: &Json) -> Json {
    let (status, reply) = server.ask("/vertex", &json!({"instances": instances}));
    assert_eq!(status, 200, "{reply}");
    reply["predictions"].clone()
}

#[test]
fn each_instance_has_the_reply_of_its_own_route() {
    let server = server(&[]);
    for (path, instances, requests) in [
        ("/embed", json!([{"inputs": "a boat"}, {"inputs": ["b", "c d"]}, {"inputs": "a"}]), 1),
        // Different options are different calls of the model.
        (
            "/embed",
            json!([{"inputs": "a"}, {"inputs": "b", "normalize": false}, {"inputs": "c"}, {"inputs": "d", "dimensions": 8}]),
            3,
        ),
        (
            "/predict",
            json!([
                {"model": "l", "inputs": "a boat"},
                {"model": "l", "inputs": [["b"], ["c", "d"]]},
                {"model": "l", "inputs": ["a", "b"]}
            ]),
            1,
        ),
        (
            "/rerank",
            json!([
                {"query": "a boat", "texts": ["a river", "a boat", "c"], "return_text": true},
                {"query": "c", "texts": ["c", "d"]}
            ]),
            1,
        ),
        (
            "/similarity",
            json!([
                {"inputs": {"source_sentence": "a boat", "sentences": ["a river", "a boat"]}},
                {"inputs": {"source_sentence": "c", "sentences": ["d"]}}
            ]),
            1,
        ),
    ] {
        let before = counted(&server);
        let all = predictions(&server, &instances);
        assert_eq!(counted(&server) - before, f64::from(requests), "{path}");
        assert_eq!(all.as_array().unwrap().len(), instances.as_array().unwrap().len());
        for (instance, prediction) in instances.as_array().unwrap().iter().zip(all.as_array().unwrap()) {
            let (status, alone) = server.ask(path, instance);
            assert_eq!(status, 200, "{alone}");
            assert_eq!(*prediction, alone, "{path} {instance}");
        }
    }
    // Of all kinds, in the order of the request.
    let all = predictions(
        &server,
        &json!([
            {"query": "c", "texts": ["c"]}, {"inputs": "a"}, {"model": "l", "inputs": "a"}, {"inputs": ["b", "c"]}
        ]),
    );
    assert!(all[0][0]["score"].is_number() && all[1][0][0].is_number() && all[2][0]["label"].is_string(), "{all}");
    assert_eq!(all[3].as_array().unwrap().len(), 2);
}

#[test]
fn many_kinds_of_instances_are_not_all_compared_with_each_other() {
    let server = server(&[]);
    let of = |lengths: &[usize]| -> Json {
        lengths.iter().map(|length| json!({"inputs": "a boat", "dimensions": length})).collect()
    };
    let twice: Vec<usize> = (1..=16).chain(1..=16).collect();
    // One kind more than are compared: the first is asked for again by itself.
    let again: Vec<usize> = (1..=17).chain([1]).collect();
    for (lengths, requests) in [(twice, 16), (again, 18)] {
        let before = counted(&server);
        let all = predictions(&server, &of(&lengths));
        assert_eq!(counted(&server) - before, f64::from(requests));
        for (prediction, length) in all.as_array().unwrap().iter().zip(&lengths) {
            assert_eq!(prediction[0].as_array().unwrap().len(), *length);
        }
    }
}

#[test]
fn errors_of_options_name_an_instance() {
    let server = server(&[]);
    let fine = json!({"inputs": "a boat"});
    for (wrong, status, said) in [
        (json!({"inputs": "a", "prompt_name": "nope"}), 400, "prompt_name: "),
        (json!({"inputs": "a", "dimensions": 100_000}), 400, "dimensions: "),
        (json!({"model": "r", "query": "a", "texts": ["b"], "max_doc_length": 1}), 400, "max_doc_length: "),
        (json!("a"), 422, "must be a JSON object"),
    ] {
        let (code, reply) = server.ask("/vertex", &json!({"instances": [fine, wrong, fine]}));
        let message = reply["error"].as_str().unwrap();
        assert_eq!(code, status, "{reply}");
        assert!(message.starts_with(&format!("instances[1]: {said}")), "{message}");
    }
}

#[test]
fn vectors_of_tokens_too() {
    let server = Server::start(&["-m", &fixture("architectures/colbert-native"), "--threads", "1"]);
    let instances = json!([{"inputs": "a boat"}, {"inputs": ["b", "c d"]}]);
    let all = predictions(&server, &instances);
    for (i, instance) in instances.as_array().unwrap().iter().enumerate() {
        assert_eq!(all[i], server.ask("/embed_all", instance).1, "{instance}");
    }
    let sparse = Server::start(&["-m", &fixture("architectures/bert-splade"), "--threads", "1"]);
    let all = predictions(&sparse, &instances);
    for (i, instance) in instances.as_array().unwrap().iter().enumerate() {
        assert_eq!(all[i], sparse.ask("/embed_sparse", instance).1, "{instance}");
    }
}

#[test]
fn the_inputs_of_all_instances_are_bounded_before_any_is_computed() {
    let server = server(&["--max-client-batch-size", "8"]);
    let texts = |count: usize| json!({"inputs": vec!["a"; count]});
    assert_eq!(predictions(&server, &json!([texts(4), texts(4)])).as_array().unwrap().len(), 2);
    let sentences = json!({"inputs": {"source_sentence": "a", "sentences": vec!["b"; 8]}});
    assert_eq!(predictions(&server, &json!([sentences])).as_array().unwrap().len(), 1);
    let before = counted(&server);
    for instances in [
        json!([texts(4), texts(5)]),
        json!(vec![texts(2); 5]),
        json!([texts(4), {"inputs": {"source_sentence": "a", "sentences": vec!["b"; 5]}}]),
        json!([texts(1), {"query": "q", "texts": vec!["b"; 8]}]),
        json!([texts(1), {"model": "l", "inputs": vec![["b"]; 8]}]),
        json!(vec![texts(1); 9]),
    ] {
        let (status, reply) = server.ask("/vertex", &json!({"instances": instances}));
        assert_eq!((status, &reply["error_type"]), (413, &json!("Validation")), "{reply}");
        let message = reply["error"].as_str().unwrap();
        assert!(message.starts_with("instances: ") && message.contains("--max-client-batch-size"), "{reply}");
    }
    assert_eq!(counted(&server), before);
}

#[test]
fn vertex_errors_name_the_instance_and_the_input() {
    let server = server(&["--truncate", "none"]);
    let long = "word ".repeat(600);
    let before = counted(&server);
    for (instances, status, start) in [
        (json!([{"inputs": "a"}, {"inputs": 7}]), 422, "instances[1]: inputs: "),
        (json!([{"inputs": "a"}, {"inputs": []}]), 400, "instances[1]: inputs: "),
        (json!([{"inputs": "a"}, {"inputs": "b", "normalise": false}]), 400, "instances[1]: unknown field `normalise`"),
        (json!([{"inputs": "a"}, {"inputs": "b", "model": "x"}]), 404, "instances[1]: "),
        (json!([{"query": "a", "texts": []}]), 400, "instances[0]: texts: "),
        (json!([{"query": "a", "texts": ["b"], "documents": ["c"]}]), 422, "instances[0]: documents: "),
    ] {
        let (got, reply) = server.ask("/vertex", &json!({"instances": instances}));
        assert_eq!(got, status, "{reply}");
        assert!(reply["error"].as_str().unwrap().starts_with(start), "{reply}");
    }
    assert_eq!(counted(&server), before);
    for (instances, start) in [
        (json!([{"inputs": ["a", "b"]}, {"inputs": ["c", long]}]), "instances[1]: inputs[1]: "),
        (json!([{"inputs": "a", "model": "l"}, {"inputs": long, "model": "l"}]), "instances[1]: inputs: "),
        (json!([{"query": "a", "texts": ["b"]}, {"query": "a", "texts": ["b", long]}]), "instances[1]: texts[1]: "),
        // The second query alone is too long: it is named by its own instance.
        (json!([{"model": "e", "query": "a", "texts": ["b"]}, {"model": "e", "query": long, "texts": ["b"]}]), QUERY),
        (
            json!([{"inputs": {"source_sentence": "a", "sentences": ["b", long]}}]),
            "instances[0]: inputs.sentences[1]: ",
        ),
    ] {
        let (status, reply) = server.ask("/vertex", &json!({"instances": instances}));
        assert_eq!(status, if start == QUERY { 400 } else { 413 }, "{reply}");
        assert!(reply["error"].as_str().unwrap().starts_with(start), "{reply}");
    }
}

/// The beginning of the message about the query of the second instance.
const QUERY: &str = "instances[1]: query: ";
