//! `/metrics`: strict Prometheus format, and correct values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::running::{Server, fixture};

type Labels = BTreeMap<String, String>;

/// A scrape, parsed strictly: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
#[derive(Debug, Default)]
struct Scrape {
    /// Metric to type.
    types: BTreeMap<String, String>,
    samples: Vec<(String, Labels, f64)>,
}

impl Scrape {
    fn of(server: &Server) -> Self {
        let reply = server.get("/metrics");
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Self::parse(&reply.text().unwrap())
    }

    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line must end");
        let mut scrape = Self::default();
        let mut helped = BTreeSet::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind) && valid_name(name), "{line}");
                assert!(scrape.types.insert(name.to_owned(), kind.to_owned()).is_none(), "a second {line}");
                assert!(helped.contains(name), "no HELP before {line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                current = name.to_owned();
            } else {
                let (name, labels, value) = sample(line);
                let suffixes: &[&str] = match scrape.types.get(&current).map(String::as_str) {
                    Some("histogram") => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(suffixes.iter().any(|suffix| name == format!("{current}{suffix}")), "{line} under {current}");
                let same = |(n, l, _): &(String, Labels, f64)| *n == name && *l == labels;
                assert!(!scrape.samples.iter().any(same), "twice: {line}");
                scrape.samples.push((name, labels, value));
            }
        }
        assert_eq!(helped.len(), scrape.types.len());
        scrape.check_histograms();
        scrape
    }

    /// Buckets rise to `+Inf`, which is the count.
    fn check_histograms(&self) {
        for (name, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for (_, labels, value) in self.samples.iter().filter(|(n, ..)| *n == format!("{name}_bucket")) {
                let mut labels = labels.clone();
                let bound = number(&labels.remove("le").unwrap());
                series.entry(labels).or_default().push((bound, *value));
            }
            for (labels, buckets) in series {
                assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name}{labels:?} {buckets:?}");
                let (bound, all) = *buckets.last().unwrap();
                assert!(bound.is_infinite());
                assert_eq!(self.exactly(&format!("{name}_count"), &labels), Some(all));
                assert!(self.exactly(&format!("{name}_sum"), &labels).is_some());
            }
        }
    }

    fn exactly(&self, name: &str, labels: &Labels) -> Option<f64> {
        self.samples.iter().find(|(n, l, _)| n == name && l == labels).map(|sample| sample.2)
    }

    /// Sum of the samples of that name that have these labels.
    fn sum(&self, name: &str, wanted: &[(&str, &str)]) -> f64 {
        let has = |labels: &Labels| wanted.iter().all(|(key, value)| labels.get(*key).is_some_and(|v| v == value));
        self.samples.iter().filter(|(n, labels, _)| n == name && has(labels)).map(|sample| sample.2).sum()
    }
}

fn valid_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        _ => text.parse().unwrap_or_else(|_| panic!("{text:?} is no number")),
    }
}

/// `name{label="value",…} number`
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line:?}"));
    let (name, mut rest) = line.split_at(end);
    assert!(valid_name(name), "{line:?}");
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (key, tail) = rest.split_once("=\"").unwrap();
            assert!(valid_name(key), "{line:?}");
            let (mut value, mut chars) = (String::new(), tail.char_indices());
            let after = loop {
                match chars.next().unwrap_or_else(|| panic!("{line:?}")) {
                    (at, '"') => break at + 1,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("\\{c} in {line:?}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            assert!(labels.insert(key.to_owned(), value).is_none(), "{key} twice: {line:?}");
            rest = tail[after..].trim_start_matches(',');
        }
        rest = &rest[1..];
    }
    (name.to_owned(), labels, number(rest.strip_prefix(' ').unwrap()))
}

#[test]
fn requests_are_counted_by_route_method_and_status() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--no-model-warmup", "--strict-model-names"]);
    for _ in 0..3 {
        assert_eq!(server.ask("/v1/embeddings", &json!({"input": ["hello", "world"]})).0, 200);
    }
    assert!(server.post("/embeddings", &json!({"input": 7})).status().is_client_error());
    assert_eq!(server.ask("/embeddings", &json!({"input": ["a"], "model": "another"})).0, 404);
    // Clients' invented names must not become labels.
    assert_eq!(server.get("/no/such/path/4711").status(), 404);
    let method = reqwest::Method::from_bytes(b"SING").unwrap();
    let sung = server.client.request(method, format!("{}/v1/embeddings", server.url)).send().unwrap();
    assert_eq!(sung.status(), 405);

    let scrape = Scrape::of(&server);
    let requests = |labels: &[(&str, &str)]| scrape.sum("infa_http_requests_total", labels);
    assert_eq!(requests(&[("route", "/v1/embeddings"), ("method", "POST"), ("status", "200")]), 3.0);
    assert_eq!(requests(&[("route", "/embeddings"), ("method", "POST"), ("status", "404")]), 1.0);
    assert_eq!(requests(&[("route", "/embeddings"), ("method", "POST")]), 2.0);
    assert_eq!(requests(&[("route", "other"), ("method", "GET"), ("status", "404")]), 1.0);
    assert_eq!(requests(&[("route", "/v1/embeddings"), ("method", "other"), ("status", "405")]), 1.0);
    let timed = scrape.sum("infa_http_request_duration_seconds_count", &[("route", "/v1/embeddings")]);
    assert_eq!(timed, 4.0);
    let rejected = |reason| scrape.sum("infa_http_requests_rejected_total", &[("reason", reason)]);
    assert_eq!((rejected("invalid"), rejected("unknown_url")), (1.0, 1.0));
    assert_eq!((rejected("model_not_found"), rejected("method_not_allowed")), (1.0, 1.0));
    // The scrape itself.
    assert_eq!(scrape.sum("infa_http_requests_in_flight", &[]), 1.0);
    for (_, labels, _) in &scrape.samples {
        assert!(labels.values().all(|value| !value.contains("4711") && value != "SING"), "{labels:?}");
    }
}

