//! The identity of a model, to the last bit: its files with their sums, and its revision.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::required as files;
use crate::fetch::digest::Hasher;
use crate::fetch::{Cancel, FetchError};
use crate::model::Model;
use crate::model::hub::cache;
use crate::model::hub::source::WeightsFile;
use crate::regular_file::{self, Stamp, stamp};

/// A file and its contents' sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileSum {
    /// Its path below the model's directory, with slashes.
    pub name: String,
    pub bytes: u64,
    /// SHA-256, as 64 lower-case hex digits.
    pub sha256: String,
}

/// The commit of the Hub's repository, if the model lies in the Hugging Face cache.
pub(crate) fn revision(model: &Model) -> Option<String> {
    cache::commit_of_snapshot(&model.dir).map(|commit| commit.to_string())
}

/// The files that the model consists of, by name: its configuration, its tokenizer, and the weights that run. All of
/// them are read, several at a time.
///
/// # Errors
/// `Io` when one cannot be read, `Cancelled` on cancellation.
pub(crate) fn files(model: &Model, cancel: &Cancel) -> Result<Vec<FileSum>, FetchError> {
    let names = names(&model.dir, &model.weights);
    if crate::threads::start_pool().is_err() {
        return names.into_iter().map(|name| sum(&model.dir, name, cancel)).collect();
    }
    names.into_par_iter().map(|name| sum(&model.dir, name, cancel)).collect()
}

/// The paths of the model's files with their stamps. Another model in the same place has others.
pub(crate) fn stamps(model: &Model) -> Vec<(PathBuf, Option<Stamp>)> {
    let paths = names(&model.dir, &model.weights).into_iter().map(|name| model.dir.join(name));
    paths.map(|path| (path.clone(), stamp(&path))).collect()
}

/// The size in bytes of the model's files. Unreadable files count 0.
pub(crate) fn size(model: &Model) -> u64 {
    let size = |name: &String| std::fs::metadata(model.dir.join(name)).map_or(0, |metadata| metadata.len());
    names(&model.dir, &model.weights).iter().map(size).sum()
}

fn sum(dir: &Path, name: String, cancel: &Cancel) -> Result<FileSum, FetchError> {
    let path = dir.join(&name);
    let mut file = regular_file::open(&path).map_err(FetchError::io(&path))?;
    let mut hasher = Hasher::new();
    let bytes = hasher.absorb(&mut file, &path, cancel)?;
    Ok(FileSum { name, bytes, sha256: hasher.finish() })
}

/// The files of a model's directory that infa reads, as they would be fetched from a repository with safetensors.
pub(crate) fn read_from(dir: &Path) -> Vec<PathBuf> {
    wanted(dir, None).into_iter().map(|name| dir.join(name)).collect()
}

/// The names of the model's files, as they would be fetched from a repository.
fn names(dir: &Path, weights: &WeightsFile) -> Vec<String> {
    let (WeightsFile::Safetensors(path) | WeightsFile::Onnx(path)) = weights;
    let running = path.strip_prefix(dir).ok().and_then(Path::to_str).map(|name| name.replace('\\', "/"));
    let onnx = running.as_deref().filter(|_| weights.safetensors().is_none()).map(Path::new);
    let mut names = wanted(dir, onnx);
    // The running file, under any name.
    names.extend(running);
    names.sort_unstable();
    names.dedup();
    names
}

