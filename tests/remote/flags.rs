//! Flags about the engine: what is refused, what is passed on, what is never shown.

use infa::parts::engine::EngineKind;
use serde_json::json;

use crate::fake::{Answer, Fake, vector};
use crate::run::{Infa, infa};
use crate::running::fixture;

fn embed(engine: &str) -> Infa {
    infa(["embed", "--engine", engine]).stdin("a\n")
}

#[test]
fn specs_that_are_none() {
    embed("infinty=http://127.0.0.1:9").run().refuses(2, &["--engine", "did you mean \"infinity\"?"]);
    embed("tei").run().refuses(2, &["--engine", "tei=http://127.0.0.1:8080"]);
    embed("tei:int8=http://127.0.0.1:9").run().refuses(2, &["--engine", "\"int8\""]);
    embed("onnx:int9").run().refuses(2, &["--engine", "did you mean \"int8\"?"]);
    embed("onnx:int8:float32").run().refuses(2, &["--engine"]);
    embed("onnx:int8").arg("--dtype=float32").run().refuses(2, &["--dtype", "onnx:int8"]);
    embed("onnx@cpu").arg("--device=cuda").run().refuses(2, &["--device", "onnx@cpu"]);
    embed("onnx@cuda").run().refuses(2, &["cuda"]);
    infa(["embed"]).env("INFA_ENGINE", "nothing").run().refuses(2, &["--engine", "\"nothing\""]);
}

#[test]
fn the_local_engine_by_its_name() {
    let model = fixture("bert-tiny");
    let local = |args: &[&str]| {
        let ran = infa(["embed", "-m", &model, "--threads", "1"]).args(args).stdin("what do cats eat\n").run();
        ran.status(0).out
    };
    let plain = local(&[]);
    assert_eq!(local(&["--engine", "onnx"]), plain);
    assert_eq!(local(&["--engine", "onnx@cpu:float32", "--dtype", "float32"]), plain);
    assert_eq!(local(&["--engine", "ONNX:auto", "--device", "cpu"]), plain);
}

#[test]
fn flags_for_servers_alone() {
    for flag in ["--retries=1", "--request-timeout=5s", "--request-batch=3", "--concurrency=2"] {
        let name = flag.split('=').next().unwrap();
        embed("onnx").arg(flag).run().refuses(2, &[name, "servers alone"]);
    }
    embed("tei=http://127.0.0.1:9").arg("--request-timeout=0").run().refuses(2, &["--request-timeout"]);
}

#[test]
fn flags_for_this_process_alone() {
    for flag in [
        "--revision=x",
        "--onnx-file=x.onnx",
        "--device=cpu",
        "--dtype=auto",
        "--calibrate=x.txt",
        "--threads=1",
        "--batch-tokens=9",
        "--pooling=mean",
        "--max-length=9",
        "--output-type=sparse",
    ] {
        let name = flag.split('=').next().unwrap();
        embed("tei=http://127.0.0.1:9").arg(flag).run().refuses(2, &[name]);
    }
    embed("tei=http://127.0.0.1:9").env("INFA_THREADS", "2").run().refuses(2, &["--threads"]);
    let rerank =
        |engine: &str, flag: &str| infa(["rerank", "--query", "q", "--engine", engine, flag]).stdin("a\n").run();
    rerank("tei=http://127.0.0.1:9", "--max-length=9").refuses(2, &["--max-length"]);
    rerank("cohere=http://127.0.0.1:9", "--raw-scores").refuses(2, &["--raw-scores"]);
    rerank("openai=http://127.0.0.1:9", "--quiet").refuses(2, &["--engine", "ranks no documents"]);
    rerank("infinity=http://127.0.0.1:9", "--truncate=left").refuses(2, &["--truncate"]);
}

#[test]
fn words_that_a_protocol_does_not_have() {
    for (engine, flag) in [
        ("openai", "--no-normalize"),
        ("infinity", "--truncate=left"),
        ("openai", "--prompt-name=query"),
        ("tei", "--mode=query"),
        ("triton", "--no-normalize"),
    ] {
        let name = flag.split('=').next().unwrap();
        embed(&format!("{engine}=http://127.0.0.1:9")).arg(flag).run().refuses(2, &[name, engine]);
    }
    embed("cohere=http://127.0.0.1:9").run().refuses(2, &["--mode", "cohere"]);
}

