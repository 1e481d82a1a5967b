//! `--kernels`: the arithmetic of a model's layers.

use serde_json::Value as Json;

use crate::run::{embed_with, infa};
use crate::support::{fixture, max_difference};

const TEXTS: &str = "a\na sea of words, and of other things\nthe third\na sea\n";

#[test]
fn own_operators_give_the_same_vectors() {
    for model in ["bert-tiny", "architectures/roberta-embed", "architectures/mpnet-embed"] {
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
    let model = fixture("architectures/modernbert-embed");
    let vectors = |kernels: &str| embed_with(&model, ["--kernels", kernels]).stdin(TEXTS).run().status(0).vectors();
    assert_eq!(vectors("builtin"), vectors("scalar"));
}

#[test]
fn the_doctor_names_the_usable_ones() {
    let doctor: Json = serde_json::from_slice(&infa(["doctor", "--json"]).run().out).unwrap();
    let usable = doctor["kernels"]["usable"].as_array().unwrap();
    for name in ["avx512", "avx2", "scalar"] {
        let ran = embed_with(fixture("bert-tiny"), ["--kernels", name]).stdin("a\n").run();
        match usable.iter().any(|usable| usable == name) {
            true => ran.status(0),
            false => ran.refuses(2, &["--kernels", name, "hint: "]),
        };
    }
    infa(["embed", "--kernels", "avx1024"]).stdin("a\n").run().refuses(2, &["avx1024", "builtin"]);
}
