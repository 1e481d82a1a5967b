//! The document matches the server, and the page needs nothing from elsewhere.

use serde_json::Value as Json;

use crate::running::{Server, fixture};

/// Calls `visit` with every value in `json`.
fn walk(json: &Json, visit: &mut impl FnMut(&Json)) {
    visit(json);
    match json {
        Json::Array(all) => all.iter().for_each(|each| walk(each, visit)),
        Json::Object(all) => all.values().for_each(|each| walk(each, visit)),
        _ => {}
    }
}

#[test]
fn the_document_and_the_server_agree() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let reply = server.get("/openapi.json");
    assert_eq!(reply.headers()["content-type"], "application/json");
    let document: Json = reply.json().unwrap();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));

    assert!(document["paths"].as_object().unwrap().len() > 40);
    // Documented routes exist; with an empty object as the body, the status is documented as well.
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!(response["description"].is_string(), "{method} {path} {status}");
            }
            let url = ["model", "id", "deployment", "engine"]
                .iter()
                .fold(path.clone(), |url, name| url.replace(&format!("{{{name}}}"), "nobody"));
            let reply = match method.as_str() {
                "get" => server.get(&url),
                "post" => server.post(&url, &serde_json::json!({})),
                other => panic!("{other} {path}"),
            };
            let status = reply.status().as_u16().to_string();
            assert!(operation["responses"].get(&status).is_some(), "{method} {path}: {status} is not documented");
            let wrong = ["404", "405"].contains(&status.as_str());
            assert!(!wrong || url != *path, "{method} {path}: {status}");
        }
    }
}

#[test]
fn references_of_the_document_exist() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let document: Json = server.get("/openapi.json").json().unwrap();
    let mut references = 0;
    walk(&document, &mut |json| {
        if let Some(reference) = json.get("$ref").and_then(Json::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            references += 1;
        }
    });
    assert!(references > 50, "{references}");
    let mut ids = Vec::new();
    walk(&document["paths"], &mut |json| {
        ids.extend(json.get("operationId").and_then(Json::as_str).map(str::to_owned));
    });
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an operationId is there twice");
}

#[test]
fn the_page_comes_from_the_binary() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    // Redirects are followed.
    let reply = server.get("/");
    assert!(reply.url().path().ends_with("/docs/"), "{}", reply.url());
    assert!(server.get("/docs").url().path().ends_with("/docs/"));
    let page = reply.text().unwrap();
    let mut assets: Vec<&str> = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        assets.extend(page.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()));
    }
    assert!(assets.len() >= 4, "{page}");
    for asset in assets {
        assert!(!asset.contains("//"), "{asset} is elsewhere");
        let reply = server.get(&format!("/docs/{asset}"));
        assert_eq!(reply.status(), 200, "{asset}");
        assert!(reply.content_length().is_some_and(|length| length > 0), "{asset}");
    }
    let start = server.get("/docs/swagger-initializer.js").text().unwrap();
    assert!(start.contains("\"../openapi.json\"") && !start.contains("http"), "{start}");
    assert_eq!(server.get("/docs/../../etc/passwd").status(), 404);
    assert_eq!(server.get("/docs/nothing.js").status(), 404);
}

#[test]
fn a_prefix_stays() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--url-prefix", "/a/b"]);
    for path in ["/a/b", "/a/b/", "/a/b/docs", "/a/b/docs/"] {
        let reply = server.get(path);
        assert_eq!((reply.status().as_u16(), reply.url().path()), (200, "/a/b/docs/"), "{path}");
    }
    let document: Json = server.get("/a/b/openapi.json").json().unwrap();
    assert_eq!(document["servers"][0]["url"], "./");
}
