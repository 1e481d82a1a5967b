//! Modules after the transformer and static embeddings, run as people run them: from the Hub, damaged, by role.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::hub::{from_hub, repository};
use crate::hub_server::HubServer;
use crate::run::{Ran, embed_with};
use crate::support::{copy, fixture, patch};

fn run(dir: &Path) -> Ran {
    embed_with(dir, [] as [&str; 0]).stdin("a sea\n").run()
}

/// A fixture with one of its JSON files changed.
fn with(name: &str, file: &str, change: impl FnOnce(&mut Json)) -> TempDir {
    let dir = copy(&format!("modules/{name}"));
    patch(dir.path().join(file), change);
    dir
}

#[test]
fn settings_that_are_not_implemented_are_named() {
    for (key, value) in [
        ("activation_function", json!("torch.nn.modules.activation.Softmax")),
        ("activation_function", json!("my.module.Tanh")),
        ("activation_function", json!(1)),
        ("in_features", json!(33)),
        ("in_features", json!(-1)),
        ("out_features", json!(null)),
        ("out_features", json!("27")),
        ("bias", json!("yes")),
        ("use_residual", json!(1)),
        ("module_input_name", json!("all_layer_embeddings")),
        ("module_output_name", json!("other")),
    ] {
        let dir = with("norms", "2_Dense/config.json", |config| config[key] = value);
        run(dir.path()).refuses(3, &["2_Dense/config.json", key, "hint: "]);
    }
    let dir = with("norms", "3_LayerNorm/config.json", |config| config["dimension"] = json!(26));
    run(dir.path()).refuses(3, &["3_LayerNorm/config.json", "dimension is 26", "27"]);
    let dir = with("norms", "2_Dense/config.json", |config| config["some_future_key"] = json!(1));
    run(dir.path()).status(0).says(&["some_future_key"]);
    // What is left out has sentence-transformers' defaults: tanh, with a bias.
    let dir = with("norms", "2_Dense/config.json", |config| {
        config.as_object_mut().unwrap().retain(|key, _| key.ends_with("features"));
    });
    assert_eq!(run(dir.path()).well().vectors(), run(&fixture("modules/norms")).well().vectors());
}

#[test]
fn chains_that_make_no_sense() {
    let module = |kind: &str, path: &str| json!({"idx": 0, "name": "0", "path": path, "type": format!("sentence_transformers.models.{kind}")});
    let (transformer, pooling) = (module("Transformer", ""), module("Pooling", "1_Pooling"));
    let (dense, normalize) = (module("Dense", "2_Dense"), module("Normalize", "6_Normalize"));
    for (chain, word) in [
        (json!([pooling]), "first module"),
        (json!([dense, pooling]), "first module"),
        (json!([transformer, dense, pooling]), "before Pooling"),
        (json!([transformer, pooling, pooling]), "nothing to pool"),
        (json!([transformer, pooling, transformer]), "several encoders"),
        (json!([transformer, pooling, module("CNN", "2_Dense")]), "CNN"),
        (json!([module("Router", "")]), "Router"),
        (json!([module("Asym", "")]), "Asym"),
        (json!([module("WordEmbeddings", "0_WordEmbeddings")]), "WordEmbeddings"),
        (json!([module("BoW", "")]), "BoW"),
        (json!([transformer, pooling, module("Dense", "../2_Dense"), normalize]), "leads out"),
    ] {
        let dir = with("norms", "modules.json", |modules| *modules = chain);
        run(dir.path()).refuses(3, &["modules.json", word, "hint: "]);
    }
}

