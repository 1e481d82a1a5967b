//! `infa embed`, `infa rerank` and `infa classify` with Python engines.

use serde_json::json;

use crate::fake::{Model, model, python, vector};
use crate::run::{Infa, infa};

fn command(name: &str, model: &Model) -> Infa {
    let infa = infa([name, "--engine", "torch", "-m"]).arg(&model.dir);
    infa.env("INFA_PYTHON", python("python")).env("XDG_CACHE_HOME", model.cache())
}

#[test]
fn embed_writes_rows_as_ever() {
    let model = model("model");
    let ran = command("embed", &model).args(["--prompt", "p "]).stdin("a\nnan\nbb\n").run().status(0);
    let vectors: Vec<Vec<f32>> = ran.vectors();
    assert_eq!(vectors, ["p a", "p nan", "p bb"].map(vector));
    let rows = ran.rows();
    assert!(rows[0].get("tokens").is_none_or(serde_json::Value::is_null), "{rows:?}");
}

#[test]
fn a_text_without_a_vector_costs_its_neighbours_nothing() {
    let model = model("model");
    let ran = command("embed", &model).stdin("a\nnan\nbb\n").run().status(1);
    let rows = ran.rows();
    assert_eq!(rows[0]["embedding"][0], json!(1.0));
    assert!(rows[1]["error"].as_str().unwrap().contains("torch: "), "{rows:?}");
    assert_eq!(rows[2]["embedding"][0], json!(2.0));
}

#[test]
fn a_process_that_dies_ends_the_command() {
    let model = model("model");
    // After many windows that succeed, so that the file would have vectors in it.
    let texts = ["a\n".repeat(3000), "crash\n".into(), "b\n".repeat(3000)].concat();
    let ran = command("embed", &model).stdin(texts.as_str()).run().status(3);
    let rows = ran.says(&["torch: ", "the last words"]).rows();
    assert!(!rows.is_empty() && rows.len() <= 3000 && rows.iter().all(|row| row.get("error").is_none()), "{rows:?}");

    let out = model.dir.join("out.jsonl");
    std::fs::write(&out, "kept").unwrap();
    let ran = command("embed", &model).arg("-o").arg(&out).stdin(texts.as_str()).run().status(3);
    ran.says(&["the last words", "out.jsonl is left as it was"]);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "kept");
}

#[test]
fn rerank_by_a_cross_encoder() {
    let model = model("model");
    let order = |args: &[&str]| {
        let ran = command("rerank", &model).args(["--query", "q"]).args(args).stdin("a\nccc\nnan\nbb\n").run();
        ran.status(1).rows().iter().map(|row| (row["index"].clone(), row["score"].clone())).collect::<Vec<_>>()
    };
    let null = json!(null);
    let plain = [(json!(1), json!(3.0)), (json!(3), json!(2.0)), (json!(0), json!(1.0)), (json!(2), null.clone())];
    assert_eq!(order(&[]), plain);
    let raw = [(json!(1), json!(300.0)), (json!(3), json!(200.0)), (json!(0), json!(100.0)), (json!(2), null)];
    assert_eq!(order(&["--raw-scores"]), raw);
}

#[test]
fn what_python_engines_do_not_take_is_refused() {
    let model = model("model");
    let refuses = |name: &str, flag: &str, parts: &[&str]| {
        command(name, &model).arg(flag).stdin("a\n").run().refuses(2, parts);
    };
    refuses("embed", "--dtype=bfloat16", &["--dtype", "torch:bfloat16"]);
    refuses("embed", "--onnx-file=x.onnx", &["--onnx-file"]);
    refuses("embed", "--calibrate=x", &["--calibrate"]);
    refuses("embed", "--batch-tokens=9", &["--batch-tokens"]);
    refuses("embed", "--retries=1", &["--retries", "servers alone"]);
    refuses("embed", "--concurrency=1", &["--concurrency", "servers alone"]);
    refuses("embed", "--pooling=mean", &["--pooling"]);
    refuses("embed", "--truncate=none", &["--truncate"]);
    refuses("embed", "--output-type=sparse", &["--output-type"]);
    refuses("classify", "--raw-scores", &["--engine", "no labels"]);
    let spec =
        |spec: &str| infa(["embed", "--engine", spec, "--python=/nonexistent", "-m"]).arg(&model.dir).stdin("a\n");
    spec("torch:bfloat61").run().refuses(2, &["did you mean \"bfloat16\"?"]);
    spec("openvino@cuda").run().refuses(2, &["openvino", "cuda"]);
    spec("torch").run().refuses(3, &["/nonexistent", "--python"]);
    spec("onnx").run().refuses(2, &["--python", "not a Python engine"]);
    // Also where a variable names the same one.
    spec("onnx").env("INFA_PYTHON", "/nonexistent").run().refuses(2, &["--python", "not a Python engine"]);
    spec("torch@cpu").arg("--device=cuda").run().refuses(2, &["--device", "torch@cpu"]);
}

#[test]
fn what_is_missing_is_named_with_the_command_that_installs_it() {
    let model = model("model");
    let ran = command("embed", &model).env("INFA_PYTHON", python("bare-python")).stdin("a\n").run();
    ran.refuses(3, &["torch: the Python package torch is missing", "infa engines install torch"]);
}
