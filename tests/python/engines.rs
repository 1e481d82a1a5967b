//! `infa engines`, and `infa engines install` with an installer that pretends.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::fake::python;
use crate::run::{Infa, Ran, infa};

fn engines(cache: &Path, interpreter: &str) -> Infa {
    let infa = infa(["engines", "--cache-dir"]).arg(cache).without("VIRTUAL_ENV");
    infa.env("INFA_PYTHON", python(interpreter))
}

fn list(ran: &Ran) -> Vec<Json> {
    serde_json::from_slice(&ran.out).unwrap()
}

fn of<'a>(list: &'a [Json], name: &str) -> &'a Json {
    list.iter().find(|reported| reported["engine"] == name).unwrap()
}

#[test]
fn what_is_here_and_what_installs_the_rest() {
    let cache = tempfile::tempdir().unwrap();
    let reported = list(&engines(cache.path(), "python").args(["--format", "json"]).run().status(0));
    let torch = of(&reported, "torch");
    assert_eq!((&torch["usable"], &torch["install"]), (&json!(true), &Json::Null));
    assert!(torch["place"].as_str().unwrap().ends_with("tests/python/bin/python"), "{torch}");
    let openvino = of(&reported, "openvino");
    assert_eq!((&openvino["usable"], &openvino["install"]), (&json!(false), &json!("infa engines install openvino")));
    assert!(openvino["missing"].as_str().unwrap().starts_with("openvino"), "{openvino}");
    assert_eq!(
        (&of(&reported, "tei")["usable"], &of(&reported, "tei")["place"]),
        (&Json::Null, &json!("a server: tei=URL"))
    );
    assert_eq!(of(&reported, "onnx")["usable"], json!(true));

    // OpenVINO without NNCF can do all but int8.
    let reported = list(&engines(cache.path(), "openvino-python").args(["--format", "json"]).run().status(0));
    let openvino = of(&reported, "openvino");
    assert_eq!((&openvino["usable"], &openvino["missing"]), (&json!(true), &json!("nncf, for int8")));
    assert_eq!(openvino["install"], json!("infa engines install openvino"));
    let reported = list(&engines(cache.path(), "nncf-python").args(["--format", "json"]).run().status(0));
    let openvino = of(&reported, "openvino");
    assert_eq!((&openvino["missing"], &openvino["install"]), (&Json::Null, &Json::Null));
    assert!(openvino["versions"]["nncf"].is_string(), "{openvino}");

    let table = engines(cache.path(), "bare-python").run().status(0);
    let table = String::from_utf8(table.out).unwrap();
    for name in ["onnx", "torch", "onnx-export", "openvino", "ctranslate2", "fastembed", "tei", "triton", "infa"] {
        assert!(table.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {table}");
    }
    assert!(table.contains("infa engines install torch") && table.contains("infa engines install infinity"), "{table}");
    let nothing = engines(cache.path(), "no-such-python").run().status(0);
    assert!(String::from_utf8(nothing.out).unwrap().contains("infa engines install torch"));
}

fn install(cache: &Path, names: &[&str]) -> Infa {
    // Where uv is on PATH it would be taken.
    let infa = infa(["--cache-dir"]).arg(cache).args(["engines", "install"]).args(names);
    infa.env("INFA_PYTHON", python("installing-python")).env("PATH", "/usr/bin:/bin")
}

/// What the pretended pip was asked for, the marker, and whether an installation is unfinished.
fn state(cache: &Path) -> (Vec<String>, Option<String>, bool) {
    let root: PathBuf = cache.join("python/engines");
    let asked = std::fs::read_to_string(root.join("asked")).unwrap_or_default();
    let marker = std::fs::read_to_string(root.join("infa.json")).ok();
    (asked.lines().map(str::to_owned).collect(), marker, root.join("infa-unfinished.json").exists())
}

#[test]
fn engines_are_added_to_one_environment() {
    let cache = tempfile::tempdir().unwrap();
    install(cache.path(), &["torch"]).run().status(0);
    let (asked, marker, unfinished) = state(cache.path());
    assert_eq!((asked.len(), marker.as_deref(), unfinished), (1, Some(r#"{"engines":["torch"]}"#), false));
    assert!(asked[0].starts_with("-m pip install") && asked[0].contains("sentence-transformers>="), "{asked:?}");
    assert!(!asked[0].contains("openvino"), "{asked:?}");

    install(cache.path(), &["openvino", "fastembed"]).run().status(0);
    let (asked, marker, _) = state(cache.path());
    assert_eq!((asked.len(), marker.as_deref()), (2, Some(r#"{"engines":["fastembed","openvino","torch"]}"#)));
    assert!(
        asked[1].contains("openvino>=") && asked[1].contains("nncf>=") && asked[1].contains("fastembed>="),
        "{asked:?}"
    );

    install(cache.path(), &["infinity"]).run().status(0);
    assert!(cache.path().join("python/infinity/infa.json").is_file());
    assert_eq!(state(cache.path()).0.len(), 2);
}

#[test]
fn a_failure_leaves_no_environment_that_is_half_there() {
    let cache = tempfile::tempdir().unwrap();
    let fails = |how: &str, names: &[&str]| {
        install(cache.path(), names).env("FAKE_INSTALL", how).run().status(3).says(&["ERROR: ", "pip install"]);
    };
    fails("fail", &["torch"]);
    assert_eq!((state(cache.path()).1, state(cache.path()).2), (None, true));
    // The next attempt begins anew, and remembers what the first was for.
    install(cache.path(), &["openvino"]).run().status(0);
    let whole = Some(r#"{"engines":["openvino","torch"]}"#.to_owned());
    assert_eq!((state(cache.path()).0.len(), state(cache.path()).1), (1, whole.clone()));
    // An environment that was whole and still is stays in use; one that is not does not.
    fails("fail", &["fastembed"]);
    assert_eq!((state(cache.path()).1, state(cache.path()).2), (whole, false));
    fails("break", &["fastembed"]);
    assert_eq!((state(cache.path()).1, state(cache.path()).2), (None, true));
}

#[test]
fn an_interruption_ends_the_installer() {
    let cache = tempfile::tempdir().unwrap();
    let running = install(cache.path(), &["torch"]).env("FAKE_INSTALL", "hang").spawn();
    while state(cache.path()).0.is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    running.signal(libc::SIGINT);
    assert_eq!(running.end().status, 130);
    assert_eq!((state(cache.path()).1, state(cache.path()).2), (None, true));
}

#[test]
fn what_cannot_be_installed_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    install(cache.path(), &["onnx"]).run().refuses(2, &["onnx", "part of infa"]);
    install(cache.path(), &["torch", "tei"]).run().refuses(2, &["tei", "server"]);
    install(cache.path(), &["trch"]).run().refuses(2, &["'torch'"]);
    let offline = install(cache.path(), &["torch"]).arg("--offline").run();
    offline.refuses(3, &["--offline"]);
    assert!(state(cache.path()).0.is_empty());
}
