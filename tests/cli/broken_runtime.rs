//! ONNX Runtime, caches and flags that cannot work; models that are not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::run::{embed, infa};
use crate::support::{copy, fixture, library};

#[test]
fn devices_that_are_not_there_are_refused_before_anything_is_fetched() {
    let none = tempfile::tempdir().unwrap();
    for (flags, words) in [
        (["--device", "cuda"], ["--device cuda: ", "hint: "]),
        (["--device", "tensorrt:1"], ["--device tensorrt:1: ", "hint: "]),
        (["--device", "cuda:all"], ["--device cuda:all: ", "hint: "]),
        (["--dtype", "float16"], ["--dtype float16", "GPUs do"]),
    ] {
        let ran = infa(["embed"]).args(flags);
        // Where there is a GPU, too.
        let ran = ran.env("CUDA_VISIBLE_DEVICES", "");
        let ran = ran.env("HF_HOME", none.path()).env("INFA_CACHE_DIR", none.path()).run();
        ran.refuses(2, &words).says(&["hint: "]);
    }
    assert_eq!(fs::read_dir(none.path()).unwrap().count(), 0);
    infa(["embed", "--device", "gpu"]).run().refuses(2, &["--device", "cuda is an NVIDIA GPU"]);
    infa(["embed", "--device", "cuda:x"]).run().refuses(2, &["--device", "\"x\" is not the number of a GPU"]);
}

#[test]
fn numbers_that_make_no_sense() {
    for flags in [["--threads", "0"], ["--threads", "x"], ["--threads", "20000"], ["--batch-tokens", "0"]] {
        infa(["embed"]).args(flags).run().refuses(2, &[flags[0]]);
    }
}

#[test]
fn a_path_that_does_not_exist() {
    for path in ["./nope", "/nope/model", "../nope", "nope/", "nope.onnx", ""] {
        infa(["embed", "-m", path]).run().refuses(2, &["--model-id", "no such file", "hint: "]);
    }
    let readme = fixture("README.md");
    infa(["embed", "-m"]).arg(&readme).run().refuses(2, &["--model-id", "not an .onnx file"]);
    embed(["--revision", "main"]).run().refuses(2, &["--revision", "local directory"]);
}

#[test]
fn names_that_can_be_no_repository() {
    for name in ["org/na me", "org/..", "a--b/c?", "org/\u{1b}[31m"] {
        let ran = infa(["embed", "-m", name]).run();
        assert!(ran.status == 2 || ran.status == 3, "{name}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains("hint: "), "{}", ran.err);
    }
}

#[test]
fn a_library_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("libonnxruntime.so");
    fs::write(&text, "not a library").unwrap();
    for path in [text.to_str().unwrap(), "/nope/libonnxruntime.so", dir.path().to_str().unwrap()] {
        embed(["--ort-library", path]).run().refuses(3, &[path, "--ort-library", "hint: "]);
        embed([] as [&str; 0]).env("ORT_DYLIB_PATH", path).run().refuses(3, &[path, "hint: "]);
        embed([] as [&str; 0]).env("INFA_ORT_LIBRARY", path).run().refuses(3, &[path, "hint: "]);
    }
}

#[test]
fn a_library_of_something_else() {
    // Some shared library that every Linux process has mapped.
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let Some(other) = maps.lines().filter_map(|line| line.split_whitespace().last()).find(|p| p.contains("libc.so"))
    else {
        return;
    };
    embed(["--ort-library", other]).run().refuses(3, &[other, "not an ONNX Runtime library", "hint: "]);
}

