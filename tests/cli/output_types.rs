//! `infa embed --output-type`: sparse vectors, vectors of tokens, and what is said where a model gives none.

use serde_json::Value as Json;

use crate::run::{embed_with, infa};
use crate::support::{copy, fixture, floats, json, max_difference, patch};

fn model(name: &str) -> std::path::PathBuf {
    fixture(&format!("architectures/{name}"))
}

/// The cases of a fixture's list, of one role.
fn cases(name: &str, list: &str, role: Option<&str>) -> Vec<Json> {
    let expected = json(model(name).join("expected.json"));
    let list = expected[list].as_array().unwrap();
    list.iter().filter(|case| case.get("role").and_then(Json::as_str) == role).cloned().collect()
}

/// Texts as JSON lines, as some hold line ends.
fn input(cases: &[Json]) -> String {
    cases.iter().map(|case| serde_json::json!({"text": case["text"]}).to_string() + "\n").collect()
}

#[test]
fn sparse_rows() {
    for (name, flags, role) in [
        ("splade-max", &[][..], None),
        ("splade-max", &["--mode", "query"], Some("query")),
        ("splade-max", &["--prompt-name", "document"], Some("document")),
        ("splade-sum", &[], None),
        ("m3-bert", &[], None),
    ] {
        let cases = cases(name, "sparse", role);
        let ran = embed_with(model(name), ["--output-type", "sparse", "--input-format", "jsonl"]);
        let rows = ran.args(flags).stdin(input(&cases)).run().well().rows();
        assert_eq!(rows.len(), cases.len());
        for (i, (row, case)) in rows.iter().zip(&cases).enumerate() {
            assert_eq!((&row["index"], &row["indices"]), (&Json::from(i), &case["indices"]), "{name} {}", case["name"]);
            assert!(max_difference(&floats(&row["values"]), &floats(&case["values"])) <= 1e-4);
            assert_eq!(row["tokens"], case["tokens"]);
            assert!(row["truncated"].is_boolean() && row.get("embedding").is_none());
        }
    }
}

/// `--output` names a file, but for the three words that can only mean what to make of a text.
#[test]
fn output_by_the_name_of_a_type() {
    let by_type = embed_with(model("splade-max"), ["--output-type", "sparse"]).stdin("a b\n").run().well().out;
    let by_output = embed_with(model("splade-max"), ["--output", "sparse"]).stdin("a b\n").run().well().out;
    assert!(!by_type.is_empty() && by_output == by_type);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sparse");
    let flags = ["--output-type", "sparse", "--output", file.to_str().unwrap()];
    assert!(embed_with(model("splade-max"), flags).stdin("a b\n").run().well().out.is_empty());
    assert_eq!(std::fs::read(file).unwrap(), by_type);
}

#[test]
fn rows_of_token_vectors() {
    for (name, mode) in [("colbert-pylate", "query"), ("colbert-stanford", "document"), ("colbert-native", "query")] {
        let cases = cases(name, "multi", Some(mode));
        let ran = embed_with(model(name), ["--input-format", "jsonl", "--mode", mode]);
        let rows = ran.env("INFA_OUTPUT_TYPE", "colbert").stdin(input(&cases)).run().well().rows();
        for (row, case) in rows.iter().zip(&cases) {
            let vectors = |value: &Json| value.as_array().unwrap().iter().map(floats).collect::<Vec<_>>();
            let (found, expected) = (vectors(&row["embeddings"]), vectors(&case["vectors"]));
            assert_eq!(found.len(), expected.len(), "{name} {}", case["name"]);
            assert!(found.iter().zip(&expected).all(|(a, b)| max_difference(a, b) <= 1e-5));
            assert_eq!(row["tokens"], case["tokens"]);
        }
        assert_eq!(rows.len(), cases.len());
    }
}

#[test]
fn lengths_of_token_vectors() {
    let flags = ["--output-type", "colbert"];
    let lengths = |flags: &[&str]| {
        let row = embed_with(model("m3-bert"), flags).stdin("hello world\n").run().well().rows().remove(0);
        let vectors = row["embeddings"].as_array().unwrap().iter().map(floats);
        vectors.map(|v| v.iter().map(|x| x * x).sum::<f32>().sqrt()).collect::<Vec<_>>()
    };
    assert!(lengths(&flags).iter().all(|n| (n - 1.0).abs() < 1e-5));
    assert!(lengths(&[&flags[..], &["--no-normalize"]].concat()).iter().any(|n| (n - 1.0).abs() > 0.1));
}

#[test]
fn json_holds_them_and_tables_do_not() {
    for kind in ["sparse", "colbert"] {
        let flags = ["--output-type", kind, "--format"];
        let ran = embed_with(model("m3-bert"), flags).arg("json").stdin("a\nb\n").run().well();
        assert_eq!(serde_json::from_slice::<Vec<Json>>(&ran.out).unwrap().len(), 2);
        for format in ["csv", "npy"] {
            let ran = embed_with(model("m3-bert"), flags).arg(format).stdin("a\n").run().status(2);
            ran.says(&[&format!("--format {format} cannot hold"), "--format jsonl"]);
        }
    }
}

