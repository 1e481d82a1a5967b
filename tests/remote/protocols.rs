//! Every protocol against `infa serve`, which speaks them all: the same vectors and scores as without a server.

use serde_json::Value as Json;

use crate::run::{Infa, infa};
use crate::running::{Server, fixture};

const TEXTS: &str = "what do cats eat\nfish\n\nThe bridge over the river was built of stone.\nüber 猫\nfish\n";
const QUERY: &str = "what do cats eat";
const EMBEDDER: &str = "fixtures/bert-tiny";
const RERANKER: &str = "architectures/bert-rerank";

fn start() -> Server {
    Server::start(&["-m", &fixture("bert-tiny"), "-m", &fixture("architectures/bert-rerank"), "--threads", "1"])
}

/// Embeddings, or whatever else `key` holds, as they are written.
fn column(infa: Infa, key: &str) -> Vec<Json> {
    let ran = infa.stdin(TEXTS).run().status(0);
    ran.rows().iter().map(|row| row[key].clone()).collect()
}

fn there(server: &Server, command: &str, engine: &str) -> Infa {
    infa([command, "--engine", &format!("{engine}={}", server.url)])
}

fn here(command: &str, model: &str) -> Infa {
    infa([command, "--threads", "1", "-m"]).arg(fixture(model))
}

#[test]
fn vectors_are_those_of_this_process() {
    let server = start();
    let expected = column(here("embed", "bert-tiny"), "embedding");
    assert_eq!(expected.len(), 6);
    for engine in ["openai", "tei", "infinity", "jina", "infa"] {
        // Named, and found by asking.
        for named in [&["-m", EMBEDDER][..], &[]] {
            let found = column(there(&server, "embed", engine).args(named).args(["--request-batch", "2"]), "embedding");
            assert!(found == expected, "{engine} {named:?}");
        }
    }
    let triton = || there(&server, "embed", "triton");
    assert!(column(triton().args(["-m", EMBEDDER]), "embedding") == expected, "triton");
    triton().stdin(TEXTS).run().refuses(2, &["--model-id", EMBEDDER, RERANKER]);
    // The paths may stand in the URL, or not.
    for engine in ["openai", "infinity", "jina", "infa"] {
        let url = format!("{engine}={}/v1/", server.url);
        let found = column(infa(["embed", "--engine", &url, "-m", EMBEDDER]), "embedding");
        assert!(found == expected, "{url}");
    }

    let expected = column(here("embed", "bert-tiny").args(["--dimensions", "7", "--prompt", "query: "]), "embedding");
    for engine in ["openai", "tei", "infinity", "jina", "infa", "triton"] {
        let args = ["-m", EMBEDDER, "--dimensions", "7", "--prompt", "query: "];
        let found = column(there(&server, "embed", engine).args(args), "embedding");
        let difference = |(a, b): (&Json, &Json)| {
            let (a, b) = (crate::support::floats(a), crate::support::floats(b));
            crate::support::max_difference(&a, &b)
        };
        // Who is not asked to cut leaves rounding to this side.
        let tolerance = if engine == "triton" { 1e-6 } else { 0.0 };
        assert!(found.iter().zip(&expected).map(difference).all(|d| d <= tolerance), "{engine}");
    }
    let expected = column(here("embed", "bert-tiny").args(["--no-normalize", "--truncate", "left"]), "embedding");
    for engine in ["tei", "infa"] {
        let args = ["-m", EMBEDDER, "--no-normalize", "--truncate", "left"];
        assert!(column(there(&server, "embed", engine).args(args), "embedding") == expected, "{engine}");
    }
    for engine in ["openai", "tei", "infinity", "jina", "infa", "triton"] {
        let ran = there(&server, "embed", engine).args(["-m", "nothing"]).stdin(TEXTS).run();
        ran.refuses(4, &["HTTP 404", "there is no model \"nothing\" here"]);
    }
}

