//! How long the sources may be: a file, the file in the middle, a room.

use std::path::Path;

use crate::source::{files, src};

/// Lines of a file at most.
const FILE: usize = 600;
/// Lines of the file in the middle of all, `mod.rs` left out: an idea each.
const MEDIAN: std::ops::RangeInclusive<usize> = 100..=180;
/// The most lines of the file in the middle of a room that has ten files or more.
const MEDIAN_OF_ROOM: usize = 180;
/// Lines of each room at most, tests included: a tenth above its size when the budget was set, in steps of 500, so that
/// ordinary work fits, and the commit that raises a budget says why the room has to be larger.
const ROOMS: &[(&str, usize)] = &[
    ("batch", 1_500),
    ("bench", 11_500),
    ("cli", 5_000),
    // Jobs that stop and go on; infa search.
    ("commands", 12_000),
    ("compare", 13_000),
    ("engine", 15_000),
    ("fetch", 2_500),
    // Every architecture in the operators of GPUs, too.
    ("graph", 12_500),
    // Parquet and Arrow, templates, nested fields, directories.
    ("input", 11_000),
    ("kernels", 6_500),
    ("model", 11_500),
    // Tables of Parquet and Arrow, archives, smaller numbers, compression.
    ("output", 5_000),
    ("report", 3_500),
    // GPUs: their driver, libraries and providers; damage to each of their files is found before it is loaded.
    ("runtime", 4_000),
    ("server", 16_500),
    ("stats", 3_000),
    ("ui", 1_000),
];

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

/// The lines of each file of a folder, from few to many; with `faces` also of each `mod.rs`.
fn lengths(folder: &Path, faces: bool) -> Vec<usize> {
    let files = files(folder).into_iter().filter(|path| faces || !path.ends_with("mod.rs"));
    let mut lengths: Vec<usize> = files.map(|path| lines(&path)).collect();
    lengths.sort_unstable();
    lengths
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = files(&src())
        .into_iter()
        .filter(|path| lines(path) > FILE)
        .map(|path| format!("{}: {} lines, more than {FILE}", path.display(), lines(&path)))
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn files_are_of_an_idea_each() {
    let middle = |lengths: &[usize]| lengths[lengths.len() / 2];
    let of_all = middle(&lengths(&src(), false));
    assert!(MEDIAN.contains(&of_all), "the file in the middle has {of_all} lines");
    for (room, _) in ROOMS {
        let lengths = lengths(&src().join(room), false);
        let long = lengths.len() >= 10 && middle(&lengths) > MEDIAN_OF_ROOM;
        assert!(!long, "{room}: the file in the middle has {} lines", middle(&lengths));
    }
}

#[test]
fn rooms_keep_to_their_budgets() {
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(src()).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir()) {
        let room = entry.file_name().into_string().unwrap();
        let found: usize = lengths(&entry.path(), true).iter().sum();
        match ROOMS.iter().find(|(name, _)| *name == room) {
            None => findings.push(format!("{room}: it has no budget")),
            Some((_, budget)) if found > *budget => {
                findings.push(format!("{room}: {found} lines, more than its budget of {budget}"));
            }
            // Otherwise it could grow unseen.
            Some((_, budget)) if *budget > found * 5 / 4 + 500 => {
                findings.push(format!("{room}: {found} lines, far below its budget of {budget}: lower that"));
            }
            Some(_) => {}
        }
    }
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}
