//! Fields, templates, kept columns, directories, Parquet and Arrow: in and out.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::run::{embed, infa};

fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn lines(texts: &[&str]) -> Vec<Vec<f32>> {
    embed([] as [&str; 0]).stdin(texts.join("\n") + "\n").run().well().vectors()
}

#[test]
fn templates_and_nested_fields_are_texts() {
    let dir = tempfile::tempdir().unwrap();
    let json = write(
        dir.path(),
        "a.jsonl",
        "{\"meta\":{\"title\":\"one\"},\"body\":\"two\"}\n{\"meta\":{},\"body\":\"three\"}\n{\"x\":1}\n",
    );
    let ran = embed([&json, "--template", r"{meta.title}\n{body}"]).run().status(1);
    let rows = ran.rows();
    let joined = embed(["--text", "one\ntwo", "--text", "\nthree"]).run().well().vectors();
    let vector = |row: &Json| serde_json::from_value::<Vec<f32>>(row["embedding"].clone()).unwrap();
    assert_eq!([vector(&rows[0]), vector(&rows[1])], [joined[0].clone(), joined[1].clone()]);
    assert!(rows[2]["error"].as_str().unwrap().contains("no field \"meta.title\""), "{}", rows[2]);
    let nested = write(dir.path(), "b.json", "[{\"meta\":{\"title\":\"one\"}}]");
    assert_eq!(embed([&nested, "--field", "meta.title"]).run().well().vectors(), lines(&["one"]));
    let csv = write(dir.path(), "c.csv", "t,b\none,two\n");
    assert_eq!(embed([&csv, "--template", "{t} {b}"]).run().well().vectors(), lines(&["one two"]));

    embed([&json, "--template", "{meta.titel}{body}"]).run().refuses(2, &["\"meta.titel\"", "--template"]);
    embed([&csv, "--template", "{nope}"]).run().refuses(2, &["\"nope\"", "\"t\", \"b\"", "--template"]);
    embed([&csv, "--template", "{t"]).run().refuses(2, &["--template", "not closed"]);
    embed([&csv, "--template", "{t}", "--field", "t"]).run().refuses(2, &["--template", "--field"]);
    embed(["--template", "{t}"]).stdin("a\n").run().refuses(2, &["plain texts", "--template"]);
}

#[test]
fn kept_columns_are_in_rows_and_their_names_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let file =
        write(dir.path(), "a.jsonl", "{\"id\":1,\"text\":\"a\",\"n\":1.50,\"m\":{\"k\":[1]}}\n{\"id\":2,\"n\":null}\n");
    let ran = embed([&file, "--keep", "n,m.k", "--keep", "m"]).run().status(1);
    assert!(
        ran.text().starts_with("{\"index\":0,\"id\":1,\"n\":1.50,\"m.k\":[1],\"m\":{\"k\":[1]},\"embedding\":["),
        "{}",
        ran.text()
    );
    let row = &ran.rows()[1];
    assert_eq!((&row["n"], &row["m"], row["error"].is_string()), (&json!(null), &json!(null), true));
    embed([&file, "--keep", "nn"]).run().refuses(2, &["\"nn\"", "--keep"]);
    embed([&file, "--keep", "id"]).run().refuses(2, &["--keep id", "already"]);
    embed([&file, "--keep", "n", "--format", "npy"]).run().refuses(2, &["npy", "\"n\"", "parquet"]);
    embed(["--keep", "n"]).stdin("a\n").run().refuses(2, &["plain texts", "--keep"]);
}

#[test]
fn directories_and_patterns_are_their_files() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "in/b.csv", "text\ntwo\n");
    write(dir.path(), "in/a.jsonl", "\"one\"\n");
    write(dir.path(), "in/c/d.txt", "three\n");
    write(dir.path(), "in/notes.pdf", "%PDF-1.7");
    let folder = dir.path().join("in");
    assert_eq!(embed([&folder]).run().well().vectors(), lines(&["one", "two", "three"]));
    assert_eq!(embed([&folder.join("[ab].*")]).run().well().vectors(), lines(&["one", "two"]));
    embed([&folder.join("*.parquet")]).run().refuses(2, &["*.parquet", "fits no file"]);
    // An output is no input.
    let output = folder.join("a.jsonl");
    embed([&folder]).args(["-o", output.to_str().unwrap()]).run().refuses(2, &["--output", "it is an input"]);
    assert_eq!(fs::read_to_string(output).unwrap(), "\"one\"\n");
}

#[test]
fn tables_go_out_and_come_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(
        dir.path(),
        "a.jsonl",
        "{\"id\":\"x\",\"text\":\"a\",\"t\":\"one\"}\n{\"id\":\"y\",\"text\":\"b\",\"t\":\"two\"}\n",
    );
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for name in ["v.parquet", "v.arrow"] {
        let table = path(name);
        embed([&file, "--keep", "t", "-o", &table]).run().well();
        let ran = embed([&table, "--field", "t", "--keep", "error"]).run();
        ran.refuses(2, &["--keep error", "already"]);
        let ran = embed([&table, "--field", "t", "--keep", "index"]).run();
        ran.refuses(2, &["--keep index", "already"]);
        let ran = embed([&table, "--field", "t"]).run().well();
        assert_eq!(ran.vectors(), lines(&["one", "two"]));
        assert_eq!(ran.rows()[1]["id"], json!("y"));
        embed([&table]).run().refuses(2, &[name, "no column \"text\"", "--field"]);
        embed([&table, "--field", "embedding"]).run().refuses(2, &[name, "\"embedding\"", "FixedSizeList", "strings"]);
        let bytes = fs::read(&table).unwrap();
        let ran = embed(["--field", "t"]).stdin(bytes.clone()).run().well();
        assert_eq!(ran.vectors(), lines(&["one", "two"]));
        let cut = write(dir.path(), "cut", &bytes[..bytes.len() / 2]);
        assert!(embed([&cut, "--field", "t"]).run().err.contains("cut:"));
    }
    let npy = path("v.npy");
    embed([&file, "-o", &npy]).run().well();
    infa(["compare", &path("v.parquet"), &npy]).run().status(0);
}

#[test]
fn flags_of_numbers_are_checked_before_the_work() {
    embed(["--text", "a", "--embedding-dtype", "float16"]).run().refuses(2, &["float16", "binary formats"]);
    embed(["--text", "a", "--embedding-dtype", "int8", "--precision", "3"]).run().refuses(2, &["int8", "--precision"]);
    embed(["--text", "a", "--ranges", "x.npy"]).run().refuses(2, &["--embedding-dtype"]);
    embed(["--text", "a", "--embedding-dtype", "int8", "--ranges", "x.npy"])
        .run()
        .refuses(2, &["x.npy", "no such file"]);
    let dir = tempfile::tempdir().unwrap();
    let ranges = write(dir.path(), "r.jsonl", "{\"embedding\":[0.0,1.0]}\n{\"embedding\":[1.0,0.5]}\n");
    let int8 = ["--text", "a", "--embedding-dtype", "int8", "--ranges"];
    embed(int8).arg(&ranges).run().refuses(2, &["--ranges", "dimension 1"]);
    let ranges = write(dir.path(), "s.jsonl", "{\"embedding\":[0.0]}\n{\"embedding\":[1.0]}\n");
    embed(int8).arg(&ranges).run().refuses(2, &["--ranges has 1 dimensions"]);
    embed(["--text", "a", "-o", "v.npy.gz"]).run().refuses(2, &["npy", "compressed"]);
}