#[test]
fn scores_are_those_of_this_process() {
    let server = start();
    let ranking = |infa: Infa| {
        let ran = infa.args(["--query", QUERY]).stdin(TEXTS).run().status(0);
        ran.rows().iter().map(|row| (row["index"].as_u64().unwrap(), row["score"].clone())).collect::<Vec<_>>()
    };
    let expected = ranking(here("rerank", RERANKER));
    assert_eq!(expected.len(), 6);
    for engine in ["tei", "infinity", "cohere", "jina", "infa"] {
        assert_eq!(ranking(there(&server, "rerank", engine).args(["-m", RERANKER])), expected, "{engine}");
    }
    // Found by asking, where the servers tell what their models can do.
    for engine in ["infinity", "infa"] {
        let found = ranking(there(&server, "rerank", engine).args(["--request-batch", "2"]));
        assert_eq!(found, expected, "{engine}");
    }
    let triton = ranking(there(&server, "rerank", "triton").args(["-m", RERANKER]));
    for ((index, score), (expected_index, expected)) in triton.iter().zip(&expected) {
        assert_eq!(index, expected_index);
        assert!((score.as_f64().unwrap() - expected.as_f64().unwrap()).abs() < 1e-6);
    }
    let raw = ranking(here("rerank", RERANKER).arg("--raw-scores"));
    for engine in ["tei", "infinity", "infa"] {
        let args = ["-m", RERANKER, "--raw-scores"];
        assert_eq!(ranking(there(&server, "rerank", engine).args(args)), raw, "{engine}");
    }
}

#[test]
fn keys_and_other_refusals_of_a_real_server() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--threads", "1", "--api-key", "letmein"]);
    for (engine, variable) in [("infa", "INFA_API_KEY"), ("tei", "TEI_API_KEY"), ("openai", "OPENAI_API_KEY")] {
        let ask = || there(&server, "embed", engine).stdin(TEXTS);
        ask().run().refuses(4, &["HTTP 401", &format!("put the server's key into {variable}")]);
        ask().env(variable, "wrong").run().refuses(4, &["HTTP 401", "does not accept the key"]);
        assert_eq!(ask().env(variable, "letmein").run().status(0).rows().len(), 6);
    }
    let long = format!("{}\nfish\n", "cats ".repeat(2000));
    let ask = there(&server, "embed", "infa").args(["--truncate", "none"]).env("INFA_API_KEY", "letmein");
    let rows = ask.stdin(long).run().status(1).rows();
    assert!(rows[0]["error"].as_str().unwrap().contains("HTTP 400") && rows[1].get("error").is_none(), "{rows:?}");
}

#[test]
fn labels_are_those_of_this_process() {
    let server = Server::start(&[
        "-m",
        &fixture("bert-tiny"),
        "-m",
        &fixture("architectures/bert-classify"),
        "-m",
        &fixture("architectures/bert-nli"),
        "--threads",
        "1",
    ]);
    let model = "architectures/bert-classify";
    let expected = column(here("classify", model), "labels");
    let raw = column(here("classify", model).arg("--raw-scores"), "labels");
    for engine in ["tei", "infinity", "infa"] {
        let ask = || there(&server, "classify", engine).args(["-m", model]);
        assert_eq!(column(ask(), "labels"), expected, "{engine}");
        let raw_ones = || ask().args(["--raw-scores", "--request-batch", "1"]);
        match engine {
            "infinity" => drop(raw_ones().stdin("a\n").run().refuses(2, &["--raw-scores", "infinity"])),
            _ => assert_eq!(column(raw_ones(), "labels"), raw, "{engine}"),
        }
        let best = column(ask().args(["--top-k", "1"]), "labels");
        assert!(
            best.iter().zip(&expected).all(|(best, all)| best.as_array().unwrap()[..] == all.as_array().unwrap()[..1])
        );
    }
    assert_eq!(column(there(&server, "classify", "infa"), "labels"), expected);
    let row = there(&server, "classify", "infa").stdin("a\n").run().status(0).rows().remove(0);
    assert_eq!(row.as_object().unwrap().keys().collect::<Vec<_>>(), ["index", "labels"]);

    let pairs = "{\"text\":\"fish\",\"b\":\"cats\"}\n{\"text\":\"a sea\",\"b\":\"\"}\n";
    let flags = ["--input-format", "jsonl", "--pair-field", "b", "--prompt", "p: "];
    let of = |infa: Infa| infa.args(flags).stdin(pairs).run();
    let expected = of(here("classify", "architectures/bert-nli")).status(0).rows();
    for engine in ["tei", "infa"] {
        let found = of(there(&server, "classify", engine).args(["-m", "architectures/bert-nli"])).status(0).rows();
        assert_eq!(found[1]["labels"], expected[1]["labels"], "{engine}");
        assert_eq!(found[0]["labels"], expected[0]["labels"], "{engine}");
    }
    of(there(&server, "classify", "infinity")).refuses(2, &["--pair-field", "infinity"]);
    there(&server, "classify", "openai").stdin("a\n").run().refuses(2, &["--engine", "has no labels"]);
    infa(["classify"]).stdin("a\n").run().refuses(2, &["--model-id", "is missing"]);
}

