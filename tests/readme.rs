//! README and docs: the README is short and begins with the set-up, links lead to files, and the table of architectures in
//! docs/models.md lists those of the graph builder, with a fixture for every tick.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use clap::{CommandFactory, ValueEnum};
use infa::parts::cli::Cli;
use infa::parts::engine::EngineKind;
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_readme_is_short_and_begins_with_the_set_up() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (lines, words) = (readme.lines().count(), readme.split_whitespace().count());
    assert!(lines <= 150 && words < 1300, "{lines} lines, {words} words");
    let top: Vec<&str> = readme.lines().take(7).collect();
    let has = |command: &str| top.iter().any(|line| line.starts_with(command));
    assert!(has("cargo run --release -- embed datasets/quickstart.txt > vecs.jsonl") && has("cargo test"), "{top:?}");
    assert!(root().join("datasets/quickstart.txt").is_file());
}

#[test]
fn the_readme_names_every_guide() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.ends_with(".md") || readme.contains(&format!("(docs/{name})")), "{name}");
    }
}

/// The engines with a property: "a, b and c".
fn engines(has: impl Fn(EngineKind) -> bool) -> String {
    let names: Vec<&str> =
        EngineKind::value_variants().iter().filter(|&&kind| has(kind)).map(|kind| kind.name()).collect();
    let (last, before) = names.split_last().unwrap();
    format!("{} and {last}", before.join(", "))
}

/// The names in backticks in the first cells of the table under `header`, without what follows `=` or `:`.
fn first_cells(text: &str, header: &str) -> BTreeSet<String> {
    let rows = text.split(header).nth(1).unwrap().lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_start_matches('|').split('|').next().unwrap());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(|name| name.split(['=', ':', '@']).next().unwrap().to_owned()).collect()
}

#[test]
fn help_and_guides_name_every_engine() {
    let long_help = |path: &[&str]| {
        let mut command = Cli::command();
        for name in path {
            command = command.find_subcommand(name).unwrap().clone();
        }
        command.term_width(0).render_long_help().to_string()
    };
    let python = engines(|kind| kind.python().is_some());
    let servers = engines(|kind| kind.server().is_some());
    let help = long_help(&["embed"]);
    assert!(help.contains(&format!("Python engines are {python}, with")), "{help}");
    assert!(help.contains(&format!("Servers are {servers}, each with")), "{help}");
    let help = long_help(&["bench"]);
    assert!(help.contains(&format!("; {python} (Python processes;")), "{help}");
    let (ours, others) = (engines(|kind| kind.launch().is_some()), |kind: EngineKind| {
        kind.server().is_some() && kind.launch().is_none()
    });
    let others = engines(others);
    assert!(help.contains(&format!("{ours} (servers: started here")) && help.contains(&format!("; {others} (NAME")));
    let installed = engines(|kind| kind.recipe().packages.is_some()).replace(" and ", ", ");
    assert!(long_help(&["engines", "install"]).contains(&format!("Engines: {installed}")));

    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let all = |has: fn(EngineKind) -> bool| -> BTreeSet<String> {
        EngineKind::value_variants().iter().filter(|&&kind| has(kind)).map(|kind| kind.name().to_owned()).collect()
    };
    let guide = read("docs/engines.md");
    assert_eq!(first_cells(&guide, "| spec | engine |"), all(|_| true));
    assert_eq!(first_cells(&guide, "| engine | library | options |"), all(|kind| kind.python().is_some()));
    assert!(read("README.md").contains(&format!("{} engines in rounds", all(|_| true).len())));
}

#[test]
fn links_lead_to_files_and_headings() {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let guides = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut links = 0;
    for page in guides.chain(["README.md", "CONTRIBUTING.md", "deploy/README.md"].map(|name| root().join(name))) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            let target = if file.contains('/') { page.parent().unwrap().join(file) } else { target };
            assert!(target.exists(), "{}: {link}", page.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let headings: BTreeSet<String> =
                    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
                assert!(headings.contains(heading), "{}: {link}: {headings:?}", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 40, "{links}");
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// The rows that examples print of `datasets/docs.txt`, as index and document.
fn printed_documents(page: &str) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    let row = |line: &str| {
        let mut cells = line.split_whitespace();
        let (_rank, _score) = (cells.next()?.parse::<usize>().ok()?, cells.next()?.parse::<f64>().ok()?);
        Some((cells.next()?.parse().ok()?, cells.collect::<Vec<_>>().join(" ")))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn examples_use_files_that_are_there() {
    let documents = std::fs::read_to_string(root().join("datasets/docs.txt")).unwrap();
    let documents: Vec<&str> = documents.lines().collect();
    for (page, rows) in [("README.md", 2), ("docs/rerank.md", 5)] {
        let printed = printed_documents(page);
        assert_eq!(printed.len(), rows, "{page}: {printed:?}");
        printed.iter().for_each(|(index, document)| assert_eq!(documents.get(*index), Some(&&**document), "{page}"));
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let files = text.split_whitespace().filter(|word| word.starts_with("datasets/") && word.contains('.'));
        files.for_each(|file| assert!(root().join(file).is_file(), "{page}: {file}"));
    }
}
