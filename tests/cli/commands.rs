//! The program itself: help, version, doctor, completions, wrong usage.

use crate::run::{embed, infa};
use crate::support;

#[test]
fn version() {
    for flag in ["--version", "-V"] {
        let ran = infa([flag]).run().status(0);
        assert_eq!(ran.text(), format!("infa {}\n", env!("CARGO_PKG_VERSION")));
        assert_eq!(ran.err, "");
    }
}

#[test]
fn help_explains_itself() {
    let ran = infa(["--help"]).run().status(0);
    for word in
        ["embed", "rerank", "classify", "compare", "doctor", "completions", "INFA_MODEL_ID", "Exit status", "130"]
    {
        assert!(ran.text().contains(word), "{word}");
    }
    let ran = infa(["embed", "--help"]).run().status(0);
    for word in ["Examples:", "infa embed notes.txt", "--model-id", "all-MiniLM-L6-v2", "--truncate", "--prompt-name"] {
        assert!(ran.text().contains(word), "{word}");
    }
    let ran = infa(["rerank", "--help"]).run().status(0);
    let text = ran.text().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in
        ["BAAI/bge-reranker-base or cross-encoder/ms-marco-MiniLM-L6-v2", "--top-n", "Put TEXT before the query"]
    {
        assert!(text.contains(words), "{words}");
    }
    let ran = infa(["classify", "--help"]).run().status(0);
    assert!(ran.text().contains("--top-k") && !ran.text().contains("all-MiniLM"));
    for line in ran.text().lines() {
        assert!(line.chars().count() <= 110, "too wide: {line}");
    }
}

#[test]
fn without_a_command_it_shows_the_way() {
    let ran = infa([] as [&str; 0]).run().status(2).says(&["Usage: infa", "embed"]);
    assert!(ran.out.is_empty());
    infa(["embd"]).run().refuses(2, &["embd", "embed"]);
    infa(["embed", "--modle-id", "x"]).run().refuses(2, &["--modle-id", "--model-id"]);
    infa(["embed", "-m"]).run().refuses(2, &["--model-id"]);
}

#[test]
fn doctor_lists_what_is_missing() {
    let none = tempfile::tempdir().unwrap();
    let alone = infa(["doctor"]).env("XDG_CACHE_HOME", none.path()).env("HF_HOME", none.path());
    let ran = alone.env("PATH", "/nonexistent").without("ORT_DYLIB_PATH").run().status(3);
    let text = ran.text();
    for label in ["infa ", "ONNX Runtime ", "default model ", "infa's cache ", "Hugging Face ", "network ", "cores "] {
        assert!(text.lines().any(|line| line.starts_with(label)), "{label}: {text}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("missing: ")).count(), 2, "{text}");
    assert!(text.contains(none.path().to_str().unwrap()), "{text}");
    assert_eq!(ran.err, "");
    assert_eq!(std::fs::read_dir(none.path()).unwrap().count(), 0, "doctor made something");
}

#[test]
fn doctor_is_content_when_all_is_here() {
    let home = tempfile::tempdir().unwrap();
    let commit = "c".repeat(40);
    let root = home.path().join("hub/models--sentence-transformers--all-MiniLM-L6-v2");
    let model = crate::support::copy("bert-tiny");
    std::fs::create_dir_all(root.join("snapshots")).unwrap();
    std::fs::create_dir_all(root.join("refs")).unwrap();
    std::fs::write(root.join("refs/main"), &commit).unwrap();
    std::os::unix::fs::symlink(model.path(), root.join("snapshots").join(&commit)).unwrap();
    let no_cache = home.path().join("none");
    let ran = infa(["doctor"]).env("HF_HOME", home.path()).env("XDG_CACHE_HOME", &no_cache).run().status(0);
    let text = ran.text();
    assert!(text.ends_with("Everything the default model needs is here.\n"), "{text}");
    assert!(text.contains(support::library().to_str().unwrap()) && text.contains("CPU"), "{text}");
    let embed = infa(["embed", "--offline"]).env("HF_HOME", home.path()).env("XDG_CACHE_HOME", &no_cache);
    let row = embed.stdin("a\n").run().well();
    assert_eq!(row.rows().len(), 1);
}

#[test]
fn doctor_reports_a_library_that_is_broken() {
    let ran = infa(["doctor", "--ort-library", "/nope.so"]).run().status(3);
    assert!(ran.text().contains("unusable") && ran.text().contains("/nope.so"), "{}", ran.text());
}

/// ONNX Runtime's telemetry begins with a device id and a database in the user's cache.
#[test]
fn nothing_is_kept_or_sent_about_the_user() {
    let home = tempfile::tempdir().unwrap();
    let mut run = embed(["-"]).stdin("a text\n");
    run.command.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("cache"));
    // Either would silence the telemetry by itself.
    run.command.env_remove("CI").env("ORT_DISABLE_TELEMETRY", "0");
    run.run().status(0);
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
