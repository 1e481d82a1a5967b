//! What infa is built of: the part of deny.toml that can be checked without cargo-deny and without a network.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn toml(name: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The strings of a list.
fn strings(list: &toml::Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn every_package_comes_from_one_registry_with_its_checksum() {
    let lock = toml("Cargo.lock");
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    let mut sources = BTreeSet::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        if [env!("CARGO_PKG_NAME"), "infa-kernels"].contains(&name) {
            continue;
        }
        let source = package.get("source").and_then(toml::Value::as_str).unwrap_or_default();
        assert!(source.starts_with("registry+https://"), "{name} comes from {source:?}");
        assert!(package.get("checksum").is_some(), "{name} has no checksum");
        sources.insert(source);
    }
    assert_eq!(sources.len(), 1, "{sources:?}");
}

/// Whether a licence expression (SPDX) can be fulfilled with what is allowed.
fn fulfilled(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    // "MIT/Apache-2.0" is how it was written before SPDX.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    let fulfilled = any(&mut rest, allowed);
    assert!(rest.is_empty(), "{expression}: what is {rest:?}?");
    fulfilled
}

fn any(rest: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut fulfilled = all(rest, allowed);
    while let Some(("OR", tail)) = rest.split_first().map(|(word, tail)| (*word, tail)) {
        *rest = tail;
        fulfilled |= all(rest, allowed);
    }
    fulfilled
}

fn all(rest: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut fulfilled = one(rest, allowed);
    while let Some(("AND", tail)) = rest.split_first().map(|(word, tail)| (*word, tail)) {
        *rest = tail;
        fulfilled &= one(rest, allowed);
    }
    fulfilled
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let (word, tail) = rest.split_first().unwrap();
    *rest = tail;
    if *word == "(" {
        let fulfilled = any(rest, allowed);
        assert_eq!(rest.first(), Some(&")"));
        *rest = &rest[1..];
        return fulfilled;
    }
    if let Some(["WITH", exception]) = rest.get(..2) {
        *rest = &rest[2..];
        return allowed.contains(format!("{word} WITH {exception}").as_str());
    }
    allowed.contains(word)
}

#[test]
fn licences_are_those_that_are_allowed() {
    let deny = toml("deny.toml");
    let licenses = deny["licenses"].as_table().unwrap();
    let allowed = strings(&licenses["allow"]);
    let exceptions: BTreeMap<&str, BTreeSet<&str>> = licenses["exceptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exception| (exception["crate"].as_str().unwrap(), strings(&exception["allow"])))
        .collect();

    // Of this platform alone: what was built is here. `cargo metadata` would list what no feature asks for as well.
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "all", "--prefix", "none", "--format", "{p}\t{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    // Features have lines, too, without a licence.
    let packages: BTreeSet<(&str, &str)> = tree.lines().filter_map(|line| line.split_once('\t')).collect();
    let packages: BTreeSet<(&str, &str)> =
        packages.into_iter().map(|(package, license)| (package, license.trim_end_matches(" (*)"))).collect();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    for (package, license) in packages {
        let name = package.split(' ').next().unwrap();
        let mut allowed = allowed.clone();
        allowed.extend(exceptions.get(name).into_iter().flatten());
        assert!(!license.is_empty(), "{package} names no licence");
        assert!(fulfilled(license, &allowed), "{package}: {license} is not allowed by deny.toml");
    }
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("MIT OR GPL-3.0 AND BSD-3-Clause", true),
        ("GPL-3.0 AND MIT OR BSD-3-Clause", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(fulfilled(expression, &allowed), expected, "{expression}");
    }
}
