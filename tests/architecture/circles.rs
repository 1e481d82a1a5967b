//! No file uses, over however many others, itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::source::{Module, ModulePath};

type Modules = BTreeMap<ModulePath, Module>;

/// Which file uses which. A re-export counts as the file that defines the item: `mod.rs`, which only re-exports, is in
/// no circle.
pub(crate) fn arrows(modules: &Modules) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let mut arrows: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for (path, module) in modules {
        if module.file.ends_with("mod.rs") && module.other.is_empty() {
            continue;
        }
        let used = module.paths.iter().filter_map(|used| resolve(modules, path, used, 0));
        let used = used.filter(|file| *file != module.file);
        arrows.entry(module.file.clone()).or_default().extend(used);
    }
    arrows
}

/// The file that defines what `path`, written in the module `from`, names; `None` outside the room.
fn resolve(modules: &Modules, from: &[String], path: &[String], depth: usize) -> Option<PathBuf> {
    // A chain of re-exports that long would be a circle of its own.
    if depth > 20 {
        return None;
    }
    let mut here: ModulePath = from.to_vec();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => (here, rest) = (Vec::new(), &rest[1..]),
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|name| name == "super") {
                here.pop();
                rest = &rest[1..];
            }
        }
        _ => {}
    }
    while let Some((name, more)) = rest.split_first() {
        let child = [here.as_slice(), std::slice::from_ref(name)].concat();
        if modules.contains_key(&child) || modules.keys().any(|path| path.starts_with(&child)) {
            (here, rest) = (child, more);
            continue;
        }
        let module = modules.get(&here)?;
        if module.items.contains(name) {
            return Some(module.file.clone());
        }
        if let Some(import) = module.imports.get(name) {
            if import.as_slice() == [name.clone()] {
                return None;
            }
            return resolve(modules, &here, &[import.as_slice(), more].concat(), depth + 1);
        }
        return module
            .globs
            .iter()
            .find_map(|glob| resolve(modules, &here, &[glob.as_slice(), rest].concat(), depth + 1));
    }
    // A module as such: what is used of it is a path of its own, if the module has children.
    let module = modules.get(&here)?;
    (!module.file.ends_with("mod.rs") || !module.other.is_empty()).then(|| module.file.clone())
}

/// Groups of files that use each other, the largest first.
pub(crate) fn circles(arrows: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Vec<BTreeSet<PathBuf>> {
    let reached = |from: &PathBuf| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(file) = next.pop() {
            for used in arrows.get(file).into_iter().flatten() {
                if reached.insert(used) {
                    next.push(used);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = arrows.keys().map(|file| (file, reached(file))).collect();
    let mut circles: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (file, all) in &reached {
        if all.contains(file) && !circles.iter().any(|circle| circle.contains(*file)) {
            circles
                .push(all.iter().filter(|other| reached[**other].contains(file)).map(|&file| file.clone()).collect());
        }
    }
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}