#[test]
fn a_model_says_what_it_is() {
    let says = |name: &str, kind: &str, words: &[&str]| {
        embed_with(model(name), ["--output-type", kind]).stdin("a\n").run().status(2).says(words);
    };
    says("splade-max", "dense", &["sparse vectors (SPLADE)", "--output-type sparse"]);
    says("colbert-native", "dense", &["a vector for every token", "--output-type colbert"]);
    says("colbert-stanford", "dense", &["--output-type colbert"]);
    says("splade-max", "colbert", &["neither a ColBERT model nor", "colbert_linear"]);
    says("colbert-pylate", "sparse", &["neither a masked-LM head", "sparse_linear"]);
    let tiny = embed_with(fixture("bert-tiny"), ["--output-type", "sparse"]).stdin("a\n").run().status(2);
    tiny.says(&["gives no sparse vectors", "hint: infa model inspect"]);
    // The model is not the reason.
    for engine in ["torch", "openai=http://127.0.0.1:1"] {
        let flags = ["embed", "--output-type", "sparse", "--engine", engine, "-m"];
        let ran = infa(flags).arg(fixture("bert-tiny")).stdin("a\n").run();
        assert!(!ran.status(2).says(&["--output-type: ", "hint: leave --output-type out"]).err.contains("inspect"));
    }
}

#[test]
fn flags_that_mean_nothing() {
    for (kind, flags, word) in [
        ("sparse", &["--pooling", "cls"][..], "--pooling"),
        ("sparse", &["--dimensions", "8"], "--dimensions"),
        ("sparse", &["--normalize"], "--normalize"),
        ("colbert", &["--dimensions", "8"], "--dimensions"),
        ("colbert", &["--pooling", "mean"], "--pooling"),
    ] {
        let ran = embed_with(model("m3-bert"), ["--output-type", kind]).args(flags).stdin("a\n").run().status(2);
        ran.says(&[word, "means nothing"]);
    }
    infa(["embed", "--output-type", "both"]).run().status(2).says(&["both", "dense"]);
}

#[test]
fn settings_that_are_not_implemented() {
    type Change = fn(&mut Json);
    let tries: [(&str, &str, Change, &[&str]); 7] = [
        ("splade-sum", "1_SpladePooling/config.json", |c| c["pooling_strategy"] = "mean".into(), &["pooling_strategy"]),
        (
            "splade-max",
            "sentence_bert_config.json",
            |c| c["transformer_task"] = "feature-extraction".into(),
            &["transformer_task"],
        ),
        ("splade-sum", "modules.json", |c| c[1]["type"] = "x.SparseAutoEncoder".into(), &["SparseAutoEncoder"]),
        (
            "colbert-native",
            "modules.json",
            |c| c[2]["type"] = "x.HierarchicalTokenPooling".into(),
            &["HierarchicalTokenPooling"],
        ),
        (
            "colbert-native",
            "sentence_bert_config.json",
            |c| c["query_expansion"]["strategy"] = "max".into(),
            &["query_expansion", "\"max\""],
        ),
        ("colbert-native", "sentence_bert_config.json", |c| c["query_length"] = 5.into(), &["query_length 5"]),
        (
            "colbert-native",
            "sentence_bert_config.json",
            |c| c["query_expansion"]["token"] = "[NONE]".into(),
            &["\"[NONE]\" is not in the vocabulary"],
        ),
    ];
    for (name, file, change, words) in tries {
        let dir = copy(&format!("architectures/{name}"));
        patch(dir.path().join(file), change);
        let kind = if name.starts_with("splade") { "sparse" } else { "colbert" };
        embed_with(dir.path(), ["--output-type", kind]).stdin("a\n").run().status(3).says(words);
    }
}

#[test]
fn a_head_that_does_not_fit() {
    let dir = copy("architectures/m3-bert");
    std::fs::remove_file(dir.path().join("colbert_linear.pt")).unwrap();
    let run = |kind: &str| embed_with(dir.path(), ["--output-type", kind]).stdin("a\n").run();
    run("colbert").status(2).says(&["colbert_linear"]);
    std::fs::write(dir.path().join("colbert_linear.pt"), "rubbish").unwrap();
    run("colbert").status(3).says(&["colbert_linear.pt", "torch.save"]);
    run("sparse").well();
    let dir = copy("architectures/colbert-stanford");
    std::fs::copy(fixture("bert-plain/model.safetensors"), dir.path().join("model.safetensors")).unwrap();
    let ran = embed_with(dir.path(), ["--output-type", "colbert"]).stdin("a\n").run();
    ran.status(3).says(&["linear.weight"]);
}

#[test]
fn precision_of_weights_and_of_token_vectors() {
    for (name, output_type, key) in [("splade-max", "sparse", "values"), ("m3-bert", "colbert", "embeddings")] {
        let run = |flags: &[&str]| {
            let ran = embed_with(model(name), ["--output-type", output_type]).args(flags).stdin("a sea\n").run();
            ran.well().rows().remove(0)
        };
        let (exact, short) = (run(&[]), run(&["--precision", "2"]));
        let numbers = |row: &Json| match &row[key] {
            Json::Array(rows) if rows[0].is_array() => rows.iter().flat_map(floats).collect(),
            list => floats(list),
        };
        let (exact_numbers, short_numbers): (Vec<f32>, Vec<f32>) = (numbers(&exact), numbers(&short));
        assert!(!short_numbers.is_empty() && exact["indices"] == short["indices"]);
        assert!(short_numbers.iter().all(|n| (n * 100.0 - (n * 100.0).round()).abs() < 1e-3), "{short}");
        let difference = max_difference(&exact_numbers, &short_numbers);
        assert!(difference > 0.0 && difference <= 0.005_001, "{name}: {difference:e}");
    }
}