/// The names of the files in `dir` that a model needs, with safetensors or this ONNX file.
fn wanted(dir: &Path, onnx: Option<&Path>) -> Vec<String> {
    let mut there = Vec::new();
    let mut list = |below: &str| {
        let entries = std::fs::read_dir(dir.join(below)).into_iter().flatten().flatten();
        let entries = entries.filter_map(|entry| Some((entry.path().is_dir(), entry.file_name().into_string().ok()?)));
        let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|(is_dir, _)| *is_dir);
        there
            .extend(files.into_iter().map(|(_, name)| if below.is_empty() { name } else { format!("{below}/{name}") }));
        dirs.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let mut below = list("");
    below.extend(onnx.and_then(Path::parent).and_then(Path::to_str).filter(|dir| dir.contains('/')).map(str::to_owned));
    for dir in below {
        list(&dir);
    }
    let there: Vec<&str> = there.iter().map(String::as_str).collect();
    files::wanted_of(&there, onnx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Context;
    use crate::fetch::digest::sha256_file;
    use crate::model::cache::HubEnv;
    use crate::model::source::Request;

    fn directory(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        dir
    }

    const FILES: &[&str] = &[
        "1_Pooling/config.json",
        "README.md",
        "checkpoint-500/config.json",
        "config.json",
        "model.safetensors",
        "modules.json",
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "onnx/other.onnx",
        "optimizer.pt",
        "pytorch_model.bin",
        "tokenizer.json",
        "vocab.txt",
    ];

    #[test]
    fn files_that_are_used_are_named() {
        let dir = directory(FILES);
        let of = |weights: &dyn Fn(std::path::PathBuf) -> WeightsFile, file: &str| {
            names(dir.path(), &weights(dir.path().join(file)))
        };
        let configuration = ["1_Pooling/config.json", "config.json", "modules.json", "tokenizer.json"];
        let mut expected = [&configuration[..], &["model.safetensors"]].concat();
        expected.sort_unstable();
        assert_eq!(of(&WeightsFile::Safetensors, "model.safetensors"), expected);
        let mut expected = [&configuration[..], &["onnx/model.onnx", "onnx/model.onnx_data"]].concat();
        expected.sort_unstable();
        assert_eq!(of(&WeightsFile::Onnx, "onnx/model.onnx"), expected);
    }

    #[test]
    fn a_model_is_known_by_its_files() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert-tiny");
        let request = Request {
            model_id: dir.to_str().unwrap().to_owned(),
            revision: None,
            onnx_file: None,
            cache: std::path::PathBuf::new(),
            python: "python3",
        };
        let model = Model::read(request.resolve(HubEnv::from_env(), &Context::silent()).unwrap()).unwrap();
        assert_eq!(revision(&model), None);
        let files = files(&model, &Cancel::new()).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        for name in ["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"] {
            assert!(names.contains(&name), "{names:?}");
        }
        for file in &files {
            let path = dir.join(&file.name);
            assert_eq!(file.bytes, path.metadata().unwrap().len());
            assert_eq!(file.sha256, sha256_file(&path, &Cancel::new()).unwrap());
        }
    }

    #[test]
    fn an_onnx_file_in_a_directory_of_its_own_directory() {
        let dir = directory(&["config.json", "onnx/int8/model.onnx", "onnx/int8/model.onnx.data", "onnx/model.onnx"]);
        let names = names(dir.path(), &WeightsFile::Onnx(dir.path().join("onnx/int8/model.onnx")));
        assert_eq!(names, ["config.json", "onnx/int8/model.onnx", "onnx/int8/model.onnx.data"]);
    }

    #[test]
    fn shards_and_their_index_are_named() {
        let all = [
            "config.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
        ];
        let dir = directory(&all);
        let index = dir.path().join("model.safetensors.index.json");
        assert_eq!(names(dir.path(), &WeightsFile::Safetensors(index)), all);
    }

    #[cfg(unix)]
    #[test]
    fn links_into_a_cache_are_followed() {
        let dir = directory(&["blobs/abc"]);
        std::fs::write(dir.path().join("blobs/abc"), "abc").unwrap();
        let snapshot = dir.path().join("snapshots").join("a".repeat(40));
        std::fs::create_dir_all(&snapshot).unwrap();
        std::os::unix::fs::symlink("../../blobs/abc", snapshot.join("config.json")).unwrap();
        let sum = sum(&snapshot, "config.json".into(), &Cancel::new()).unwrap();
        // FIPS 180-2, appendix B.1.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
        assert_eq!(sum, FileSum { name: "config.json".into(), bytes: 3, sha256 });
        assert_eq!(cache::commit_of_snapshot(&snapshot).map(|c| c.to_string()), Some("a".repeat(40)));
        assert_eq!(cache::commit_of_snapshot(dir.path()), None);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_a_stop_stops() {
        let dir = directory(&["config.json"]);
        let missing = sum(dir.path(), "gone.json".into(), &Cancel::new());
        assert!(matches!(missing, Err(FetchError::Io { .. })), "{missing:?}");
        let cancel = Cancel::new();
        cancel.cancel();
        assert!(matches!(sum(dir.path(), "config.json".into(), &cancel), Err(FetchError::Cancelled)));
    }
}
