//! What a file is, by its ending and its first bytes: read as that, or named and refused. Output by its ending.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::run::{Infa, embed, infa};
use crate::support::fixture;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn file(dir: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zstd frame with one raw block.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).unwrap();
    // Magic number; one segment with a length of four bytes; the last block, raw.
    let block = (size << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &size.to_le_bytes(), &block[..3], bytes].concat()
}

fn lines(texts: &[&str]) -> Vec<Vec<f32>> {
    embed([] as [&str; 0]).stdin(texts.join("\n") + "\n").run().well().vectors()
}

#[test]
fn json_is_read_whatever_its_layout() {
    let dir = folder();
    let expected = lines(&["one", "two"]);
    let layouts = [
        "[\"one\", \"two\"]",
        "[{\"text\":\"one\"},{\"text\":\"two\"}]",
        "[\n  {\n    \"id\": 1,\n    \"text\": \"one\"\n  },\n  {\n    \"text\": \"two\"\n  }\n]\n",
        "{\"text\":\"one\"}\n{\"text\":\"two\"}\n",
        "{\n  \"text\": \"one\"\n}\n{\n  \"text\": \"two\"\n}\n",
    ];
    for layout in layouts {
        let path = file(&dir, "texts.json", layout);
        assert_eq!(embed([&path]).run().well().vectors(), expected, "{layout}");
        assert_eq!(embed(["--input-format", "json"]).stdin(layout).run().well().vectors(), expected, "{layout}");
        // Without an ending that says it, too: source of JSON is no text.
        for name in ["texts", "texts.txt"] {
            let path = file(&dir, name, layout);
            assert_eq!(embed([&path]).run().well().vectors(), expected, "{name}: {layout}");
        }
        assert_eq!(embed([] as [&str; 0]).stdin(layout).run().well().vectors(), expected, "{layout}");
    }
    let path = file(&dir, "array.jsonl", layouts[1]);
    assert_eq!(embed([&path]).run().well().vectors(), expected);
    let path = file(&dir, "n.json", "{\"body\":\"one\",\"key\":7}\n{\"body\":\"two\",\"key\":8}\n");
    let ran = embed(["--field", "body", "--id-field", "key"]).arg(path).run().well();
    assert_eq!((ran.vectors(), &ran.rows()[1]["id"]), (expected, &json!(8)));
}

#[test]
fn json_that_is_meant_as_text_can_be_had() {
    let text = "{\"text\":\"one\"}\n";
    let ran = embed(["--input-format", "lines"]).stdin(text).run().well();
    assert_ne!(ran.vectors(), lines(&["one"]));
    for text in ["[1] a footnote\n", "{braces}\n", "[[link]]\n"] {
        assert_eq!(embed([] as [&str; 0]).stdin(text).run().well().rows().len(), 1);
    }
}

#[test]
fn a_bad_value_of_an_array_fails_alone() {
    let dir = folder();
    let path = file(&dir, "t.json", "[\"one\", 12, {\"body\": \"x\"},\n\"two\"]");
    let ran = embed([&path]).run().status(1).says(&["t.json:1: expected a JSON object or string, found a number"]);
    let rows = ran.rows();
    assert_eq!(rows.len(), 4);
    assert!(rows[1]["error"].is_string() && rows[2]["error"].is_string() && rows[3]["embedding"].is_array());
    let path = file(&dir, "cut.json", "[\"one\",\n\"two\"");
    let ran = embed([&path]).run().status(1).says(&["cut.json:2: malformed JSON: the array has no end"]);
    assert_eq!(ran.rows().len(), 3);
}