/// What a protocol is asked for: a command, a model that does it, what results are called, and the protocols that have it.
const TASKS: &[(&str, &str, &[&str])] = &[
    ("embed", "bert-tiny", &["openai", "tei", "infinity", "jina", "cohere", "triton", "infa"]),
    ("rerank", RERANKER, &["tei", "infinity", "jina", "cohere", "triton", "infa"]),
    ("classify", "architectures/bert-classify", &["tei", "infinity", "infa"]),
];

/// The numbers of all results, by what they are of.
fn results(command: &str, infa: Infa) -> Vec<(Json, Vec<f64>)> {
    let infa = if command == "rerank" { infa.args(["--query", QUERY]) } else { infa };
    let ran = infa.stdin(TEXTS).run().status(0);
    let result = |row: &Json| match command {
        "embed" => (row["index"].clone(), row["embedding"].as_array().unwrap().iter().map(number).collect()),
        "rerank" => (row["index"].clone(), vec![number(&row["score"])]),
        _ => {
            let labels = row["labels"].as_array().unwrap();
            let names: Vec<&Json> = labels.iter().map(|label| &label["label"]).collect();
            (serde_json::json!(names), labels.iter().map(|label| number(&label["score"])).collect())
        }
    };
    ran.rows().iter().map(result).collect()
}

fn number(json: &Json) -> f64 {
    json.as_f64().unwrap_or_else(|| panic!("no number: {json}"))
}

#[test]
fn every_protocol_is_understood_at_every_address_under_every_name() {
    for &(command, model, engines) in TASKS {
        let server = Server::start(&["-m", &fixture(model), "--served-model-name", "one, two", "--threads", "1"]);
        for &engine in engines {
            // Cohere's API has no texts but queries and documents.
            let mode: &[&str] = if (command, engine) == ("embed", "cohere") { &["--mode", "document"] } else { &[] };
            let expected = results(command, here(command, model).args(mode));
            assert!(!expected.is_empty());
            for base in ["", "/", "//"] {
                for name in [None, Some("one"), Some("two"), Some("text-embedding-ada-002")] {
                    // Of these two the protocol says which models there are, and they believe it.
                    if ["tei", "triton"].contains(&engine) && name == Some("text-embedding-ada-002") {
                        continue;
                    }
                    let mut args =
                        vec![command.to_owned(), "--engine".into(), format!("{engine}={}{base}", server.url)];
                    args.extend(name.into_iter().flat_map(|name| ["-m".to_owned(), name.to_owned()]));
                    let found = results(command, infa(args).args(mode));
                    let at = format!("{command} {engine} {base} {name:?}");
                    assert_eq!(found.len(), expected.len(), "{at}");
                    for ((key, numbers), (expected_key, expected)) in found.iter().zip(&expected) {
                        assert_eq!(key, expected_key, "{at}");
                        assert_eq!(numbers.len(), expected.len(), "{at}");
                        assert!(numbers.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{at}");
                    }
                }
            }
        }
    }
}
