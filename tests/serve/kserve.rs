//! The Open Inference Protocol, version 2: JSON, and tensors as bytes.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

fn text(texts: &[&str]) -> Json {
    json!({"name": "text", "datatype": "BYTES", "shape": [texts.len()], "data": texts})
}

/// Texts, each after its length.
fn packed(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()).collect()
}

/// A name as part of a path, slashes and all in percent.
fn encoded(name: &str) -> String {
    name.replace('/', "%2F")
}

#[test]
fn health_and_metadata() {
    let name = fixture("bert-tiny");
    let server = Server::start(&["--model-id", &name, "--served-model-name", "org/tiny"]);
    let get = |path: &str| -> Json { server.get(path).json().unwrap() };
    assert_eq!(get("/v2")["extensions"], json!(["binary_tensor_data"]));
    assert_eq!(get("/v2/health/live"), json!({"live": true}));
    assert_eq!(get("/v2/health/ready"), json!({"ready": true}));
    // Slashes in percent, slashes as they are, and a client that does not care.
    for model in [encoded("org/tiny"), "org/tiny".into(), encoded(&name), encoded("default/not-specified")] {
        let path = format!("/v2/models/{model}");
        assert_eq!(get(&format!("{path}/ready")), json!({"name": "org/tiny", "ready": true}), "{model}");
        let metadata = get(&path);
        assert_eq!(metadata["name"], "org/tiny");
        assert_eq!(metadata["platform"], "onnxruntime");
        assert_eq!(metadata["versions"], json!(["1"]));
        assert_eq!(metadata["inputs"], json!([{"name": "text", "datatype": "BYTES", "shape": [-1]}]));
        assert_eq!(metadata["outputs"][0]["name"], "embedding");
        assert_eq!(metadata["outputs"][0]["shape"][0], -1);
        assert_eq!(get(&format!("{path}/versions/1")), metadata);
        assert_eq!(get(&format!("{path}/versions/1/ready"))["ready"], true);
        assert_eq!(server.get(&format!("{path}/versions/2")).status(), 404);
    }
    let (status, index) = server.ask("/v2/repository/index", &json!({}));
    assert_eq!((status, &index[0]["state"]), (200, &json!("READY")), "{index}");
    let reply = server.get("/v2/models/some/body");
    assert_eq!(reply.status(), 404);
    assert!(reply.json::<Json>().unwrap()["error"].as_str().unwrap().contains("some/body"));
}

#[test]
fn texts_become_embeddings_as_json_and_as_bytes() {
    let name = fixture("bert-tiny");
    let server = Server::start(&["--model-id", &name, "--served-model-name", "tiny"]);
    let path = format!("/v2/models/{}/infer", encoded(&name));
    let (_, expected) = server.ask("/embed", &json!({"inputs": ["hello world", "日本"]}));
    let expected: Vec<f64> = expected
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|v| v.as_array().unwrap().clone())
        .map(|x| x.as_f64().unwrap())
        .collect();

    let (status, reply) = server.ask(&path, &json!({"id": "7", "inputs": [text(&["hello world", "日本"])]}));
    assert_eq!(status, 200, "{reply}");
    assert_eq!((&reply["id"], &reply["model_name"]), (&json!("7"), &json!("tiny")));
    let output = &reply["outputs"][0];
    assert_eq!((&output["name"], &output["datatype"]), (&json!("embedding"), &json!("FP32")));
    assert_eq!(output["shape"], json!([2, expected.len() / 2]));
    let data: Vec<f64> = output["data"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert_eq!(data.len(), expected.len());
    assert!(data.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5));

    // As Triton's client sends it.
    let bytes = packed(&["hello world", "日本"]);
    let tensor =
        json!({"name": "text", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": bytes.len()}});
    let head = json!({
        "inputs": [tensor],
        "outputs": [{"name": "embedding", "parameters": {"binary_data": true}}],
    })
    .to_string();
    let request = server.client.post(format!("{}{path}", server.url));
    let request = request.header("Inference-Header-Content-Length", head.len());
    let reply = request.body([head.as_bytes(), &bytes].concat()).send().unwrap();
    assert_eq!(reply.status(), 200, "{:?}", reply.text());
    let length: usize = reply.headers()["inference-header-content-length"].to_str().unwrap().parse().unwrap();
    let body = reply.bytes().unwrap();
    let (json, numbers) = body.split_at(length);
    let json: Json = serde_json::from_slice(json).unwrap();
    assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], numbers.len());
    let numbers: Vec<f32> = numbers.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    assert_eq!(numbers.len(), expected.len());
    assert!(numbers.iter().zip(&expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5));

    // Without `outputs` the request itself says it.
    let (_, json) = server.ask(&path, &json!({"inputs": [text(&["a"])], "parameters": {"dimensions": 4}}));
    assert_eq!(json["outputs"][0]["shape"], json!([1, 4]));
    let request = json!({"inputs": [text(&["a"])], "parameters": {"binary_data_output": true}});
    assert!(server.post(&path, &request).headers().contains_key("inference-header-content-length"));
}

