//! What a room looks like inside: no circles of files, faces that only re-export, folders one can take in at a glance.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::circles::{arrows, circles};
use crate::source::{files, modules, src};

/// Rooms that keep all rules below.
const CLEAN: &[&str] = &[
    "bench", "cli", "engine", "batch", "runtime", "model", "graph", "kernels", "fetch", "input", "output", "report",
    "server", "stats", "ui", "compare", "commands",
];
/// The most files side by side in a folder, `mod.rs` left out.
const FILES_SIDE_BY_SIDE: usize = 15;

/// Fails with all of `findings`, if there are any.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn no_circles_of_files() {
    let (mut findings, mut total) = (Vec::new(), 0);
    for room in CLEAN {
        let arrows = arrows(&modules(&src(), room));
        let count: usize = arrows.values().map(|used| used.len()).sum();
        assert!(count > 0, "{room}: no arrows found: does this test still read the sources?");
        total += count;
        for circle in circles(&arrows) {
            findings.push(format!("{room}: a circle of {} files", circle.len()));
            for file in &circle {
                let used = arrows[file].intersection(&circle).map(|file| file.display().to_string());
                findings.push(format!("  {} -> {}", file.display(), used.collect::<Vec<_>>().join(", ")));
            }
        }
    }
    assert!(total > 500, "only {total} arrows found: does this test still read the sources?");
    none(&findings);
}

#[test]
fn a_face_only_re_exports() {
    let mut findings = Vec::new();
    for module in CLEAN.iter().flat_map(|room| modules(&src(), room).into_values()) {
        if module.file.ends_with("mod.rs") && !module.other.is_empty() {
            findings.push(format!("{}: {}", module.file.display(), module.other.join(", ")));
        }
    }
    none(&findings);
}

#[test]
fn one_style_of_module_files() {
    let mut findings = Vec::new();
    for file in CLEAN.iter().flat_map(|room| files(&src().join(room))) {
        if file.with_extension("").is_dir() {
            findings.push(format!("{}: move it to mod.rs in the folder of its name", file.display()));
        }
    }
    none(&findings);
}

#[test]
fn few_files_side_by_side() {
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in CLEAN.iter().flat_map(|room| files(&src().join(room))) {
        if !file.ends_with("mod.rs") {
            *folders.entry(file.parent().unwrap_or(Path::new("")).to_owned()).or_default() += 1;
        }
    }
    let crowded = folders.iter().filter(|(_, count)| **count > FILES_SIDE_BY_SIDE);
    none(&crowded.map(|(folder, count)| format!("{}: {count} files", folder.display())).collect::<Vec<_>>());
}

/// The files that know single engines: a row of a table each.
const KNOW_ENGINES: &[&str] = &["engine/recipes/kind.rs"];

/// An engine is added in one place: nothing else tells `EngineKind::Torch` from `EngineKind::Tei`.
#[test]
fn engines_are_known_by_their_recipes_alone() {
    let mut findings = Vec::new();
    let rooms = std::fs::read_dir(src()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let modules = rooms.filter(|room| !room.contains('.')).flat_map(|room| modules(&src(), &room).into_values());
    let mut users = 0;
    for module in modules {
        let kinds = || module.paths.iter().filter(|path| path.contains(&"EngineKind".to_owned()));
        users += kinds().count();
        let variant = |path: &&Vec<String>| {
            let last = path.last().unwrap();
            last != "EngineKind" && last.starts_with(char::is_uppercase) && last.chars().any(char::is_lowercase)
        };
        if !KNOW_ENGINES.iter().any(|known| module.file == Path::new(known)) {
            findings
                .extend(kinds().filter(variant).map(|path| format!("{}: {}", module.file.display(), path.join("::"))));
        }
    }
    assert!(users > 10, "only {users} uses of EngineKind found: does this test still read the sources?");
    none(&findings);
}
