//! Outputs that cannot be opened, fill up, or are closed by their reader.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::run::{embed, infa};
use crate::support::copy;

#[test]
fn a_directory_or_a_missing_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    embed(["-o", path]).stdin("a\n").run().refuses(2, &[path, "directory"]);
    let deep = dir.path().join("no/such/out.jsonl");
    embed(["-o"]).arg(&deep).stdin("a\n").run().refuses(2, &["no/such", "hint: "]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_may_not_be_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(dir.path().join("probe"), "").is_ok() {
        // Whoever runs this may write everywhere (root): a place that even root may not write to.
        embed(["-o", "/proc/infa-out.jsonl"]).stdin("a\n").run().refuses(2, &["/proc/infa-out.jsonl"]);
        return;
    }
    let path = dir.path().join("out.jsonl");
    embed(["-o"]).arg(&path).stdin("a\n").run().refuses(2, &[path.to_str().unwrap(), "ermission"]);
}

#[test]
fn a_full_disk() {
    let text = "a\n".repeat(2000);
    for format in ["jsonl", "json", "csv", "npy"] {
        let ran = embed(["-o", "/dev/full", "--format", format]).stdin(text.clone()).run().status(1);
        ran.says(&["/dev/full", "space"]);
        let ran = embed(["--format", format]).stdin(text.clone()).run_in_shell("\"$@\" > /dev/full").status(1);
        ran.says(&["stdout", "space"]);
    }
    infa(["completions", "bash"]).run_in_shell("\"$@\" > /dev/full").status(1).says(&["stdout", "space"]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let text = "a sea of words\n".repeat(5000);
    for format in ["jsonl", "json", "csv", "npy"] {
        let script = "{ \"$@\"; echo \"status $?\" >&2; } | head -c 20";
        let ran = embed(["--format", format]).stdin(text.clone()).run_in_shell(script).status(0);
        assert_eq!((ran.out.len(), ran.err.as_str()), (20, "status 0\n"), "{format}");
    }
    let ran = infa(["--help"]).run_in_shell("{ \"$@\"; echo \"status $?\" >&2; } | true");
    assert!(ran.err == "status 0\n", "{}", ran.err);
}

#[test]
fn a_closed_stdout() {
    for format in ["jsonl", "npy"] {
        let ran = embed(["--format", format]).stdin("a\n").run_in_shell("\"$@\" >&-");
        ran.refuses(2, &["stdout: it is closed"]);
    }
    infa(["model", "list"]).run_in_shell("\"$@\" >&-").status(1).says(&["stdout", "it is closed"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    embed(["-o"]).arg(&path).stdin("a\n").run_in_shell("\"$@\" >&-").status(0);
    assert!(fs::metadata(&path).unwrap().len() > 0);
}

#[test]
fn a_closed_stderr_changes_nothing() {
    let ran = embed([] as [&str; 0]).stdin(b"a\n\xff\n").run_in_shell("\"$@\" 2>&-").status(1);
    assert_eq!(ran.rows().len(), 2);
    let ran = embed([] as [&str; 0]).stdin(b"a\n\xff\n").run_in_shell("{ \"$@\" 2>&1 >&3 | true; } 3>&1");
    assert_eq!(ran.rows().len(), 2);
}

#[test]
fn after_a_failure_the_old_file_is_there_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    fs::write(&path, "old").unwrap();
    embed(["-o"]).arg(&path).run_in_shell("\"$@\" < /").status(1).says(&["stdin:1: reading failed"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn failed_rows_still_make_a_complete_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    embed(["-o"]).arg(&path).stdin(b"a\n\xff\nb\n").run().status(1);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn an_output_does_not_replace_what_is_read() {
    let dir = copy("bert-tiny");
    let at = |name: &str| dir.path().join(name);
    let model = dir.path().to_str().unwrap();
    fs::write(at("in.jsonl"), "{\"text\": \"a\", \"query\": \"a\", \"documents\": [\"b\"]}\n").unwrap();
    fs::write(at("texts.csv"), "text\na\n").unwrap();
    fs::write(at("bench.toml"), "title = 'x'\n").unwrap();
    let before: Vec<_> = ["in.jsonl", "texts.csv", "model.safetensors", "config.json", "tokenizer.json", "bench.toml"]
        .map(|name| (name, fs::read(at(name)).unwrap()))
        .into();
    let file = at("in.jsonl");
    let dataset = format!("file={}", at("texts.csv").display());
    let (commands, output) = (["embed", "rerank", "classify"], ["--model-id", model, "--output"]);
    for command in commands {
        infa([command]).args(output).arg(&file).arg(&file).run().refuses(2, &["--output", "in.jsonl", "another file"]);
    }
    for name in ["config.json", "tokenizer.json"] {
        infa(["embed"]).args(output).arg(at(name)).stdin("a\n").run().refuses(2, &["--output", name, "model"]);
    }
    infa(["model", "export"])
        .arg(model)
        .arg("-o")
        .arg(at("model.safetensors"))
        .run()
        .refuses(2, &["--output", ".onnx"]);
    infa(["bench"])
        .arg(at("bench.toml"))
        .arg("--export-json")
        .arg(at("bench.toml"))
        .run()
        .refuses(2, &["--export-json"]);
    let bench = infa(["bench", "--dataset", &dataset, "--export-csv"]).arg(at("texts.csv"));
    bench.run().refuses(2, &["--export-csv", "texts.csv"]);
    for (name, bytes) in before {
        assert!(fs::read(at(name)).unwrap() == bytes, "{name}");
    }
    // Another file in the model's directory may be replaced.
    for _ in 0..2 {
        infa(["embed", "-q"]).args(output).arg(at("vectors.jsonl")).arg(&file).run().status(0);
    }
}

#[test]
fn standard_output_by_its_path_keeps_what_stands_there() {
    let script = "f=$(mktemp); { echo before; \"$@\" -o /dev/stdout; echo after; } > \"$f\"; cat \"$f\"; rm \"$f\"";
    let ran = embed(["-q", "--text", "a"]).run_in_shell(script).status(0);
    let lines: Vec<&str> = ran.text().lines().collect();
    assert!(lines.len() == 3 && lines[0] == "before" && lines[2] == "after", "{lines:?}");
}

#[test]
fn a_file_that_may_not_grow_further() {
    let dir = tempfile::tempdir().unwrap();
    let text = "a sea of words\n".repeat(3000);
    let script = format!("ulimit -f 100; \"$@\" -o {}", dir.path().join("out.jsonl").display());
    embed(["-q"]).stdin(text).run_in_shell(&script).status(1).says(&["out.jsonl", "ulimit -f"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
