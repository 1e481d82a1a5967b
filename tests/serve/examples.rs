//! The page's examples work: every example of every request body is posted as it is.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::running::{Server, fixture};

/// A model of each kind that routes differ by.
const MODELS: &[&str] = &[
    "bert-tiny",
    "architectures/bert-rerank",
    "architectures/bert-classify",
    "architectures/bert-splade",
    "architectures/colbert-pylate",
];

/// A request as the page fills it in.
struct Example {
    path: String,
    body: Json,
}

/// The value in a document, following a reference.
fn resolve<'d>(document: &'d Json, value: &'d Json) -> &'d Json {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// The examples of all routes that take JSON. Each such route must have one.
fn examples(document: &Json) -> Vec<Example> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"];
            if content.is_null() {
                continue;
            }
            assert_eq!(method, "post", "{path}");
            let schema = resolve(document, &content["schema"]);
            let named = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
            let listed = schema["examples"].as_array().into_iter().flatten();
            let single = [&content["example"], &schema["example"]].into_iter().filter(|example| !example.is_null());
            let bodies: Vec<&Json> = named.chain(listed).chain(single).collect();
            assert!(!bodies.is_empty(), "the request of {path} has no example");
            found.extend(bodies.into_iter().map(|body| Example { path: path.clone(), body: body.clone() }));
        }
    }
    found
}

/// The path with the example of each of its parameters, which must be there.
fn filled(document: &Json, path: &str) -> String {
    let mut filled = path.to_owned();
    for parameter in document["paths"][path]["post"]["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "path" {
            let name = parameter["name"].as_str().unwrap();
            let example = [&parameter["example"], &parameter["schema"]["example"]].into_iter().find_map(Json::as_str);
            let example = example.unwrap_or_else(|| panic!("{path}: {name} has no example"));
            filled = filled.replace(&format!("{{{name}}}"), &example.replace('/', "%2F"));
        }
    }
    assert!(!filled.contains('{'), "{path}: a parameter that is not documented");
    filled
}

#[test]
fn every_example_is_answered_by_a_model_made_for_it() {
    let mut answered = BTreeSet::new();
    let mut all = BTreeSet::new();
    for model in MODELS {
        let server = Server::start(&["--model-id", &fixture(model)]);
        let document: Json = server.get("/openapi.json").json().unwrap();
        for Example { path, body } in examples(&document) {
            let (status, reply) = server.ask(&filled(&document, &path), &body);
            let request = format!("{path} {body}");
            // Other models may only respond that they do not support it.
            match status {
                200 => drop(answered.insert(request.clone())),
                400 | 424 => {}
                _ => panic!("{model}: {request}: {status} {reply}"),
            }
            all.insert(request);
        }
    }
    assert!(all.len() >= 15, "only {} examples: does this test still read the document?", all.len());
    let refused: Vec<&String> = all.difference(&answered).collect();
    assert!(refused.is_empty(), "no model answers {refused:#?}");
}

#[test]
fn examples_have_required_fields_alone() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let document: Json = server.get("/openapi.json").json().unwrap();
    for Example { path, body } in examples(&document) {
        // A request that names no model is answered whatever the models are called, and vectors are not cut.
        for field in ["model", "dimensions", "truncate", "normalize"] {
            assert!(body.get(field).is_none(), "{path}: {field} in {body}");
        }
    }
}

#[test]
fn locks_are_shown_where_there_is_a_key() {
    let open: Json = Server::start(&["-m", &fixture("bert-tiny")]).get("/openapi.json").json().unwrap();
    let locks = |document: &Json| {
        let mut locks = 0;
        for (_, item) in document["paths"].as_object().unwrap() {
            locks += item.as_object().unwrap().values().filter(|operation| operation["security"].is_array()).count();
        }
        locks
    };
    assert!(open["security"].is_null() && open["components"]["securitySchemes"].is_null() && locks(&open) == 0);

    let server = Server::start(&["-m", &fixture("bert-tiny"), "--api-key", "sesame"]);
    let ask = |path: &str| server.client.get(format!("{}{path}", server.url)).bearer_auth("sesame").send().unwrap();
    let locked: Json = ask("/openapi.json").json().unwrap();
    assert_eq!(locked["security"], serde_json::json!([{"key": []}]));
    assert_eq!(locked["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    assert_eq!(locked["paths"]["/livez"]["get"]["security"], serde_json::json!([{}]));
    let page = ask("/docs/").text().unwrap();
    assert!(page.contains("<title>infa</title>") && page.contains("</style></head>"), "{page}");
}
