//! Weights that are missing, damaged, hostile, or not those that config.json calls for.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::run::{Ran, embed_with};
use crate::support::{copy, patch};

const FILE: &str = "model.safetensors";
const TENSOR: &str = "encoder.layer.1.output.dense.weight";

fn run(dir: &TempDir) -> Ran {
    embed_with(dir.path(), [] as [&str; 0]).stdin("a\nb\n").run()
}

/// Header and data of a safetensors file.
fn take_apart(path: &Path) -> (Json, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + length]).unwrap(), bytes[8 + length..].to_vec())
}

fn put_together(path: &Path, header: &[u8], data: &[u8]) {
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], header, data].concat()).unwrap();
}

/// The model with another header, or with other numbers.
fn with(change: impl FnOnce(&mut Json, &mut Vec<u8>)) -> TempDir {
    let dir = copy("bert-tiny");
    let path = dir.path().join(FILE);
    let (mut header, mut data) = take_apart(&path);
    change(&mut header, &mut data);
    put_together(&path, header.to_string().as_bytes(), &data);
    dir
}

#[test]
fn without_weights() {
    let dir = copy("bert-tiny");
    fs::remove_file(dir.path().join(FILE)).unwrap();
    run(&dir).refuses(3, &[dir.path().to_str().unwrap(), "there is no model.safetensors", "hint: "]);
    fs::write(dir.path().join("pytorch_model.bin"), "pickle").unwrap();
    run(&dir).refuses(3, &["model.safetensors", "never opens pytorch_model.bin", "python3 -c"]);
    fs::remove_file(dir.path().join("pytorch_model.bin")).unwrap();
    fs::write(dir.path().join("pytorch_model-00001-of-00002.bin"), "pickle").unwrap();
    run(&dir).refuses(3, &["model.safetensors", "never opens pytorch_model-00001-of-00002.bin", "python3 -c"]);
    fs::write(dir.path().join("model_O4.onnx"), "").unwrap();
    run(&dir).refuses(3, &["model.safetensors", "--onnx-file", "model_O4.onnx", "never opens pytorch_model-"]);
    fs::create_dir(dir.path().join("0_Transformer")).unwrap();
    fs::rename(dir.path().join("pytorch_model-00001-of-00002.bin"), dir.path().join("0_Transformer/pytorch_model.bin"))
        .unwrap();
    run(&dir).refuses(3, &["never opens 0_Transformer/pytorch_model.bin"]);
    let empty = tempfile::tempdir().unwrap();
    run(&empty).refuses(3, &["model.safetensors", "hint: "]);
}

#[test]
fn truncated_anywhere() {
    let dir = copy("bert-tiny");
    let path = dir.path().join(FILE);
    let bytes = fs::read(&path).unwrap();
    for length in [0, 1, 7, 8, 9, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        run(&dir).refuses(3, &[FILE, "not a valid safetensors file", "hint: ", "fetch it again"]);
    }
    fs::write(&path, [&bytes[..], b"x"].concat()).unwrap();
    run(&dir).refuses(3, &[FILE, "not a valid safetensors file"]);
    fs::write(&path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n").unwrap();
    run(&dir).refuses(3, &[FILE, "Git LFS pointer"]);
}

#[test]
fn hostile_headers() {
    let dir = copy("bert-tiny");
    let path = dir.path().join(FILE);
    let data = [0u8; 64];
    for length in [u64::MAX, u64::MAX - 7, 1 << 63, 1 << 40, 100_000_001] {
        fs::write(&path, [&length.to_le_bytes()[..], &data].concat()).unwrap();
        run(&dir).refuses(3, &[FILE, "not a valid safetensors file"]);
    }
    let tensor = |shape: &str, offsets: &str| {
        format!("{{\"a.b\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
    };
    let nested = "[".repeat(100_000);
    let headers = [
        tensor("[16]", "[0,1000000]"),
        tensor("[16]", "[64,0]"),
        tensor("[16]", "[18446744073709551615,64]"),
        tensor("[-1,16]", "[0,64]"),
        tensor("[9223372036854775807,9223372036854775807]", "[0,64]"),
        tensor("[4294967296,4294967296]", "[0,64]"),
        tensor("[16]", "[4,68]"),
        tensor("[2.5]", "[0,64]"),
        tensor("[16]", "[0]"),
        "{\"a\":{\"dtype\":\"F99\",\"shape\":[16],\"data_offsets\":[0,64]}}".into(),
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]},\
          \"b\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[16,64]}}"
            .into(),
        "[]".into(),
        "\u{0}".into(),
        nested,
    ];
    for header in headers {
        put_together(&path, header.as_bytes(), &data);
        run(&dir).refuses(3, &[FILE, "hint: "]);
    }
}

