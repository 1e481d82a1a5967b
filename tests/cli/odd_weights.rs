//! Weights that are fine, if unusual: half precision, unaligned, behind links, in directories of any name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::run::embed_with;
use crate::support::{copy, fixture, max_difference};

const FILE: &str = "model.safetensors";

fn vector(dir: &Path) -> Vec<f32> {
    embed_with(dir, [] as [&str; 0]).stdin("a sea\n").run().well().vectors().remove(0)
}

/// Writes bert-tiny's weights anew: every number by `convert`, `pad` spaces at the header's end.
fn rewrite(dir: &Path, dtype: &str, convert: impl Fn(f32) -> Vec<u8>, pad: usize) {
    let bytes = fs::read(fixture("bert-tiny").join(FILE)).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Json = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let (old, mut new) = (&bytes[8 + length..], Vec::new());
    for (name, tensor) in header.as_object_mut().unwrap() {
        if name == "__metadata__" {
            continue;
        }
        let at = |i: usize| tensor["data_offsets"][i].as_u64().unwrap() as usize;
        let (numbers, start) = (&old[at(0)..at(1)], new.len());
        new.extend(numbers.chunks_exact(4).flat_map(|b| convert(f32::from_le_bytes(b.try_into().unwrap()))));
        tensor["dtype"] = json!(dtype);
        tensor["data_offsets"] = json!([start, new.len()]);
    }
    let mut header = header.to_string();
    while (8 + header.len()) % 8 != pad {
        header.push(' ');
    }
    let length = (header.len() as u64).to_le_bytes();
    fs::write(dir.join(FILE), [&length[..], header.as_bytes(), &new].concat()).unwrap();
}

#[test]
fn half_precision_is_read() {
    let expected = vector(&fixture("bert-tiny"));
    for (dtype, tolerance) in [("F16", 5e-3), ("BF16", 5e-2)] {
        let dir = copy("bert-tiny");
        let convert = |x: f32| match dtype {
            "F16" => half::f16::from_f32(x).to_le_bytes().to_vec(),
            _ => half::bf16::from_f32(x).to_le_bytes().to_vec(),
        };
        rewrite(dir.path(), dtype, convert, 0);
        let difference = max_difference(&vector(dir.path()), &expected);
        assert!(difference > 0.0 && difference < tolerance, "{dtype}: {difference:e}");
    }
}

#[test]
fn unaligned_weights_give_the_same_vectors() {
    let expected = vector(&fixture("bert-tiny"));
    for pad in 1..8 {
        let dir = copy("bert-tiny");
        rewrite(dir.path(), "F32", |x| x.to_le_bytes().to_vec(), pad);
        assert_eq!(vector(dir.path()), expected, "{pad} bytes off");
    }
}

#[test]
fn directories_of_any_name_and_links() {
    let expected = vector(&fixture("bert-tiny"));
    let parent = tempfile::tempdir().unwrap();
    for name in ["with space", "mödel's \"dir\"", "line\nbreak", "#%41$HOME", "-m", ".hidden"] {
        let place = parent.path().join(name);
        fs::rename(copy("bert-tiny").keep(), &place).unwrap();
        assert_eq!(vector(&place), expected, "{name}");
    }
    let link = parent.path().join("link");
    symlink(fixture("bert-tiny"), &link).unwrap();
    assert_eq!(vector(&link), expected);
    // As in the Hugging Face cache: every file is a link.
    let snapshot = copy("bert-tiny");
    fs::rename(snapshot.path().join(FILE), parent.path().join("blob")).unwrap();
    symlink(parent.path().join("blob"), snapshot.path().join(FILE)).unwrap();
    assert_eq!(vector(snapshot.path()), expected);
}
