//! `deploy/` stays true: its files parse, and name only flags and variables that `infa serve` has.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value as Yaml;

const IMAGES: [&str; 2] = ["deploy/Dockerfile", "deploy/Dockerfile.cuda"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn yaml(name: &str, text: &str) -> Vec<Yaml> {
    let parse = |document| Yaml::deserialize(document).unwrap_or_else(|e| panic!("{name}: {e}"));
    let documents: Vec<Yaml> = serde_norway::Deserializer::from_str(text).map(parse).collect();
    assert!(!documents.is_empty() && documents.iter().all(Yaml::is_object), "{name}");
    documents
}

/// Every YAML file, with templates in it filled in and parsed, too.
fn documents() -> Vec<(String, Vec<Yaml>)> {
    let mut found = Vec::new();
    for path in files(&root().join("deploy")).iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let mut parsed = yaml(&name, &read(&name));
        for template in parsed.clone() {
            parsed.extend(rendered(&name, &template));
        }
        found.push((name, parsed));
    }
    assert!(found.len() >= 4, "{found:?}");
    found
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What SAP AI Core makes of a serving template.
fn rendered(name: &str, template: &Yaml) -> Vec<Yaml> {
    let inputs = &template["spec"]["inputs"];
    let Some(spec) = template["spec"]["template"]["spec"].as_str() else { return Vec::new() };
    let mut text = spec.to_owned();
    for parameter in inputs["parameters"].as_array().unwrap() {
        let (key, value) = (parameter["name"].as_str().unwrap(), parameter["default"].as_str().unwrap());
        let place = format!("{{{{inputs.parameters.{key}}}}}");
        let labels = template["spec"]["template"]["metadata"]["labels"].as_str().unwrap();
        assert!(text.contains(&place) || labels.contains(&place), "{name}: {key} is not used");
        text = text.replace(&place, value);
    }
    for artifact in inputs["artifacts"].as_array().unwrap() {
        text = text.replace(&format!("{{{{inputs.artifacts.{}}}}}", artifact["name"].as_str().unwrap()), "ai://model");
    }
    assert!(!text.contains("{{"), "{name}: a placeholder that is no input: {text}");
    yaml(name, &text)
}

/// All strings of a document.
fn strings(yaml: &Yaml, found: &mut Vec<String>) {
    match yaml {
        Yaml::String(text) => found.push(text.clone()),
        Yaml::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Yaml::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            found.push(key.clone());
            strings(value, found);
        }),
        _ => {}
    }
}

/// The words of a text that look like flags, without their values.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| c.is_whitespace() || "\"'`()=,;".contains(c));
    let is_flag = |word: &&str| word.len() > 2 && word.starts_with("--") && word[2..].starts_with(char::is_alphabetic);
    words.filter(is_flag).map(str::to_owned).collect()
}

/// The names in a text that begin like variables of infa's.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("INFA_") || word.starts_with("INFINITY_")).map(str::to_owned).collect()
}

fn help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_infa")).args(["serve", "--help"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn flags_and_variables_are_those_of_infa_serve() {
    let known = flags(&help());
    let mut used: Vec<(String, String)> = Vec::new();
    for (name, documents) in documents() {
        let mut all = Vec::new();
        documents.iter().for_each(|document| strings(document, &mut all));
        used.extend(all.into_iter().map(|text| (name.clone(), text)));
    }
    for line in read("deploy/systemd/infa.service").lines().filter(|line| !line.starts_with('#')) {
        used.push(("infa.service".into(), line.to_owned()));
    }
    for name in IMAGES {
        let relevant = |line: &&str| line.starts_with("ENTRYPOINT") || line.contains("INFA_");
        used.extend(read(name).lines().filter(relevant).map(|line| (name.to_owned(), line.to_owned())));
    }
    let mut checked = 0;
    for (name, text) in &used {
        for flag in flags(text) {
            assert!(known.contains(&flag), "{name}: infa serve has no {flag}");
            checked += 1;
        }
        for variable in variables(text) {
            let flag = variable.split_once('_').unwrap().1.to_ascii_lowercase().replace('_', "-");
            assert!(known.contains(&format!("--{flag}")), "{name}: infa serve has no {variable}");
            checked += 1;
        }
    }
    assert!(checked > 15, "only {checked} found: does this test still read the files?");
}

#[test]
fn the_image_is_built_by_a_compiler_that_is_new_enough() {
    let version = |text: &str| -> Vec<u32> { text.split('.').map(|number| number.parse().unwrap()).collect() };
    let manifest = read("Cargo.toml");
    let needed = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    for name in IMAGES {
        let dockerfile = read(name);
        let image = dockerfile.split("FROM rust:").nth(1).unwrap().split('-').next().unwrap();
        assert!(version(image) >= version(needed), "{name}: rust:{image}, and Cargo.toml needs {needed}");
        // Both stages have the same C library.
        assert!(dockerfile.contains("-slim-bookworm AS build") && dockerfile.contains("FROM debian:bookworm-slim"));
    }
}

#[test]
fn the_image_for_gpus_has_what_infa_would_install() {
    let pinned = read("src/runtime/install/gpu.rs");
    let pinned: Vec<&str> = pinned.split("requirement: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(pinned.len() == 4 && pinned.iter().all(|package| package.contains("==")), "{pinned:?}");
    let dockerfile = read("deploy/Dockerfile.cuda");
    for package in pinned {
        assert!(dockerfile.contains(&format!("        {package} \\\n")), "{package}");
    }
}

#[test]
fn the_image_has_what_it_copies() {
    let ignore = read(".dockerignore");
    let admitted: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &admitted {
        assert!(root().join(path).exists(), "{path}");
    }
    for path in ["Cargo.toml", "Cargo.lock", "src", "benches", "datasets", "tests/fixtures/bert-tiny"] {
        assert!(admitted.contains(&path), "{path}");
    }
}

#[test]
fn systemd_takes_the_unit() {
    let available = Command::new("systemd-analyze").arg("--version").output().is_ok_and(|o| o.status.success());
    if !available {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let unit = read("deploy/systemd/infa.service").replace("/usr/local/bin/infa", "/bin/true");
    let path = dir.path().join("infa.service");
    std::fs::write(&path, unit).unwrap();
    let output = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !reported.contains("infa.service"), "{reported}");
}

#[test]
fn killing_comes_after_the_servers_own_patience() {
    let seconds = |text: &str, before: &str| -> u32 {
        let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("no {before}")).trim_start();
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let unit = read("deploy/systemd/infa.service");
    assert!(seconds(&unit, "TimeoutStopSec=") > seconds(&unit, "--shutdown-timeout "));
    for pod in ["deploy/kubernetes/infa.yaml", "deploy/kubernetes/infa-gpu.yaml"].map(read) {
        let pause = seconds(&pod, "[\"sleep\", \"");
        assert!(seconds(&pod, "terminationGracePeriodSeconds:") > pause + seconds(&pod, "--shutdown-timeout="));
    }
}
