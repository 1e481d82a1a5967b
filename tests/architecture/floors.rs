//! Arrows run one way: a module uses only what stands below it on the map in `src/lib.rs`.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use crate::source::files;

/// From the door to the cellar.
const FLOORS: &[&[&str]] = &[
    &["commands"],
    &["cli"],
    &["compare"],
    // Neither uses the other.
    &["server", "bench"],
    &["engine"],
    &["batch"],
    &["runtime"],
    &["graph"],
    // Neither uses the other.
    &["model", "kernels"],
    &["fetch"],
];
/// Used from above, and using nothing but what is named here.
const LEAVES: &[(&str, &[&str])] =
    &[("input", &[]), ("output", &[]), ("ui", &["fetch"]), ("report", &["stats"]), ("stats", &[])];
/// Leaves that rooms which measure use, too.
const OF_MEASURING: &[&str] = &["report", "stats"];
/// What `compare` may use of `bench`: documents that `infa bench` writes, and engines to ask.
const BENCH_FOR_COMPARE: &[&str] = &["report", "target", "engine", "dataset"];
/// For all, and using nothing.
const FOR_ALL: &[&str] = &[
    "panic_guard",
    "regular_file",
    "suggest",
    "threads",
    "plural",
    "json_words",
    "record_id",
    "kept",
    "standard_streams",
];

/// The faces of the library, which name all rooms.
const OF_THE_ROOT: &[&str] = &["lib", "main", "entry", "parts"];

fn allowed(from: &str, to: &str) -> bool {
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    match (floor(from), floor(to)) {
        _ if from == to || FOR_ALL.contains(&to) => true,
        (Some(from), Some(to)) => from < to,
        (Some(_), None) if OF_MEASURING.contains(&to) => ["commands", "cli", "compare", "bench"].contains(&from),
        // What is compared: saved vectors.
        (Some(_), None) if (from, to) == ("compare", "input") => true,
        // Other leaves are for the two upper floors.
        (Some(from), None) => from < 2,
        (None, _) => LEAVES.iter().any(|(leaf, uses)| *leaf == from && uses.contains(&to)),
    }
}

#[test]
fn compare_knows_of_bench_its_documents_and_engines() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut arrows = 0;
    for path in files(&src.join("compare")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, found) in text.match_indices("crate::bench::") {
            let rest = &text[at + found.len()..];
            let to: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(BENCH_FOR_COMPARE.contains(&to.as_str()), "{} uses bench::{to}", path.display());
            arrows += 1;
        }
    }
    assert!(arrows > 5, "only {arrows} arrows found: does this test still read the sources?");
}

#[test]
fn arrows_run_downwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut arrows = 0;
    for path in files(&src) {
        let relative = path.strip_prefix(&src).unwrap();
        // A file of the root is a room of its own.
        let from = relative.iter().next().and_then(|room| room.to_str()).unwrap().trim_end_matches(".rs");
        // `kernels` is a package of its own, which knows nothing of the others.
        if OF_THE_ROOT.contains(&from) || from == "kernels" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            let heads: Vec<&str> = match rest.strip_prefix('{') {
                Some(group) => group.split('}').next().unwrap().split(',').collect(),
                None => vec![rest],
            };
            for head in heads {
                let to: String = head.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(allowed(from, &to), "{} uses crate::{to}", relative.display());
                arrows += 1;
            }
        }
    }
    assert!(arrows > 50, "only {arrows} arrows found: does this test still read the sources?");
}