#[test]
fn weights_of_modules_that_are_missing_or_damaged() {
    let dir = copy("modules/norms");
    fs::remove_file(dir.path().join("2_Dense/model.safetensors")).unwrap();
    run(dir.path()).refuses(3, &["2_Dense", "model.safetensors or pytorch_model.bin", "hint: "]);
    fs::write(dir.path().join("2_Dense/model.safetensors"), "x").unwrap();
    run(dir.path()).refuses(3, &["2_Dense/model.safetensors", "not a valid safetensors file"]);
    let dir = with("norms", "5_Dense/config.json", |config| config["bias"] = json!(true));
    run(dir.path()).refuses(3, &["5_Dense/model.safetensors", "\"linear.bias\"", "missing"]);
    let dir = with("norms", "2_Dense/config.json", |config| config["bias"] = json!(false));
    run(dir.path()).refuses(3, &["2_Dense/config.json", "bias is false"]);
    let dir = with("concat", "4_Dense/config.json", |config| config["bias"] = json!(true));
    run(dir.path()).refuses(3, &["4_Dense/pytorch_model.bin", "\"linear.bias\"", "missing"]);

    let dir = copy("modules/concat");
    for (file, word) in [("refused-shell", "system"), ("refused-module", "Linear"), ("refused-nested", "state_dict")] {
        fs::copy(fixture(&format!("torch/{file}.pt")), dir.path().join("2_Dense/pytorch_model.bin")).unwrap();
        run(dir.path()).refuses(3, &["2_Dense/pytorch_model.bin", word, "never executes", "hint: "]);
    }
}

#[test]
fn a_pooling_that_no_dense_layer_fits() {
    let dir = fixture("modules/concat");
    let ran = embed_with(&dir, ["--pooling", "mean"]).stdin("a\n").run();
    ran.refuses(3, &["2_Dense/config.json", "in_features is 72", "24"]);
}

#[test]
fn by_role() {
    let dir = fixture("modules/norms");
    let vectors = |flags: &[&str]| embed_with(&dir, flags).stdin("a sea\n").run().well().vectors();
    assert_eq!(vectors(&["--mode", "query"]), vectors(&["--prompt-name", "query"]));
    assert_eq!(vectors(&["--mode", "document"]), vectors(&["--prompt", "text: "]));
    assert_ne!(vectors(&["--mode", "document"]), vectors(&[]));
    let ran = embed_with(&dir, [] as [&str; 0]).env("INFA_MODE", "query").stdin("a sea\n").run().well();
    assert_eq!(ran.vectors(), vectors(&["--mode", "query"]));
    for flags in [["--prompt", "x"], ["--prompt-name", "query"]] {
        embed_with(&dir, ["--mode", "query"]).args(flags).run().status(2).says(&["--mode", "cannot be used with"]);
    }
    embed_with(&dir, ["--mode", "passage"]).run().status(2).says(&["passage", "query", "document"]);
    // A model without prompts has nothing to say about roles, and does not mind.
    let plain = fixture("modules/tokens");
    let vectors = |flags: &[&str]| embed_with(&plain, flags).stdin("a sea\n").run().well().vectors();
    assert_eq!(vectors(&["--mode", "query"]), vectors(&[]));
}

#[test]
fn static_embeddings_need_no_onnx_runtime() {
    let dir = fixture("modules/static-embedding");
    let ran = embed_with(&dir, ["--ort-library", "/nonexistent/libonnxruntime.so"]).stdin("a sea\n\nthe sun\n").run();
    let ran = ran.status(1).says(&["stdin:2: ", "1 failed"]);
    assert_eq!(ran.rows()[0]["embedding"].as_array().unwrap().len(), 16);
    embed_with(&dir, ["--pooling", "max"]).stdin("a\n").run().status(2).says(&["--pooling", "averaged"]);
    embed_with(&dir, ["--max-length", "0"]).stdin("a\n").run().status(2).says(&["--max-length"]);
    embed_with(&dir, ["--dimensions", "19"]).stdin("a\n").run().status(2).says(&["--dimensions", "18"]);
    let ran = embed_with(&dir, ["--max-length", "2", "--truncate", "none"]).stdin("a sea of time\n").run();
    ran.status(1).says(&["more than 2 tokens"]);
    let cut = embed_with(&dir, ["--max-length", "2"]).stdin("a sea of time\n").run().status(0).says(&["1 truncated"]);
    assert_eq!(cut.vectors(), embed_with(&dir, [] as [&str; 0]).stdin("a sea\n").run().well().vectors());
    let left = embed_with(&dir, ["--max-length", "2", "--truncate", "left"]).stdin("a sea of time\n").run().status(0);
    assert_eq!(left.vectors(), embed_with(&dir, [] as [&str; 0]).stdin("of time\n").run().well().vectors());
}