#[test]
fn documents_become_scores() {
    let name = fixture("architectures/bert-rerank");
    let server = Server::start(&["--model-id", &name]);
    let model = format!("/v2/models/{}", encoded(&name));
    let metadata: Json = server.get(&model).json().unwrap();
    assert_eq!(metadata["inputs"].as_array().unwrap().len(), 2);
    let tensor = |name: &str, texts: &[&str]| {
        let mut tensor = text(texts);
        tensor["name"] = name.into();
        tensor
    };
    // In whatever order.
    let inputs = [tensor("documents", &["a", "b", "c"]), tensor("query", &["hello"])];
    let (status, reply) = server.ask(&format!("{model}/infer"), &json!({"inputs": inputs}));
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["outputs"][0]["shape"], json!([3]));
    let (_, ranks) = server.ask("/rerank", &json!({"query": "hello", "texts": ["a", "b", "c"]}));
    for rank in ranks.as_array().unwrap() {
        let score = reply["outputs"][0]["data"][rank["index"].as_u64().unwrap() as usize].as_f64().unwrap();
        assert!((score - rank["score"].as_f64().unwrap()).abs() < 1e-5, "{reply} {ranks}");
    }
    let inputs = [tensor("documents", &["a"]), tensor("query", &["hello", "twice"])];
    let (status, reply) = server.ask(&format!("{model}/infer"), &json!({"inputs": inputs}));
    assert_eq!(status, 400);
    assert!(reply["error"].as_str().unwrap().contains("\"query\""), "{reply}");
}

#[test]
fn texts_become_scores_of_labels() {
    let name = fixture("architectures/bert-classify");
    let server = Server::start(&["--model-id", &name]);
    let path = format!("/v2/models/{}/infer", encoded(&name));
    let (status, reply) = server.ask(&path, &json!({"inputs": [text(&["hello", "world"])]}));
    assert_eq!(status, 200, "{reply}");
    let (_, labels) = server.ask("/predict", &json!({"inputs": [["hello"], ["world"]]}));
    let output = &reply["outputs"][0];
    let columns = labels[0].as_array().unwrap().len();
    assert_eq!(output["shape"], json!([2, columns]));
    let info: Json = server.get("/info").json().unwrap();
    let names = &info["model_type"]["classifier"]["id2label"];
    for row in 0..2 {
        for column in 0..columns {
            let name = &names[column.to_string()];
            let label = labels[row].as_array().unwrap().iter().find(|label| label["label"] == *name).unwrap();
            let score = output["data"][row * columns + column].as_f64().unwrap();
            assert!((score - label["score"].as_f64().unwrap()).abs() < 1e-5, "{reply} {labels}");
        }
    }
}

