//! `infa model`: inspect and export.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::run::{Ran, embed_with, infa};
use crate::support::{copy, cosine, fixture, floats, json as read_json, max_difference, patch};

fn architecture(name: &str) -> PathBuf {
    fixture(&format!("architectures/{name}"))
}

fn inspect(path: &Path) -> Ran {
    infa(["model", "inspect", "--json"]).arg(path).env("ORT_DYLIB_PATH", "/nonexistent/libonnxruntime.so").run()
}

fn inspected(path: &Path) -> Json {
    serde_json::from_slice(&inspect(path).status(0).out).unwrap()
}

#[test]
fn an_embedding_model() {
    let about = inspected(&fixture("bert-tiny"));
    assert_eq!(about["uses"], json!(["embed"]));
    assert_eq!((&about["architecture"], &about["class"]), (&json!("bert"), &json!("BertModel")));
    assert_eq!((&about["parameters"], &about["dtypes"]), (&json!(88_176), &json!(["F32"])));
    assert_eq!(
        (&about["dimensions"], &about["max_length"], &about["vocabulary"]),
        (&json!(48), &json!(32), &json!(632))
    );
    assert_eq!((&about["pooling"], &about["normalize"]), (&json!(["mean"]), &json!(true)));
    assert_eq!(about["prompts"]["query"], "query: ");
    assert!(about["runs"].as_str().unwrap().contains("graph") && about["problems"] == json!([]));
    let weights = about["files"].as_array().unwrap().iter().find(|file| file["name"] == "model.safetensors").unwrap();
    assert_eq!(weights["bytes"], fs::metadata(fixture("bert-tiny/model.safetensors")).unwrap().len());
    assert!(about["files"].as_array().unwrap().iter().any(|file| file["name"] == "1_Pooling/config.json"));
}

#[test]
fn other_kinds_of_models() {
    for (name, uses, key, value) in [
        ("bert-classify", json!(["classify"]), "labels", json!(["joy", "anger", "no opinion", "other"])),
        ("bert-classify", json!(["classify"]), "scores", json!("softmax of the logits")),
        ("distilbert-classify", json!(["classify"]), "scores", json!("sigmoid of each logit")),
        ("bert-rerank", json!(["rerank"]), "max_length", json!(44)),
        ("bert-rerank", json!(["rerank"]), "scores", json!("sigmoid of the logit")),
        ("xlm-roberta-rerank", json!(["rerank"]), "scores", json!("the logit as it is")),
        ("splade-max", json!(["embed --output-type sparse"]), "dimensions", json!(632)),
        ("colbert-native", json!(["embed --output-type colbert"]), "dimensions", json!(16)),
        (
            "colbert-stanford",
            json!(["embed --output-type colbert"]),
            "late_interaction",
            json!({"query_length": null, "document_length": 30, "query_expansion": 18, "skipped_words": 32}),
        ),
        (
            "m3-xlm-roberta",
            json!(["embed", "embed --output-type sparse", "embed --output-type colbert"]),
            "dimensions",
            json!(40),
        ),
    ] {
        let about = inspected(&architecture(name));
        assert_eq!((&about["uses"], &about[key]), (&uses, &value), "{name}");
    }
    let ready = ready_file();
    let about = inspected(&ready.path().join("ready.onnx"));
    assert!(about["runs"].as_str().unwrap().ends_with("ready.onnx"));
}

/// A directory with a ready `.onnx` file.
fn ready_file() -> TempDir {
    let dir = copy("bert-plain");
    fs::copy(fixture("bert-plain.onnx"), dir.path().join("ready.onnx")).unwrap();
    dir
}