#[test]
fn static_tables_that_are_damaged() {
    // Header and data of the fixture's table, under other names and types.
    let change = |name: &str, change: &dyn Fn(&mut Json)| {
        let dir = copy(&format!("modules/{name}"));
        let path = dir.path().join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut header: Json = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        change(&mut header);
        let header = header.to_string().into_bytes();
        fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + length..]].concat()).unwrap();
        run(dir.path())
    };
    let rename = |from: &'static str, to: &'static str| {
        move |header: &mut Json| {
            let tensor = header.as_object_mut().unwrap().remove(from).unwrap();
            header[to] = tensor;
        }
    };
    change("static-embedding", &rename("embedding.weight", "x")).refuses(3, &["\"embedding.weight\"", "missing"]);
    let flat = |header: &mut Json| {
        let shape = header["embedding.weight"]["shape"].as_array().unwrap();
        let count: u64 = shape.iter().map(|n| n.as_u64().unwrap()).product();
        header["embedding.weight"]["shape"] = json!([count]);
    };
    change("static-embedding", &flat).refuses(3, &["embedding.weight", "[tokens, dimensions]"]);
    let integers = |header: &mut Json| header["embedding.weight"]["dtype"] = json!("U32");
    change("static-embedding", &integers).refuses(3, &["embedding.weight", "U32"]);
    let half = |header: &mut Json| {
        let shape = header["embedding.weight"]["shape"].as_array_mut().unwrap();
        shape[0] = json!(shape[0].as_u64().unwrap() * 2);
        header["embedding.weight"]["dtype"] = json!("F16");
    };
    change("static-embedding", &half);
    let swap = |header: &mut Json| {
        let shape = header["embeddings"]["shape"].as_array_mut().unwrap();
        shape.reverse();
    };
    change("static-model2vec", &swap).refuses(3, &["mapping", "points beyond"]);
    let short = |header: &mut Json| {
        header["weights"]["dtype"] = json!("F16");
        let count = header["weights"]["shape"][0].as_u64().unwrap();
        header["weights"]["shape"] = json!([count * 2]);
    };
    change("static-model2vec", &short).refuses(3, &["\"weights\"", "shape"]);
    let floats = |header: &mut Json| header["mapping"]["dtype"] = json!("F64");
    change("static-model2vec", &floats).refuses(3, &["\"mapping\"", "F64"]);
    // A vocabulary larger than the table: texts with those tokens fail, others do not.
    let dir = with("static-embedding", "tokenizer.json", |tokenizer| {
        tokenizer["model"]["vocab"]["sea"] = json!(100_000);
    });
    let ran = embed_with(dir.path(), [] as [&str; 0]).stdin("a sea\na time\n").run().status(1);
    ran.says(&["token 100000 is outside the model's vocabulary"]);
}

#[test]
fn from_the_hub() {
    for name in ["concat", "static-embedding", "static-model2vec", "static-model2vec-own"] {
        let home = tempfile::tempdir().unwrap();
        let name = format!("modules/{name}");
        let server = HubServer::start(repository(&name).file("pytorch_model.bin", "pickle"));
        let vectors = from_hub(Some(&server), &home).run().status(0).vectors();
        assert_eq!(vectors, run(&fixture(&name)).well().vectors(), "{name}");
        assert!(server.asked("main/pytorch_model.bin").is_empty());
        drop(server);
        assert_eq!(from_hub(None, &home).arg("--offline").run().well().vectors(), vectors, "{name}");
    }
}

#[test]
fn a_static_model_in_a_directory_of_its_own() {
    let (old, dir) = (copy("modules/static-embedding"), tempfile::tempdir().unwrap());
    fs::create_dir(dir.path().join("0_StaticEmbedding")).unwrap();
    for file in ["model.safetensors", "tokenizer.json"] {
        fs::rename(old.path().join(file), dir.path().join("0_StaticEmbedding").join(file)).unwrap();
    }
    for entry in fs::read_dir(old.path()).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    patch(dir.path().join("modules.json"), |modules| modules[0]["path"] = json!("0_StaticEmbedding"));
    let vectors = run(dir.path()).well().vectors();
    assert_eq!(vectors, run(&fixture("modules/static-embedding")).well().vectors());
}