#[test]
fn a_tensor_is_missing_or_has_another_shape_or_type() {
    let dir = with(|header, _| {
        let tensor = header.as_object_mut().unwrap().remove(TENSOR).unwrap();
        header["something.else"] = tensor;
    });
    run(&dir).refuses(3, &[FILE, TENSOR, "missing", "hint: "]);
    let dir = with(|header, _| {
        let shape = header[TENSOR]["shape"].as_array_mut().unwrap();
        shape.reverse();
    });
    run(&dir).refuses(3, &[FILE, TENSOR, "shape", "hint: "]);
    let dir = with(|header, _| header[TENSOR]["dtype"] = json!("I32"));
    run(&dir).refuses(3, &[FILE, TENSOR, "I32", "hint: "]);
    let dir = with(|header, _| {
        let object = header.as_object_mut().unwrap();
        *object = object.iter().map(|(name, info)| (name.replace("word_embeddings", "x"), info.clone())).collect();
    });
    run(&dir).refuses(3, &[FILE, "embeddings.word_embeddings.weight", "missing"]);
}

#[test]
fn nan_and_infinite_weights_fail_rows_and_say_so() {
    for (number, word) in [(f32::NAN, "NaN"), (f32::INFINITY, "NaN")] {
        let dir = with(|_, data| {
            for place in data.chunks_exact_mut(4) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        });
        let ran = run(&dir).status(1).says(&["stdin:1: ", word, "2 failed"]);
        let rows = ran.rows();
        assert!(rows.len() == 2 && rows.iter().all(|row| row["error"].as_str().unwrap().contains(word)), "{rows:?}");
        assert!(!ran.text().contains("embedding"), "{}", ran.text());
    }
}

#[test]
fn zero_weights_make_zero_vectors_which_fail() {
    let dir = with(|_, data| data.fill(0));
    run(&dir).status(1).says(&["stdin:1: the model's output is the zero vector"]);
}

#[test]
fn a_weights_file_that_is_a_directory_or_unreadable() {
    let dir = copy("bert-tiny");
    fs::remove_file(dir.path().join(FILE)).unwrap();
    fs::create_dir(dir.path().join(FILE)).unwrap();
    run(&dir).refuses(3, &[FILE, "hint: "]);
}

#[test]
fn more_layers_than_weights() {
    let dir = copy("bert-tiny");
    patch(dir.path().join("config.json"), |config| config["num_hidden_layers"] = json!(1_000_000_000u64));
    run(&dir).refuses(3, &[FILE, "encoder.layer.3.", "missing"]);
    let dir = copy("bert-tiny");
    patch(dir.path().join("config.json"), |config| config["vocab_size"] = json!(u64::MAX));
    run(&dir).refuses(3, &["hint: "]);
}

#[test]
fn a_header_that_takes_seconds_to_parse_is_refused_at_once() {
    let dir = copy("bert-tiny");
    let tensor = |number: usize| format!(r#""t{number}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#);
    let tensors: Vec<String> = (0..200_000).map(tensor).collect();
    put_together(&dir.path().join(FILE), format!("{{{}}}", tensors.join(",")).as_bytes(), &[]);
    run(&dir).refuses(3, &[FILE, "its header has", "at most 8388608 are read", "hint: "]);
}