/// A language model whose chat template cannot ask about a query and a document is no reranker.
#[test]
fn a_language_model_for_chats() {
    let dir = copy("architectures/qwen3-reranker");
    assert_eq!(inspected(dir.path())["uses"], json!(["rerank", "embed"]));
    patch(dir.path().join("config.json"), |config| {
        config["model_type"] = "qwen2".into();
        config["architectures"] = json!(["Qwen2ForCausalLM"]);
    });
    for file in ["modules.json", "chat_template.jinja"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    let about = inspected(dir.path());
    assert_eq!((&about["uses"], &about["scores"]), (&json!(["embed"]), &Json::Null));
}

/// model2vec's repositories have a config.json, but no transformer.
#[test]
fn static_embeddings() {
    for name in ["static-embedding", "static-model2vec", "static-model2vec-own"] {
        let about = inspected(&fixture(&format!("modules/{name}")));
        assert_eq!(
            (&about["uses"], &about["runs"]),
            (&json!(["embed"]), &json!("static embeddings: a table")),
            "{name}"
        );
        assert!(about["vocabulary"].as_u64().is_some_and(|n| n > 0), "{name}");
    }
}

#[test]
fn a_table_for_people() {
    let ran = infa(["model", "inspect"]).arg(fixture("bert-tiny")).run().status(0);
    for line in ["use              infa embed\n", "parameters       88,176 in F32\n", "pooling          mean\n"] {
        assert!(ran.text().contains(line), "no {line:?} in\n{}", ran.text());
    }
    assert!(!ran.text().contains("not supported"));
}

#[test]
fn inspect_names_unsupported_parts() {
    let problems = |dir: &Path| {
        let about: Json = serde_json::from_slice(&inspect(dir).status(3).out).unwrap();
        assert!(about["runs"].is_null() && about["uses"] == json!([]), "{about}");
        (about["problems"].to_string(), about)
    };
    let dir = copy("bert-tiny");
    patch(dir.path().join("config.json"), |config| config["model_type"] = "reformer".into());
    let (text, about) = problems(dir.path());
    assert!(text.contains("reformer") && text.contains("supported: ") && text.contains(".onnx file"), "{text}");
    assert_eq!((&about["architecture"], &about["parameters"]), (&json!("reformer"), &json!(88_176)));
    let dir = copy("bert-tiny");
    patch(dir.path().join("config.json"), |config| config["hidden_act"] = "quick_gelu".into());
    assert!(problems(dir.path()).0.contains("hidden_act"));
    let dir = copy("bert-tiny");
    patch(dir.path().join("modules.json"), |modules| modules[1]["type"] = "x.LSTM".into());
    assert!(problems(dir.path()).0.contains("LSTM"));
    let dir = copy("bert-tiny");
    fs::rename(dir.path().join("model.safetensors"), dir.path().join("pytorch_model.bin")).unwrap();
    let (text, about) = problems(dir.path());
    assert!(text.contains("pytorch_model.bin"), "{text}");
    assert_eq!((&about["architecture"], &about["dimensions"]), (&json!("bert"), &json!(48)));
    let dir = copy("bert-tiny");
    fs::write(dir.path().join("model.safetensors"), "rubbish").unwrap();
    assert!(problems(dir.path()).0.contains("model.safetensors"));
    let dir = copy("bert-tiny");
    fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
    assert!(problems(dir.path()).0.contains("tokenizer.json"));
    infa(["model", "inspect", "./nowhere"]).run().status(2).says(&["./nowhere"]);
}

/// A copy of a model with nothing to run but what was exported from it.
fn exported(name: &str, flags: &[&str]) -> TempDir {
    let dir = copy(name);
    let file = dir.path().join("model.onnx");
    let ran = infa(["model", "export"]).arg(dir.path()).arg("-o").arg(&file).args(flags).run().status(0);
    assert!(ran.out.is_empty() && ran.err.contains("model.onnx"), "{}", ran.err);
    fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    assert!(!dir.path().join("model.onnx.data").exists());
    dir
}

const WAYS: [&[&str]; 4] = [&[], &["--standard-ops"], &["--attention-mask"], &["--attention-mask", "--standard-ops"]];

#[test]
fn exported_embeddings_are_the_same() {
    let text = "Hello world\na\nthe quick brown fox jumps over the lazy dog\nhello there\n";
    for name in ["bert-tiny", "bert-odd", "architectures/roberta-embed", "architectures/qwen3-embedding"] {
        let expected = embed_with(fixture(name), [] as [&str; 0]).stdin(text).run().status(0).vectors();
        for flags in WAYS {
            let dir = exported(name, flags);
            let found =
                embed_with(dir.path().join("model.onnx"), [] as [&str; 0]).stdin(text).run().status(0).vectors();
            for (a, b) in found.iter().zip(&expected) {
                let largest = b.iter().fold(1f32, |m, x| m.max(x.abs()));
                assert!(max_difference(a, b) <= 1e-5 * largest, "{name} {flags:?}");
            }
            assert_eq!(found.len(), 4);
        }
    }
}

/// Within what int8 costs, on the few channels of these models.
#[test]
fn exported_in_int8() {
    let texts = "Hello world\na\nthe quick brown fox jumps over the lazy dog\nhello there\n";
    let size = |dir: &TempDir| fs::metadata(dir.path().join("model.onnx")).unwrap().len();
    let calibration = tempfile::tempdir().unwrap();
    let file = calibration.path().join("texts.txt");
    fs::write(&file, texts).unwrap();
    for name in ["bert-tiny", "architectures/roberta-embed", "architectures/qwen3-embedding"] {
        let vectors = |model: &Path, flags: &[&str]| {
            embed_with(model, flags).env("INFA_CACHE_DIR", calibration.path()).stdin(texts).run().status(0).vectors()
        };
        let least = |a: &[Vec<f32>], b: &[Vec<f32>]| {
            assert_eq!(a.len(), 4);
            a.iter().zip(b).map(|(a, b)| cosine(a, b)).fold(1.0, f64::min)
        };
        let (float32, int8) = (vectors(&fixture(name), &[]), vectors(&fixture(name), &["--dtype", "int8"]));
        let whole = size(&exported(name, &[]));
        let mut first = None;
        for flags in WAYS {
            let dir = exported(name, &[flags, &["--dtype", "int8", "--calibrate", file.to_str().unwrap()]].concat());
            let found = vectors(&dir.path().join("model.onnx"), &[]);
            let (to_float32, to_int8) = (least(&found, &float32), least(&found, &int8));
            assert!(
                to_float32 > 0.98 && to_int8 > 0.98 && found != float32,
                "{name} {flags:?}: {to_float32} {to_int8}"
            );
            // The same weights in other operators.
            let first = first.get_or_insert_with(|| found.clone());
            assert!(least(&found, first) > 0.999, "{name} {flags:?}: {}", least(&found, first));
            assert!(size(&dir) < whole / 2, "{name} {flags:?}: {} of {whole}", size(&dir));
            let bytes = fs::read(dir.path().join("model.onnx")).unwrap();
            let has = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
            assert_eq!(has(b"com.microsoft"), !flags.contains(&"--standard-ops"), "{name} {flags:?}");
        }
    }
}

#[test]
fn exported_sparse_and_token_vectors_are_the_same() {
    for (name, kind, list) in [("splade-sum", "sparse", "sparse"), ("colbert-stanford", "colbert", "multi")] {
        let expected = read_json(architecture(name).join("expected.json"));
        let case = &expected[list][4];
        let mode = case.get("role").and_then(Json::as_str);
        // Queries of ColBERT are lengthened with tokens that attention does not see.
        for flags in WAYS.into_iter().filter(|flags| kind == "sparse" || flags.contains(&"--attention-mask")) {
            let dir = exported(&format!("architectures/{name}"), flags);
            if kind == "colbert" {
                // Its projection lies in the checkpoint.
                fs::copy(architecture(name).join("model.safetensors"), dir.path().join("model.safetensors")).unwrap();
            }
            let ran = embed_with(dir.path().join("model.onnx"), ["--output-type", kind]);
            let ran = ran.args(mode.into_iter().flat_map(|mode| ["--mode", mode]));
            let row = ran.stdin(format!("{}\n", case["text"].as_str().unwrap())).run().well().rows().remove(0);
            if kind == "sparse" {
                assert_eq!(row["indices"], case["indices"]);
                assert!(max_difference(&floats(&row["values"]), &floats(&case["values"])) <= 1e-4);
            } else {
                let all = |value: &Json| value.as_array().unwrap().iter().flat_map(floats).collect::<Vec<_>>();
                assert!(max_difference(&all(&row["embeddings"]), &all(&case["vectors"])) <= 1e-5, "{flags:?}");
            }
        }
    }
}

#[test]
fn heads_are_exported_by_what_the_model_is() {
    let run = |name: &str, flags: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("model.onnx");
        let ran = infa(["model", "export"]).arg(architecture(name)).arg("-o").arg(&file).args(flags).run();
        assert_eq!(file.exists(), ran.status == 0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), usize::from(ran.status == 0));
        ran
    };
    run("bert-rerank", &[]).status(0).says(&["logits"]);
    run("bert-classify", &["--task", "classify"]).status(0).says(&["logits"]);
    run("bert-classify", &["--task", "embed"]).status(0).says(&["last_hidden_state"]);
    run("splade-plain", &["--task", "sparse"]).status(0).says(&["lexical_weights"]);
    run("bert-classify", &["--task", "rerank"]).status(2).says(&["4 labels", "--task classify"]);
    run("m3-bert", &["--task", "sparse"]).status(2).says(&["--task sparse", "masked-LM"]);
    run("bert-rerank", &["--dtype", "int8"]).status(0).says(&[
        "Quantised ",
        "logits differ from float32 by 0.",
        ": logits",
    ]);
    run("bert-rerank", &["--dtype", "bfloat16"]).status(2).says(&["--dtype bfloat16", "int8"]);
    run("bert-rerank", &["--calibrate", "texts.txt"]).status(2).says(&["--calibrate", "--dtype int8"]);
    run("qwen3-seqcls", &["--attention-mask"]).status(3).says(&["attention mask is not supported"]);
}

#[test]
fn models_that_cannot_be_exported() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.onnx");
    let run = |model: &Path| infa(["model", "export"]).arg(model).arg("-o").arg(&file).run();
    run(&ready_file().path().join("ready.onnx")).status(2).says(&["is an .onnx file already"]);
    let broken = copy("bert-tiny");
    patch(broken.path().join("config.json"), |config| config["hidden_size"] = 40.into());
    run(broken.path()).status(3).says(&["position_embeddings", "config.json"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let nowhere = dir.path().join("nowhere/model.onnx");
    infa(["model", "export"]).arg(fixture("bert-tiny")).arg("-o").arg(nowhere).run().status(2).says(&["nowhere"]);
    infa(["model", "export"]).arg(fixture("bert-tiny")).run().status(2).says(&["--output"]);
    fs::write(&file, "old").unwrap();
    run(broken.path()).status(3);
    assert_eq!(fs::read(&file).unwrap(), b"old");
}
