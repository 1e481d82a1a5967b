//! The tables of fields in docs/serve.md, row by row against the running server: what is said to be followed is read, what
//! is said to be refused is refused by name, and what is said to be ignored changes nothing. A field of a request that has
//! no row fails, and so does a row for a field that there is not.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

const MODELS: &[(&str, &str)] = &[
    ("e", "bert-tiny"),
    ("r", "architectures/bert-rerank"),
    ("l", "architectures/bert-classify"),
    ("s", "architectures/bert-splade"),
];

/// A row of a table.
struct Row {
    field: String,
    treatment: Treatment,
    /// A value of the field, or a whole body that has the field.
    instance: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Followed,
    Refused,
    Ignored,
}

/// A table, and the routes that it holds for.
struct Table {
    paths: Vec<String>,
    rows: Vec<Row>,
}

/// The text between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The tables that begin with a line such as ``**`POST /rerank`, `/v1/rerank`**``.
fn tables() -> Vec<Table> {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve.md")).unwrap();
    let mut tables: Vec<Table> = Vec::new();
    let mut inside = false;
    for line in guide.lines() {
        if line.starts_with("**`POST ") {
            let paths = quoted(line).into_iter().map(|path| path.trim_start_matches("POST ").to_owned()).collect();
            tables.push(Table { paths, rows: Vec::new() });
            inside = true;
        } else if line.starts_with("| `") && inside {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [fields, _, treatment, instances] = cells[..] else { panic!("not four cells: {line}") };
            let treatment = match treatment.split([':', ';', ',', ' ']).next().unwrap() {
                "followed" => Treatment::Followed,
                "refused" => Treatment::Refused,
                "ignored" => Treatment::Ignored,
                other => panic!("{other}: {line}"),
            };
            let (fields, instances) = (quoted(fields), quoted(instances));
            assert_eq!(fields.len(), instances.len(), "{line}");
            for (field, instance) in fields.into_iter().zip(instances) {
                let instance = serde_json::from_str(instance).unwrap_or_else(|e| panic!("{e}: {line}"));
                tables.last_mut().unwrap().rows.push(Row { field: field.to_owned(), treatment, instance });
            }
        } else if line.starts_with('#') {
            inside = false;
        }
    }
    tables
}

/// The value in a document, following a reference.
fn resolve<'d>(document: &'d Json, value: &'d Json) -> &'d Json {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// The schema of a route's body.
fn schema<'d>(document: &'d Json, path: &str) -> &'d Json {
    let path = path.strip_prefix("/v1").unwrap_or(path).replace("/NAME/", "/{model}/");
    let schema = &document["paths"][path.as_str()]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{path} is not documented");
    resolve(document, schema)
}

impl Row {
    /// A body with the field: an example with this value, or the instance itself if it is a whole body.
    fn body(&self, example: &Json) -> Json {
        let top = self.field.split(['.', '[']).next().unwrap();
        if self.instance.get(top).is_some() {
            return self.instance.clone();
        }
        let mut body = example.clone();
        body[self.field.as_str()] = self.instance.clone();
        body
    }

    /// True for a field of the body itself.
    fn is_top(&self) -> bool {
        !self.field.contains(['.', '['])
    }

    /// The last part of the field's name.
    fn name(&self) -> &str {
        self.field.rsplit('.').next().unwrap()
    }
}

/// Without the fields that differ between equal responses.
fn lasting(mut reply: Json) -> Json {
    if let Some(reply) = reply.as_object_mut() {
        reply.remove("id");
        reply.remove("created");
    }
    reply
}

#[test]
fn every_row_says_what_the_server_does() {
    let dirs: Vec<String> = MODELS.iter().map(|(_, dir)| fixture(dir)).collect();
    let mut args = vec!["--threads", "1"];
    for ((name, _), dir) in MODELS.iter().zip(&dirs) {
        args.extend(["-m", dir, "--served-model-name", name]);
    }
    let server = Server::start(&args);
    let document: Json = server.get("/openapi.json").json().unwrap();
    let tables = tables();
    let mut rows = 0;
    for Table { paths, rows: all } in &tables {
        for path in paths {
            let schema = schema(&document, path);
            let example = resolve(&document, schema)["example"].clone();
            assert!(example.is_object(), "{path} has no example");
            let properties: BTreeSet<&str> =
                schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let with_row: BTreeSet<&str> = all.iter().map(|row| row.field.as_str()).collect();
            let missing: Vec<_> = properties.difference(&with_row).collect();
            assert!(missing.is_empty(), "{path}: fields without a row: {missing:?}");
            for row in all {
                let (field, treatment) = (&row.field, row.treatment);
                assert!(
                    treatment == Treatment::Ignored || !row.is_top() || properties.contains(field.as_str()),
                    "{path}: there is no field {field}"
                );
                let path = path.replace("/NAME/", if example.get("passages").is_some() { "/r/" } else { "/e/" });
                let body = row.body(&example);
                let (status, reply) = server.ask(&path, &body);
                let reported = reply.to_string();
                match treatment {
                    Treatment::Followed => {
                        assert_eq!(status, 200, "{path}: {field}: {body}: {reported}");
                        if row.is_top() {
                            let mut nonsense = body.clone();
                            nonsense[field.as_str()] = json!([{"no": "such"}]);
                            let (status, reply) = server.ask(&path, &nonsense);
                            assert!(
                                (400..500).contains(&status) && reply.to_string().contains(field.as_str()),
                                "{path}: {field} is not read: {status} {reply}"
                            );
                        }
                    }
                    Treatment::Refused => {
                        assert!((400..500).contains(&status), "{path}: {field}: {body}: {status} {reported}");
                        assert!(reported.contains(row.name()), "{path}: {field}: {reported}");
                    }
                    Treatment::Ignored => {
                        assert_eq!(status, 200, "{path}: {field}: {body}: {reported}");
                        let mut without = body.clone();
                        without.as_object_mut().unwrap().remove(field.as_str());
                        assert_eq!(lasting(server.ask(&path, &without).1), lasting(reply), "{path}: {field}");
                    }
                }
                rows += 1;
            }
        }
    }
    let covered: BTreeSet<&str> = tables.iter().flat_map(|table| table.paths.iter().map(String::as_str)).collect();
    for path in [
        "/rerank",
        "/v1/rerank",
        "/v2/rerank",
        "/score",
        "/classify",
        "/ranking",
        "/v2/models/NAME/infer",
        "/embed",
        "/embed_all",
        "/embed_sparse",
        "/similarity",
        "/predict",
        "/tokenize",
        "/decode",
    ] {
        assert!(covered.contains(path), "{path} has no table");
    }
    assert!(rows > 150, "only {rows} rows: does this test still read the tables?");
}
