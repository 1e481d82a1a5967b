//! `--kernels`: the arithmetic of a model's layers.

use serde_json::Value as Json;

use crate::run::{embed_with, infa};
use crate::support::{fixture, max_difference};

const TEXTS: &str = "a\na sea of words, and of other things\nthe third\na sea\n";

#[test]
fn own_operators_give_the_same_vectors() {
    for model in [
        "bert-tiny",
        "architectures/roberta-embed",
        "architectures/mpnet-embed",
        "architectures/nomic-v1.5",
        "architectures/gte-en",
        "architectures/modernbert-embed",
    ] {
        let vectors = |kernels: &str| {
            embed_with(fixture(model), ["--kernels", kernels]).stdin(TEXTS).run().status(0).vectors().concat()
        };
        let (built_in, own) = (vectors("builtin"), vectors("scalar"));
        let difference = max_difference(&built_in, &own);
        assert!(difference <= 1e-5, "{model}: {difference:e}");
        assert!(own != built_in, "{model}: the flag changed nothing");
    }
}

#[test]
fn an_architecture_without_own_operators_runs_as_before() {
    let model = fixture("architectures/deberta-v3-embed");
    let vectors = |kernels: &str| embed_with(&model, ["--kernels", kernels]).stdin(TEXTS).run().status(0).vectors();
    assert_eq!(vectors("builtin"), vectors("scalar"));
}

/// All sets.
const NAMES: [&str; 9] =
    ["avx512-bf16", "avx512-vnni", "avx512", "avx2-vnni", "avx2", "neon-i8mm", "neon-dotprod", "neon", "scalar"];

/// The sets that this processor has.
fn usable() -> Vec<String> {
    let doctor: Json = serde_json::from_slice(&infa(["doctor", "--json"]).run().out).unwrap();
    doctor["kernels"]["usable"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_doctor_names_the_usable_ones() {
    let usable = usable();
    for name in NAMES {
        let ran = embed_with(fixture("bert-tiny"), ["--kernels", name]).stdin("a\n").run();
        match usable.iter().any(|usable| usable == name) {
            true => ran.status(0),
            false => ran.refuses(2, &["--kernels", name, "hint: "]),
        };
    }
    infa(["embed", "--kernels", "avx1024"]).stdin("a\n").run().refuses(2, &["avx1024", "builtin"]);
}

#[test]
fn inspect_names_what_computes_the_layers() {
    let layers = |model: &str| {
        let out = infa(["model", "inspect", "--json"]).arg(fixture(model)).run().status(0).out;
        serde_json::from_slice::<Json>(&out).unwrap()["layers"].as_str().unwrap().to_owned()
    };
    let usable = usable();
    let (layers_of_bert, products_of_deberta) =
        match usable.iter().find(|set| ["avx512-bf16", "avx512-vnni"].contains(&set.as_str())) {
            Some(set) if set == "avx512-bf16" => (
                "float32: builtin, bfloat16: avx512-bf16, int8: avx512-bf16",
                "float32: builtin, bfloat16: avx512-bf16 (products), int8: avx512-bf16 (products)",
            ),
            Some(_) => ("float32: builtin, int8: avx512-vnni", "float32: builtin, int8: avx512-vnni (products)"),
            None => ("float32: builtin, int8: builtin", "float32: builtin, int8: builtin"),
        };
    assert_eq!(layers("bert-tiny"), layers_of_bert);
    assert_eq!(layers("architectures/deberta-v3-embed"), products_of_deberta);
    // By its weights alone.
    assert_eq!(layers("architectures/jina-v2-code"), products_of_deberta);
    assert_eq!(layers("architectures/jina-v2"), layers_of_bert);
}

#[test]
fn all_sets_give_the_same_bits() {
    let vectors = |set: &str| {
        let ran = embed_with(fixture("bert-tiny"), ["--kernels", set]).stdin(TEXTS).run().status(0);
        ran.vectors().concat()
    };
    let expected = vectors("scalar");
    for set in usable() {
        assert_eq!(vectors(&set), expected, "{set}");
    }
}

#[test]
fn bfloat16_is_near_float32_where_the_processor_has_it() {
    let embed = |model: &str, dtype: &str| embed_with(fixture(model), ["--dtype", dtype]).stdin(TEXTS).run();
    let usable = usable();
    for model in ["bert-tiny", "roberta-embed", "modernbert-embed", "qwen3-embedding", "jina-v2", "deberta-v3-embed"] {
        let model = if model == "bert-tiny" { model } else { &format!("architectures/{model}") };
        let found = embed(model, "bfloat16");
        if !usable.iter().any(|set| set == "avx512-bf16") {
            found.refuses(2, &["--dtype bfloat16", "processor", "hint: "]);
            continue;
        }
        let (found, expected) = (found.status(0).vectors(), embed(model, "float32").status(0).vectors());
        assert_ne!(found, expected);
        for (found, expected) in found.iter().zip(&expected) {
            let cosine: f32 = found.iter().zip(expected).map(|(a, b)| a * b).sum();
            assert!(cosine >= 0.9999, "{model}: {cosine}");
        }
        let refused = ["--dtype", "bfloat16", "--kernels", "builtin"];
        embed_with(fixture(model), refused).stdin("a\n").run().refuses(2, &["--dtype bfloat16", "builtin", "hint: "]);
    }
}
