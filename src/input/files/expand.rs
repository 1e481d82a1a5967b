//! Directories and patterns as the files that they stand for.

use std::fs;
use std::path::{Path, PathBuf};

use super::source::{Ending, ending_of};
use crate::input::InputError;

/// Directories within directories, at most: links may lead in circles.
const DEPTH: usize = 32;
/// Endings of files whose names alone make them input.
const LINES: [&str; 1] = ["txt"];

/// `paths` with the files of each directory and of each pattern (`*`, `?`, `[…]`) in its place, in the order of their names.
///
/// Of a directory these are the files with endings that are known, also in directories within; names that begin with a dot
/// or an underscore are left out. A path that exists is never a pattern.
///
/// # Errors
/// A directory cannot be read or holds no such file; a pattern is malformed or fits no file.
pub(crate) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, InputError> {
    let mut files = Vec::new();
    for path in paths {
        let before = files.len();
        if path.is_dir() {
            walk(path, DEPTH, &mut files)?;
            if files.len() == before {
                return Err(InputError::EmptyDirectory { path: path.clone() });
            }
        } else if let Some(pattern) = path.to_str().filter(|name| name.contains(['*', '?', '[']) && !path.exists()) {
            let bad = |reason: String| InputError::Pattern { pattern: pattern.to_owned(), reason };
            // As in shells.
            let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
            let found = glob::glob_with(pattern, options).map_err(|error| bad(error.msg.to_owned()))?;
            for found in found {
                let found =
                    found.map_err(|error| InputError::Open { path: error.path().into(), source: error.into() })?;
                if found.is_file() {
                    files.push(found);
                }
            }
            if files.len() == before {
                return Err(bad("it fits no file".into()));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let failed = |source| InputError::Open { path: directory.to_owned(), source };
    let entries = fs::read_dir(directory).map_err(failed)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort_unstable();
    for path in paths {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b".") || name.as_encoded_bytes().starts_with(b"_"));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, files)?;
            }
        } else if path.is_file() && is_known(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_known(path: &Path) -> bool {
    match ending_of(path) {
        Ending::Format(_) | Ending::Columns(_) => true,
        Ending::Unknown(ending) => ending.is_some_and(|ending| LINES.contains(&ending.as_str())),
        Ending::Binary(_) => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_patterns_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/in")).unwrap();
        fs::create_dir(at("none")).unwrap();
        for name in
            ["c.jsonl.gz", "a.parquet", "b/in/z.txt", "b/y.arrow", "x.pdf", "_x.csv", ".h.csv", "README", "e[1].csv"]
        {
            fs::write(at(name), "").unwrap();
        }
        let names = |path: PathBuf| {
            let files = expand(&[path]).map_err(|error| error.to_string())?;
            let name = |file: PathBuf| file.strip_prefix(folder.path()).unwrap().display().to_string();
            Ok::<Vec<String>, String>(files.into_iter().map(name).collect())
        };
        let all = ["a.parquet", "b/in/z.txt", "b/y.arrow", "c.jsonl.gz", "e[1].csv"];
        assert_eq!(names(folder.path().into()).unwrap(), all);
        assert_eq!(names(at("*.[pc]*")).unwrap(), ["_x.csv", "a.parquet", "e[1].csv", "x.pdf"].map(str::to_owned));
        assert_eq!(names(at("e[1].csv")).unwrap(), ["e[1].csv"]);
        assert_eq!(names(at("missing.csv")).unwrap(), ["missing.csv"]);
        assert!(names(at("none")).unwrap_err().contains("holds no file"));
        assert!(names(at("*.nope")).unwrap_err().contains("fits no file"));
        assert!(names(at("[")).unwrap_err().contains("pattern"));
    }
}