#[test]
fn what_is_passed_on_and_what_is_done_here() {
    let fake = Fake::tei(|_| None);
    let args = ["--prompt", "query: ", "--truncate", "none", "--no-normalize"];
    let ran = fake.embed(args, "abc\n").run().status(0);
    assert_eq!(ran.vectors(), [[10.0, 1.0]]);
    let body = fake.seen().pop().unwrap().body;
    assert_eq!(body, json!({"inputs": ["query: abc"], "truncate": false, "normalize": false}));
    // A server that does not know of dimensions sends all: they are cut and scaled here.
    let ran = fake.embed(["--dimensions", "1"], "abc\n").run().status(0);
    assert_eq!((fake.seen().last().unwrap().body["dimensions"].clone(), ran.vectors()), (json!(1), vec![vec![1.0]]));
    fake.embed(["--dimensions", "3"], "abc\n").run().refuses(4, &["vectors of 2 dimensions instead of 3"]);
    let ran = fake.embed(["--normalize"], "abc\n").run().status(0);
    // TEI has the parameter, and ignores it.
    assert!((ran.vectors()[0].iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn the_model_that_the_server_has() {
    let fake = Fake::new(|seen| match seen.line.split('?').next().unwrap() {
        "GET /info" => Answer::json(&json!({"model_id": "BAAI/bge", "model_type": {"embedding": {"pooling": "cls"}}})),
        _ => Answer::json(&json!(seen.inputs().iter().map(|text| vector(text)).collect::<Vec<_>>())),
    });
    fake.embed(["-m", "BAAI/bge"], "a\n").run().status(0);
    fake.embed(["-m", "other"], "a\n").run().refuses(2, &["--model-id", "the server has another model: BAAI/bge"]);
    fake.embed(["-v"], "a\n").run().status(0).says(&["BAAI/bge"]);
}

#[test]
fn secrets_are_never_shown() {
    // A server that repeats the key it received.
    let fake = Fake::new(|seen| {
        let reported = format!("bad key {}", seen.header("authorization").unwrap_or_default());
        Answer::Reply(401, Vec::new(), json!({"error": {"message": reported}}).to_string().into_bytes())
    });
    let of = |engine: &str, variable: &str| {
        let ran = embed(&format!("{engine}={}", fake.url)).args(["-vvv", "-m", "m"]).env(variable, "sk-qzwv").run();
        assert_eq!(fake.seen().last().unwrap().header("authorization"), Some("Bearer sk-qzwv"), "{engine}");
        assert!(!ran.err.contains("qzwv"), "{}", ran.err);
        ran.status(4).says(&["HTTP 401: bad key Bearer …", variable]);
    };
    for (engine, variable) in [
        ("openai", "OPENAI_API_KEY"),
        ("tei", "TEI_API_KEY"),
        ("infinity", "INFINITY_API_KEY"),
        ("jina", "JINA_API_KEY"),
        ("triton", "TRITON_API_KEY"),
        ("infa", "INFA_API_KEY"),
    ] {
        of(engine, variable);
    }
    for variable in ["CO_API_KEY", "COHERE_API_KEY"] {
        let query = infa(["rerank", "--query", "q", "--engine", &format!("cohere={}", fake.url)]);
        let ran = query.stdin("a\n").env(variable, "sk-qzwv").run();
        ran.status(4).says(&["Bearer …", "CO_API_KEY or COHERE_API_KEY"]);
    }
    let with_password = fake.url.replace("http://", "http://me:pass0123@");
    let ran = embed(&format!("tei={with_password}/?key=pass0123")).arg("-vvv").run().status(4);
    assert!(fake.seen().last().unwrap().header("authorization").unwrap().starts_with("Basic "));
    assert!(!ran.err.contains("pass0123"), "{}", ran.err);
    let ran = embed("tei=ftp://me:pass0123@127.0.0.1").run().status(2);
    assert!(!ran.err.contains("pass0123"), "{}", ran.err);
}

#[test]
fn offline_means_this_machine() {
    let fake = Fake::tei(|_| None);
    fake.embed(["--offline"], "a\n").run().status(0);
    embed("tei=http://192.0.2.1:80").arg("--offline").run().refuses(2, &["--offline", "tei=http://192.0.2.1"]);
}

#[test]
fn cohere_embeds_queries_and_documents() {
    let fake = Fake::new(|seen| match seen.line.as_str() {
        "POST /v2/embed" => {
            let texts = seen.body["texts"].as_array().unwrap();
            let vectors: Vec<_> = texts.iter().map(|text| json!([text.as_str().unwrap().len(), 1])).collect();
            let meta = json!({"billed_units": {"input_tokens": 3}});
            Answer::json(&json!({"id": "x", "embeddings": {"float": vectors}, "texts": texts, "meta": meta}))
        }
        _ => Answer::Reply(404, Vec::new(), b"{\"message\":\"no such route\"}".to_vec()),
    });
    let cohere = format!("cohere={}", fake.url);
    for (mode, input_type) in [("query", "search_query"), ("document", "search_document")] {
        let ran = infa(["embed", "--engine", &cohere, "-m", "embed-v4.0", "--mode", mode]).stdin("abc\nab\n").run();
        assert_eq!(ran.status(0).vectors(), [[3.0, 1.0], [2.0, 1.0]]);
        let body = fake.seen().pop().unwrap().body;
        assert_eq!(
            body,
            json!({"texts": ["abc", "ab"], "input_type": input_type, "embedding_types": ["float"], "model": "embed-v4.0"})
        );
    }
}

#[test]
fn the_guide_knows_every_engine_key_and_flag() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/engines.md")).unwrap();
    for kind in <EngineKind as clap::ValueEnum>::value_variants() {
        let spec =
            if kind.server().is_some() { format!("`{}=URL`", kind.name()) } else { format!("`{}`", kind.name()) };
        assert!(guide.contains(&spec), "{spec}");
        for variable in kind.server().map_or(&[][..], |server| server.keys) {
            assert!(guide.contains(&format!("`{variable}`")), "{variable}");
        }
    }
    let help = infa(["embed", "--help"]).run().status(0);
    let engine = help.text().split("\nEngine:\n").nth(1).unwrap();
    // The next heading begins in the first column.
    let lines = engine.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    let engine = lines.collect::<Vec<_>>().join("\n");
    for flag in engine.split_whitespace().filter(|word| word.starts_with("--")) {
        assert!(guide.contains(flag) || flag == "--model-id", "{flag}");
    }
    assert!(engine.contains("--concurrency"), "{engine}");
}
