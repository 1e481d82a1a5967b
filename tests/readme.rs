//! The table of architectures in docs/models.md is true: it lists what the graph builder knows, and every tick has a fixture.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use infa::parts::graph;
use serde_json::Value as Json;

/// A row: name, values of `model_type`, and whether embed, rerank/classify and SPLADE are ticked.
struct Row {
    name: String,
    types: BTreeSet<String>,
    ticks: [bool; 3],
}

fn rows() -> Vec<Row> {
    let models = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/models.md")).unwrap();
    let table = models.split("| architecture |").nth(1).unwrap().lines().skip(2);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let types = cells[1].split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
        Row { name: cells[0].to_owned(), types, ticks: [cells[3], cells[4], cells[5]].map(|cell| cell == "✓") }
    };
    table.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// What the fixtures of each architecture answer: `model_type`, whether it is one of Jina's, and its list.
fn answered() -> BTreeSet<(String, bool, &'static str)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/architectures");
    let json = |path: &Path| -> Option<Json> { serde_json::from_slice(&std::fs::read(path).ok()?).ok() };
    let mut answered = BTreeSet::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let dir = entry.unwrap().path();
        let (Some(expected), Some(config)) = (json(&dir.join("expected.json")), json(&dir.join("config.json"))) else {
            continue;
        };
        let jina = dir.file_name().unwrap().to_string_lossy().starts_with("jina");
        for list in ["cases", "pairs", "classify", "sparse"] {
            if expected.get(list).is_some_and(|cases| cases != &Json::Array(Vec::new())) {
                answered.insert((config["model_type"].as_str().unwrap().to_owned(), jina, list));
            }
        }
    }
    answered
}

#[test]
fn the_table_lists_what_is_supported() {
    let listed: BTreeSet<String> = rows().into_iter().flat_map(|row| row.types).collect();
    assert_eq!(listed, graph::supported().map(str::to_owned).collect());
}

#[test]
fn every_tick_has_a_fixture_and_every_fixture_a_tick() {
    let answered = answered();
    for row in rows() {
        let jina = row.name.starts_with("Jina");
        let has = |lists: &[&'static str]| {
            row.types.iter().any(|name| lists.iter().any(|&list| answered.contains(&(name.clone(), jina, list))))
        };
        let tested = [has(&["cases"]), has(&["pairs", "classify"]), has(&["sparse"])];
        assert_eq!(row.ticks, tested, "{}", row.name);
    }
}