#[test]
fn kserve_errors_name_the_tensor() {
    let name = fixture("bert-tiny");
    let server = Server::start(&["--model-id", &name]);
    let path = format!("/v2/models/{}/infer", encoded(&name));
    let tensor = |shape: Json, data: Json| json!({"name": "text", "datatype": "BYTES", "shape": shape, "data": data});
    for (request, wanted) in [
        (json!({"inputs": [tensor(json!([3]), json!(["a"]))]}), "input \"text\""),
        (json!({"inputs": [tensor(json!([-1]), json!(["a"]))]}), "input \"text\""),
        (json!({"inputs": [tensor(json!([0]), json!([]))]}), "input \"text\""),
        (json!({"inputs": [tensor(json!([1]), json!([1.5]))]}), "input \"text\""),
        (json!({"inputs": [text(&["a"]), text(&["a"])]}), "input \"text\""),
        (json!({"inputs": []}), "input \"text\""),
        (json!({"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}]}), "input \"x\""),
        (
            json!({"inputs": [text(&["a"]), {"name": "x", "datatype": "BYTES", "shape": [1], "data": ["a"]}]}),
            "input \"x\"",
        ),
        (
            json!({"inputs": [text(&["a"])], "outputs": [{"name": "embedding", "parameters": {"classification": 2}}]}),
            "output \"embedding\": parameters.classification",
        ),
        (json!({"inputs": [{"name": "text", "datatype": "FP32", "shape": [1], "data": [1.0]}]}), "FP32"),
        (json!({"inputs": [text(&["a"])], "outputs": [{"name": "x"}]}), "output \"x\""),
        (json!({"inputs": [text(&["a"])], "parameters": {"dimensions": "many"}}), "parameters.dimensions"),
        (json!({"inputs": [text(&["a"])], "parameters": {"truncate": true}}), "parameters.truncate"),
        (json!({"inputs": "text"}), "inputs"),
        (json!([]), "object"),
    ] {
        let (status, reply) = server.ask(&path, &request);
        assert_eq!(status, 400, "{request}: {reply}");
        assert!(reply["error"].as_str().unwrap().contains(wanted), "{request}: {reply}");
    }
    let (status, reply) = server.ask(&path, &json!({"inputs": [text(&vec!["a"; 10_000])]}));
    assert_eq!(status, 413, "{reply}");

    // Bytes that do not match the JSON.
    let send = |json: String, rest: &[u8], header: &str| {
        let request = server.client.post(format!("{}{path}", server.url));
        let request = request.header("Inference-Header-Content-Length", header);
        let reply = request.body([json.as_bytes(), rest].concat()).send().unwrap();
        (reply.status().as_u16(), reply.json::<Json>().unwrap()["error"].as_str().unwrap().to_owned())
    };
    let sized = |size: Json| {
        let parameters = json!({"binary_data_size": size});
        json!({"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "parameters": parameters}]}).to_string()
    };
    let good = packed(&["a"]);
    for (size, rest, wanted) in [
        (json!(6), good.clone(), "its 6 bytes exceed the 5"),
        (json!(u64::MAX), good.clone(), "input \"text\""),
        (json!(5), [good.clone(), b"x".to_vec()].concat(), "1 bytes follow"),
        (json!(5), vec![0xff; 5], "input \"text\""),
        (json!(5), vec![1, 0, 0, 0, 0xff], "not UTF-8"),
        (json!(2), vec![1, 0], "incomplete"),
    ] {
        let json = sized(size);
        let length = json.len().to_string();
        let (status, error) = send(json, &rest, &length);
        assert_eq!(status, 400, "{error}");
        assert!(error.contains(wanted), "{error}");
    }
    for header in ["-1", "x", "999999999", "18446744073709551616", ""] {
        let (status, error) = send(sized(json!(5)), &good, header);
        assert_eq!(status, 400, "{header}: {error}");
        assert!(error.contains("Inference-Header-Content-Length"), "{header}: {error}");
    }
    assert_eq!(server.ask(&path, &json!({"inputs": [text(&["a"])]})).0, 200);
}

#[test]
fn an_only_input_may_have_any_name() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--served-model-name", "tiny"]);
    let infer = |input: Json| {
        let (status, reply) = server.ask("/v2/models/tiny/infer", &json!({"inputs": [input]}));
        assert_eq!(status, 200, "{reply}");
        assert_eq!(reply["outputs"].as_array().unwrap().len(), 1);
        reply["outputs"][0].clone()
    };
    let expected = infer(text(&["red tree", "cold river"]));
    assert_eq!(expected["shape"].as_array().unwrap().len(), 2);
    for name in ["input_text", "input-0", "INPUT", "query", ""] {
        let mut tensor = text(&["red tree", "cold river"]);
        tensor["name"] = name.into();
        assert_eq!(infer(tensor), expected, "{name}");
    }
    // One text as LiteLLM sends it, with its length in characters as the shape.
    let bare = json!({"name": "input_text", "datatype": "BYTES", "shape": [8], "data": "red tree"});
    assert_eq!(infer(bare), infer(text(&["red tree"])));
    let server = Server::start(&["-m", &fixture("architectures/bert-rerank"), "--served-model-name", "r"]);
    let tensor = |name: &str, texts: &[&str]| {
        let mut tensor = text(texts);
        tensor["name"] = name.into();
        tensor
    };
    let infer = |documents: &str| {
        let inputs = [tensor("query", &["cold river"]), tensor(documents, &["a", "b"])];
        let (status, reply) = server.ask("/v2/models/r/infer", &json!({"inputs": inputs}));
        assert_eq!(status, 200, "{reply}");
        reply["outputs"].clone()
    };
    assert_eq!(infer("passage"), infer("documents"));
}

#[test]
fn every_error_under_v2_is_a_string() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--served-model-name", "org/tiny"]);
    let error = |reply: reqwest::blocking::Response| {
        let (status, reply) = (reply.status().as_u16(), reply.json::<Json>().unwrap());
        assert_eq!(reply.as_object().unwrap().len(), 1, "{reply}");
        (status, reply["error"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned())
    };
    assert_eq!(server.get("/v2/").json::<Json>().unwrap()["name"], "infa");
    for path in ["/v2/logging", "/v2/trace/setting", "/v2/models", "/v2/models/", "/v2/nothing/at/all", "/v2/models/no"]
    {
        assert_eq!(error(server.get(path)).0, 404, "{path}");
    }
    assert_eq!(error(server.post("/v2/repository/models/org/tiny/load", &json!({}))).0, 404);
    assert_eq!(error(server.post("/v2/models/org/tiny/infer", &json!({"inputs": 7}))).0, 400);
    assert_eq!(error(server.post("/v2", &json!({}))).0, 405);
    // The message about a missing extension says that the model exists.
    for extension in ["config", "stats", "trace/setting"] {
        for version in ["", "/versions/1"] {
            let (status, error) = error(server.get(&format!("/v2/models/org/tiny{version}/{extension}")));
            assert!(status == 404 && error.contains("the model org/tiny exists"), "{error}");
        }
        let (status, error) = error(server.get(&format!("/v2/models/no/{extension}")));
        assert!(status == 404 && error.contains("there is no model"), "{error}");
    }
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--api-key", "sesame"]);
    assert_eq!(error(server.get("/v2/models/tiny")).0, 401);
}

#[test]
fn large_requests_are_read_and_excess_is_counted() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--served-model-name", "tiny"]);
    let path = "/v2/models/tiny/infer";
    let refused = |request: &Json, status: u16, wanted: &str| {
        let (got, reply) = server.ask(path, request);
        let error = reply["error"].as_str().unwrap_or_else(|| panic!("{reply}"));
        assert!(got == status && error.contains(wanted), "{got} {error}");
    };
    // More texts than are kept of any request.
    let count = (1 << 16) + 5;
    refused(&json!({"inputs": [text(&vec![""; count])]}), 413, &format!("input \"text\": {count} inputs"));
    let mut wrong = text(&vec![""; count]);
    wrong["shape"] = json!([count - 1]);
    refused(&json!({"inputs": [wrong]}), 400, &format!("but there are {count}"));
    let bytes = vec![0; 4 * count];
    let head = json!({"inputs": [{"name": "text", "datatype": "BYTES", "shape": [count],
        "parameters": {"binary_data_size": bytes.len()}}]})
    .to_string();
    let request = server.client.post(format!("{}{path}", server.url));
    let request = request.header("Inference-Header-Content-Length", head.len());
    let reply = request.body([head.as_bytes(), &bytes].concat()).send().unwrap();
    assert_eq!(reply.status(), 413);
    assert!(reply.json::<Json>().unwrap()["error"].as_str().unwrap().contains(&format!("{count} inputs")));

    // Lists of which a request has few.
    let mut deep = text(&["a"]);
    deep["shape"] = json!(vec![1; 8]);
    assert_eq!(server.ask(path, &json!({"inputs": [deep]})).0, 200);
    deep["shape"] = json!(vec![1; 9]);
    refused(&json!({"inputs": [deep]}), 400, "inputs[0].shape: ");
    refused(&json!({"inputs": vec![text(&["a"]); 65]}), 400, "inputs: ");
    refused(&json!({"inputs": [text(&["a"])], "outputs": vec![json!({"name": "embedding"}); 65]}), 400, "outputs: ");

    // A large body whose texts are taken, and one that is malformed.
    let long = "red tree ".repeat(20_000);
    let (status, reply) = server.ask(path, &json!({"inputs": [text(&["a", long.as_str()])]}));
    assert!(status == 200 && reply["outputs"][0]["shape"][0] == 2);
    refused(&json!({"inputs": [text(&[long.as_str()]), 7]}), 400, "inputs[1]");
}