/// A library that the loader would end the process for is never loaded.
#[test]
fn a_library_that_is_cut_off() {
    let whole = fs::read(library()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("onnxruntime").join(infa::parts::runtime::VERSION);
    let installed = cache.join("libonnxruntime.so.1");
    for length in [5000, 8_000_000, whole.len() - 200_000] {
        fs::create_dir_all(&cache).unwrap();
        fs::write(&installed, &whole[..length]).unwrap();
        let path = installed.to_str().unwrap();
        embed(["--ort-library", path]).stdin("a\n").run().refuses(3, &[path, "cut off", "hint: "]);
        // In infa's cache it makes room for another one, which is not to be had here.
        let ran = embed(["--offline", "--cache-dir"]).arg(dir.path()).without("ORT_DYLIB_PATH");
        let ran = ran.env("PATH", "/nonexistent").stdin("a\n").run().status(3);
        ran.says(&[path, "cut off", "installed again", "ONNX Runtime 1.", "--offline"]);
        assert!(!installed.exists());
    }
    // Without damage, and without a record of its size, it is used.
    fs::create_dir_all(&cache).unwrap();
    fs::write(&installed, &whole).unwrap();
    let ran = embed(["-v", "--cache-dir"]).arg(dir.path()).without("ORT_DYLIB_PATH").stdin("a\n").run();
    ran.status(0).says(&["installed by infa"]);
    // Nothing reads such bytes but by their sum.
    let record = format!(r#"{{"bytes":{},"sha256":"{}","modified":0}}"#, whole.len(), "0".repeat(64));
    fs::write(cache.join("library.json"), record).unwrap();
    let ran = embed(["--offline", "--cache-dir"]).arg(dir.path()).without("ORT_DYLIB_PATH");
    ran.env("PATH", "/nonexistent").stdin("a\n").run().status(3).says(&["SHA-256", "installed again"]);
}

#[test]
fn errors_name_the_cause() {
    for files in 6..14 {
        let ran = embed([] as [&str; 0]).stdin("a\n").run_in_shell(&format!("ulimit -n {files}; exec \"$@\""));
        assert!(!ran.err.contains("panicked") && !ran.err.contains("ulimit -u"), "{files}: {}", ran.err);
        assert!(ran.status == 0 || ran.err.contains("Too many open files"), "{files}: {}", ran.err);
    }
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("libonnxruntime.so");
    fs::write(&text, "short").unwrap();
    let ran = embed(["--ort-library"]).arg(&text).run().status(3);
    assert!(ran.err.contains("file too short") && !ran.err.contains("leave the flag out"), "{}", ran.err);
    infa(["embed", "-m", "/dev/zero"]).run().refuses(2, &["--model-id", "/dev/zero is neither a directory nor"]);
    infa(["embed", "-m", ""]).run().refuses(2, &["--model-id \"\": there is no such file"]);
    let model = copy("bert-tiny");
    let config = model.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["hidden_act"] = "odd".into();
    fs::write(&config, json.to_string()).unwrap();
    infa(["embed", "-m"]).arg(model.path()).stdin("a\n").run().refuses(3, &[config.to_str().unwrap(), "hidden_act"]);
    let ran = embed(["--format", "npy"]).env("TMPDIR", "/nonexistent").stdin("a\n").run();
    ran.refuses(2, &["/nonexistent: there is no such directory", "hint: set TMPDIR"]);
}

#[test]
fn the_library_may_be_named_by_flag() {
    let path = library();
    let ran = embed(["-v", "--ort-library"]).arg(path).without("ORT_DYLIB_PATH").stdin("a\n").run().status(0);
    assert!(ran.says(&["named by --ort-library"]).out.starts_with(b"{"));
}

#[test]
fn offline_without_anything_cached() {
    let none = tempfile::tempdir().unwrap();
    let alone = |args: &[&str]| {
        infa(args).env("XDG_CACHE_HOME", none.path()).env("HF_HOME", none.path()).env("PATH", "/nonexistent")
    };
    // Everything is looked for where the environment says.
    let library = alone(&["embed", "--offline"]).without("ORT_DYLIB_PATH").run();
    library.refuses(3, &["ONNX Runtime", "--offline", "hint: "]);
    alone(&["embed", "--offline"]).run().refuses(3, &["all-MiniLM-L6-v2", "hint: ", "without --offline"]);
    alone(&["embed"]).env("HF_HUB_OFFLINE", "1").run().refuses(3, &["all-MiniLM-L6-v2", "HF_HUB_OFFLINE"]);
    alone(&["embed", "-m", "org/name", "--offline"]).run().refuses(3, &["org/name", "hint: "]);
    assert_eq!(fs::read_dir(none.path()).unwrap().count(), 0, "something was made in the cache");
}

#[test]
fn without_network_and_pip_the_errors_say_so() {
    let none = tempfile::tempdir().unwrap();
    let alone = |args: &[&str]| {
        let ran = infa(args).env("XDG_CACHE_HOME", none.path()).env("HF_HOME", none.path());
        ran.env("PATH", "/nonexistent").without("ORT_DYLIB_PATH")
    };
    alone(&["embed"]).run().refuses(3, &["ONNX Runtime is not installed", "python3", "hint: "]);
    alone(&["embed"]).env("ORT_DYLIB_PATH", library()).run().refuses(3, &["default model", "python3", "hint: "]);
}

#[test]
fn a_cache_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // Below a file nobody can make a directory, not even root.
    let ran = infa(["embed", "--cache-dir"]).arg(file.join("cache")).without("ORT_DYLIB_PATH");
    let ran = ran.env("PATH", "/nonexistent").env("PYTHONPATH", "").run();
    ran.refuses(3, &[file.to_str().unwrap(), "hint: "]);
    // A local model needs no cache at all.
    assert_eq!(embed(["--cache-dir"]).arg(file.join("cache")).stdin("a\n").run().well().rows().len(), 1);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_onnx_file_that_is_none_or_has_no_tokenizer() {
    let dir = copy("bert-plain");
    let model = dir.path().join("model.onnx");
    fs::write(&model, "not a graph").unwrap();
    infa(["embed", "-m"]).arg(&model).run().refuses(3, &["model.onnx", "hint: "]);
    fs::write(&model, "").unwrap();
    infa(["embed", "-m"]).arg(&model).run().refuses(3, &["model.onnx", "hint: "]);
    let lonely = tempfile::tempdir().unwrap();
    let below = lonely.path().join("onnx");
    fs::create_dir(&below).unwrap();
    fs::copy(fixture("bert-plain.onnx"), below.join("model.onnx")).unwrap();
    infa(["embed", "-m"]).arg(below.join("model.onnx")).run().refuses(3, &["tokenizer.json", "hint: "]);
    embed(["--onnx-file", "nope.onnx"]).run().refuses(3, &["nope.onnx", "hint: "]);
    infa(["embed", "--onnx-file", "x.onnx", "-m"]).arg(&model).run().refuses(2, &["--onnx-file"]);
}
