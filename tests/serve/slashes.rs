//! Base URLs that end in a slash, and clients that end paths with one: doubled and trailing slashes change nothing.

use serde_json::{Value as Json, json};

use crate::raw;
use crate::running::{Server, fixture};

/// A path with needless slashes, in several ways.
fn variants(path: &str) -> [String; 4] {
    [format!("{path}/"), format!("/{path}"), path.replace('/', "//"), format!("{}//", path.replace('/', "///"))]
}

#[test]
fn every_route_of_the_document_answers_with_needless_slashes() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--served-model-name", "org/tiny"]);
    let document: Json = server.get("/openapi.json").json().unwrap();
    let mut routes = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{model}", "org/tiny").replace("{id}", "org/tiny");
        if path == "/" || path.contains('{') {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let status = |path: &str| match method.as_str() {
                "get" => server.get(path).status(),
                _ => server.post(path, &json!({})).status(),
            };
            let expected = status(&path);
            assert!(expected != 404 && expected != 405, "{path}");
            for variant in variants(&path) {
                assert_eq!(status(&variant), expected, "{method} {variant}");
            }
            routes += 1;
        }
    }
    assert!(routes >= 25, "{routes}");
    let request = json!({"input": "a"});
    let (_, expected) = server.ask("/v1/embeddings", &request);
    assert_eq!(server.ask("//v1//embeddings/", &request).1["data"], expected["data"]);
    let info: Json = server.get("//info//?model=org/tiny").json().unwrap();
    assert_eq!(info["served_model_name"], "org/tiny");
    assert_eq!(server.get("//info/?model=default/not-specified").status(), 200);
    // Nothing leads to another host.
    for path in ["//", "//docs", "//docs/", "///docs//"] {
        let reply = server.get(path);
        let url = reply.url().as_str();
        assert!(reply.status() == 200 && url.starts_with(&server.url) && url.contains("/docs/"), "{path}: {url}");
    }
}

#[test]
fn a_prefix_may_have_them_too() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--url-prefix", "/a/b"]);
    for path in ["/a/b/v1/models", "//a//b//v1//models//", "/a/b//docs/", "//health/", "/a/b/health/", "/a/b//"] {
        assert_eq!(server.get(path).status(), 200, "{path}");
    }
    for path in ["/v1/models/", "//v1//models", "/a//bc/v1/models"] {
        assert_eq!(server.get(path).status(), 404, "{path}");
    }
}

#[test]
fn they_are_no_way_around_the_key() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--api-key", "sesame"]);
    let mut client = raw::connect(server.url.strip_prefix("http://").unwrap());
    let paths =
        ["/models", "/v1/models", "/embeddings", "/metrics", "/docs", "/info", "/v2/models/x", "/v2", "/openapi.json"];
    for path in paths {
        for variant in variants(path) {
            let reply = client.send(raw::get(&variant)).reply();
            assert_eq!(reply.status, 401, "{variant}");
        }
        for trick in ["/health//..", "//health/..", "/health/%2e%2e", "/livez;", "/%2F%2Fhealth"] {
            let reply = client.send(raw::get(&format!("{trick}{path}"))).reply();
            assert_eq!(reply.status, 401, "{trick}{path}");
        }
    }
    for path in ["//health", "/health/", "/livez/", "//ping"] {
        assert_eq!(server.get(path).status(), 200, "{path}");
    }
    let ask = |key: &str| server.client.get(format!("{}//v1//models/", server.url)).bearer_auth(key).send().unwrap();
    assert_eq!((ask("sesame").status().as_u16(), ask("other").status().as_u16()), (200, 401));
}