#[test]
fn compressed_files_are_decompressed() {
    let dir = folder();
    let expected = lines(&["one", "two"]);
    for packed in [gzip(b"one\ntwo\n"), zstd(b"one\ntwo\n")] {
        for name in ["t.txt.gz", "t.zst", "t", "t.txt"] {
            let path = file(&dir, name, &packed);
            assert_eq!(embed([&path]).run().well().vectors(), expected, "{name}");
        }
        assert_eq!(embed([] as [&str; 0]).stdin(packed).run().well().vectors(), expected);
    }
    let path = file(&dir, "t.jsonl.gz", gzip(b"{\"body\":\"one\"}\n{\"body\":\"two\"}\n"));
    assert_eq!(embed(["--field", "body"]).arg(path).run().well().vectors(), expected);
    let path = file(&dir, "t.csv.zst", zstd(b"id,text\n1,one\n2,two\n"));
    assert_eq!(embed([&path]).run().well().vectors(), expected);
    let whole = gzip("words\n".repeat(100_000).as_bytes());
    let path = file(&dir, "cut.gz", &whole[..whole.len() / 2]);
    let ran = embed([&path]).run().status(1).says(&["cut.gz", "gzip data is damaged or cut short"]);
    assert!(!ran.rows().is_empty(), "what could be read is embedded");
}

/// A gigabyte of zeros in a megabyte: no line of text, and never held.
#[test]
fn a_bomb_is_one_record_too_long() {
    let zeros = vec![b'0'; 1 << 20];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..256 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.write_all(b"\ntwo\n").unwrap();
    let ran = embed([] as [&str; 0]).stdin(encoder.finish().unwrap()).run().status(1);
    let ran = ran.says(&["stdin:1: the record is longer than 16 MiB"]);
    assert_eq!(ran.rows().len(), 2);
}

fn commands() -> Vec<Infa> {
    let model = |name: &str| fixture(name).into_os_string();
    let rerank = fixture("architectures/bert-rerank");
    vec![
        infa(["embed", "-m"]).arg(model("bert-tiny")),
        infa(["classify", "-m"]).arg(model("architectures/bert-classify")),
        infa(["rerank", "--query", "q", "-m"]).arg(&rerank),
        infa(["rerank", "-m"]).arg(&rerank),
    ]
}

#[test]
fn files_without_text_are_named_and_never_embedded() {
    let dir = folder();
    let utf16: Vec<u8> = "one\ntwo\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let kinds: [(&str, Vec<u8>, &str); 9] = [
        ("t.parquet", b"PAR1\x15\x04\x15\x10PAR1".to_vec(), "Parquet"),
        ("t.arrow", b"ARROW1\0\0\xff\xff\xff\xff".to_vec(), "Arrow"),
        ("t.npy", b"\x93NUMPY\x01\0v\0{".to_vec(), "NumPy"),
        ("t.zip", b"PK\x03\x04\x14\0".to_vec(), "ZIP"),
        ("t.txt", [&b"\xff\xfe"[..], &utf16].concat(), "UTF-16"),
        ("u.txt", utf16, "UTF-16"),
        ("t.xz", b"\xfd7zXZ\0\0\x04".to_vec(), "xz"),
        ("t.jsonl", gzip(b"PAR1\x15\x04"), "Parquet"),
        ("t.csv", b"name,text\n\0\xff\xfe\n".to_vec(), "binary"),
    ];
    for (name, bytes, kind) in kinds {
        let path = file(&dir, name, &bytes);
        for command in commands() {
            let ran =
                if name == "u.txt" && kind == "UTF-16" { command.arg("--input-format").arg("lines") } else { command };
            let ran = ran.arg(&path).run();
            if ran.err.contains("--query") {
                // Documents alone are refused before they are looked at.
                continue;
            }
            ran.refuses(2, &[name, kind, "hint: "]);
        }
        embed([] as [&str; 0]).stdin(bytes).run().refuses(2, &["stdin", kind, "hint: "]);
    }
    let path = file(&dir, "pointer.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    embed([&path]).run().refuses(2, &["pointer.parquet", "Git LFS", "git lfs pull"]);
    let path = file(&dir, "text.parquet", "some text\n");
    embed([&path]).run().refuses(2, &["text.parquet", "--input-format"]);
    assert_eq!(embed(["--input-format", "lines"]).arg(&path).run().well().rows().len(), 1);
}