#[test]
fn metrics_describe_the_model_and_the_process() {
    let model = fixture("bert-tiny");
    let server = Server::start(&["--model-id", &model]);
    let scrape = Scrape::of(&server);
    let names: BTreeSet<&str> =
        scrape.samples.iter().filter_map(|(_, l, _)| l.get("model")).map(String::as_str).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(scrape.sum("infa_model_loaded", &[]), 1.0);
    assert_eq!(scrape.sum("infa_model_loading", &[]), 0.0);
    assert_eq!(scrape.sum("infa_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let started = scrape.sum("process_start_time_seconds", &[]);
    assert!(started > 1.6e9 && started <= now, "{started}");
    if cfg!(target_os = "linux") {
        assert!(scrape.sum("process_resident_memory_bytes", &[]) > 1e6);
    }
}

#[test]
fn metrics_count_requests_and_phases() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--no-model-warmup"]);
    assert_eq!(server.ask("/v1/embeddings", &json!({"input": ["hello", "a longer text"]})).0, 200);
    let scrape = Scrape::of(&server);
    assert_eq!(scrape.sum("infa_model_requests_total", &[("task", "embed"), ("outcome", "ok")]), 1.0);
    for phase in ["tokenize", "queue", "infer"] {
        let counted = scrape.sum("infa_request_phase_duration_seconds_count", &[("phase", phase)]);
        assert_eq!(counted, 1.0, "{phase}");
    }
}

#[test]
fn metrics_count_runs_of_the_engine() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--no-model-warmup"]);
    let (_, reply) = server.ask("/v1/embeddings", &json!({"input": ["hello", "a longer text than the first"]}));
    let tokens = reply["usage"]["total_tokens"].as_f64().unwrap();
    let scrape = Scrape::of(&server);
    assert_eq!(scrape.sum("infa_texts_total", &[]), 2.0);
    assert_eq!(scrape.sum("infa_tokens_total", &[]), tokens);
    assert_eq!(scrape.sum("infa_batch_tokens_sum", &[]), tokens);
    // Two lengths, two runs: nothing is padded.
    assert_eq!(scrape.sum("infa_batch_texts_count", &[]), 2.0);
    assert_eq!(scrape.sum("infa_padding_tokens_total", &[]), 0.0);
    assert_eq!(scrape.sum("infa_queue_texts", &[]) + scrape.sum("infa_queue_tokens", &[]), 0.0);
}

#[test]
fn the_parser_of_this_test_is_strict() {
    let good = "# HELP a_total x\n# TYPE a_total counter\na_total{l=\"\\\"\\\\\\n\"} 1\n";
    assert_eq!(Scrape::parse(good).samples[0].1["l"], "\"\\\n");
    for bad in [
        "# TYPE a_total counter\na_total 1\n",
        "# HELP a x\n# TYPE a counter\na 1\n",
        "# HELP a x\n# TYPE a gauge\nb 1\n",
        "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a x\n# TYPE a gauge\na one\n",
        "# HELP a x\n# TYPE a gauge\na 1",
        "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
    ] {
        assert!(std::panic::catch_unwind(|| Scrape::parse(bad)).is_err(), "{bad}");
    }
}

#[test]
fn the_guide_lists_the_metrics_that_there_are() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve.md")).unwrap();
    let rows = guide.lines().skip_while(|line| !line.starts_with("| metric |")).skip(2);
    let mut listed = BTreeMap::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        for name in cells[0].split(", ") {
            listed.insert(name.trim_matches('`').to_owned(), cells[1].to_owned());
        }
    }
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--no-model-warmup"]);
    // A metric with labels is there from its first use on.
    server.ask("/v1/embeddings", &json!({"input": ["hello"]}));
    server.get("/no/such/path");
    let mut reported = Scrape::of(&server).types;
    if !cfg!(target_os = "linux") {
        reported.insert("process_resident_memory_bytes".into(), "gauge".into());
    }
    assert_eq!(reported, listed);
}