#[test]
fn a_field_of_plain_text_is_refused() {
    let dir = folder();
    let path = file(&dir, "t.txt", "one\n");
    for flag in ["--field", "--id-field"] {
        embed([flag, "body"]).arg(&path).run().refuses(2, &["t.txt", flag, "plain texts", "--input-format"]);
        embed([flag, "body"]).stdin("one\n").run().refuses(2, &["stdin", flag]);
        embed([flag, "body", "--input-format", "nul"]).stdin("one\0").run().refuses(2, &[flag]);
    }
}

#[test]
fn queries_in_any_json() {
    let dir = folder();
    let rerank = || infa(["rerank", "-m"]).arg(fixture("architectures/bert-rerank"));
    let queries = json!([{"query": "cats", "documents": ["a", "b"]}, {"query": "sea", "documents": ["c"]}]);
    let expected = {
        let lines: String = queries.as_array().unwrap().iter().map(|query| format!("{query}\n")).collect();
        rerank().stdin(lines).run().status(0).rows()
    };
    assert_eq!(expected.len(), 2);
    let pretty = serde_json::to_string_pretty(&queries).unwrap();
    assert_eq!(rerank().arg(file(&dir, "q.json", &pretty)).run().status(0).rows(), expected);
    assert_eq!(rerank().arg(file(&dir, "q.json.gz", gzip(pretty.as_bytes()))).run().status(0).rows(), expected);
    assert_eq!(rerank().stdin(pretty).run().status(0).rows(), expected);
}

fn written(path: &Path) -> Json {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_ending_of_the_output_is_its_format() {
    let dir = folder();
    let run = |name: &str, flags: &[&str]| {
        let path = dir.path().join(name);
        embed(["--text", "one", "--text", "two"]).args(flags).arg("-o").arg(&path).run().status(0);
        fs::read(path).unwrap()
    };
    assert!(run("v.npy", &[]).starts_with(b"\x93NUMPY"));
    assert!(run("v.csv", &[]).starts_with(b"index,id,"));
    assert_eq!(serde_json::from_slice::<Vec<Json>>(&run("v.json", &[])).unwrap().len(), 2);
    for name in ["v.jsonl", "v.ndjson", "v", "V.JSONL"] {
        assert!(run(name, &[]).starts_with(b"{\"index\":0,"), "{name}");
    }
    // The flag goes over the ending, and over one that is not known.
    assert!(run("w.npy", &["--format", "csv"]).starts_with(b"index,id,"));
    assert!(run("w.txt", &["--format", "csv"]).starts_with(b"index,id,"));
    let dashes = embed(["--text", "one", "-o", "-"]).run().well();
    assert_eq!(dashes.rows().len(), 1);
    assert!(!Path::new("-").exists());

    let refuse = |ran: Infa, name: &str, known: &str| {
        let path = dir.path().join(name);
        ran.arg("-o").arg(&path).run().refuses(2, &[name, "hint: ", known, "--format"]);
        assert!(!path.exists());
    };
    for name in ["v.orc", "v.txt", "v.txt.gz", "v.feather"] {
        refuse(embed(["--text", "one"]), name, ".npy");
    }
    let classify = || infa(["classify", "--text", "one", "-m"]).arg(fixture("architectures/bert-classify"));
    refuse(classify(), "l.npy", ".csv");
    let rerank = || infa(["rerank", "--query", "q", "--text", "one", "-m"]).arg(fixture("architectures/bert-rerank"));
    refuse(rerank(), "r.parquet", ".csv");
    let path = dir.path().join("l.json");
    classify().arg("-o").arg(&path).run().status(0);
    assert_eq!(written(&path).as_array().unwrap().len(), 1);
    let path = dir.path().join("r.csv");
    rerank().arg("-o").arg(&path).run().status(0);
    assert!(fs::read_to_string(&path).unwrap().starts_with("rank,index,"));
}
