//! A checkpoint in several safetensors files, with an index of the file of each tensor.
//!
//! `model.safetensors.index.json` is `{"metadata": …, "weight_map": {tensor: file}}`; files lie beside it. Source:
//! `transformers`, `save_pretrained(max_shard_size=…)`. An index is untrusted and may name any file: only names below
//! its directory are followed, and every listed tensor must be in its file.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checkpoint::{Shard, Weights};
use super::{Access, WeightsError};
use crate::fetch::names;
use crate::regular_file;

const INDEX_SUFFIX: &str = ".safetensors.index.json";
/// An index has some 100 bytes a tensor: this is for 300,000 of them.
const MAX_INDEX_BYTES: u64 = 32 << 20;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Weights {
    /// Maps the checkpoint at `path`: a safetensors file, the index of several (`*.safetensors.index.json`), or any one
    /// of several without an index (`*-00001-of-00002.safetensors`); all of them must exist.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        Self::open_by(path, Access::Map)
    }

    /// As [`Weights::open`], its files mapped or copied.
    pub fn open_by(path: &Path, access: Access) -> Result<Self, WeightsError> {
        open(path, access)
    }
}

/// Opens a checkpoint; see [`Weights::open`].
pub(super) fn open(path: &Path, access: Access) -> Result<Weights, WeightsError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.ends_with(INDEX_SUFFIX) {
        return indexed(path, access);
    }
    match ShardName::parse(name) {
        Some(shard) => {
            let wanted_by = format!("{name} says that it is one of {}", shard.total);
            let files = (1..=shard.total).map(|number| path.with_file_name(shard.numbered(number)));
            together(path, files, &wanted_by, access)
        }
        None => together(path, [path.to_owned()], "", access),
    }
}

/// True if all files of the checkpoint at `path` exist. An unreadable index counts as complete.
pub(in crate::model) fn is_complete(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(shard) = ShardName::parse(name) {
        return (1..=shard.total).all(|number| path.with_file_name(shard.numbered(number)).is_file());
    }
    if !name.ends_with(INDEX_SUFFIX) {
        return true;
    }
    let Ok(index) = Index::read(path) else { return true };
    index.files(path).map_or(true, |files| files.values().all(|file| file.is_file()))
}

impl Index {
    fn read(path: &Path) -> Result<Self, WeightsError> {
        let io = |source| WeightsError::Io { path: path.to_owned(), source };
        let refuse = |reason: String| WeightsError::Index { path: path.to_owned(), reason };
        let text = match regular_file::read(path, MAX_INDEX_BYTES) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::FileTooLarge) => {
                return Err(refuse(e.to_string()));
            }
            Err(e) => return Err(io(e)),
        };
        let index: Self = serde_json::from_slice(&text).map_err(|e| refuse(e.to_string()))?;
        if index.weight_map.is_empty() {
            return Err(refuse("its weight_map is empty".into()));
        }
        Ok(index)
    }

    /// The files it names, by the names it gives them.
    fn files(&self, path: &Path) -> Result<BTreeMap<&str, PathBuf>, WeightsError> {
        let dir = path.parent().unwrap_or(Path::new(""));
        let mut files = BTreeMap::new();
        for (tensor, file) in &self.weight_map {
            if !files.contains_key(file.as_str()) {
                let relative = names::relative(file).map_err(|reason| WeightsError::Index {
                    path: path.to_owned(),
                    reason: format!("the file {file:?} of tensor \"{tensor}\" cannot be used: {reason}"),
                })?;
                files.insert(file.as_str(), dir.join(relative));
            }
        }
        Ok(files)
    }
}

fn indexed(path: &Path, access: Access) -> Result<Weights, WeightsError> {
    let index = Index::read(path)?;
    let files = index.files(path)?;
    let wanted_by = format!("{} names it", path.display());
    let mut shards = Vec::with_capacity(files.len());
    let mut numbers = HashMap::with_capacity(files.len());
    for (name, file) in files {
        numbers.insert(name, shards.len());
        shards.push(open_shard(&file, &wanted_by, access)?);
    }
    let mut homes = HashMap::with_capacity(index.weight_map.len());
    for (tensor, file) in &index.weight_map {
        let home = numbers[file.as_str()];
        if shards[home].metadata.info(tensor).is_none() {
            let path = (shards[home].path.clone(), path.to_owned());
            return Err(WeightsError::NotInShard { path: path.0, name: tensor.clone(), index: path.1 });
        }
        homes.insert(tensor.clone(), home);
    }
    Ok(Weights { path: path.to_owned(), shards, homes, adapter: None })
}

fn together(
    path: &Path,
    files: impl IntoIterator<Item = PathBuf>,
    wanted_by: &str,
    access: Access,
) -> Result<Weights, WeightsError> {
    let mut weights = Weights { path: path.to_owned(), shards: Vec::new(), homes: HashMap::new(), adapter: None };
    for file in files {
        let shard = open_shard(&file, wanted_by, access)?;
        for tensor in shard.metadata.tensors().into_keys() {
            if let Some(other) = weights.homes.get(&tensor) {
                let reason = format!("tensor \"{tensor}\" is in {} as well", weights.shards[*other].path.display());
                return Err(WeightsError::Malformed { path: file, reason });
            }
            weights.homes.insert(tensor, weights.shards.len());
        }
        weights.shards.push(shard);
    }
    Ok(weights)
}

/// Opens one of the files; `wanted_by` names the index or pattern it belongs to.
fn open_shard(path: &Path, wanted_by: &str, access: Access) -> Result<Shard, WeightsError> {
    match Shard::open(path, access) {
        Err(WeightsError::Io { path, source })
            if source.kind() == std::io::ErrorKind::NotFound && !wanted_by.is_empty() =>
        {
            Err(WeightsError::MissingShard { path, wanted_by: wanted_by.to_owned() })
        }
        result => result,
    }
}

/// The name of one file of several: `model-00001-of-00003.safetensors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) struct ShardName<'a> {
    pub stem: &'a str,
    /// Its number, from 1.
    pub number: usize,
    pub total: usize,
}

impl<'a> ShardName<'a> {
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let (rest, total) = name.strip_suffix(".safetensors")?.rsplit_once("-of-")?;
        let (stem, number) = rest.rsplit_once('-')?;
        let parse = |digits: &str| {
            (digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
        };
        let (number, total) = (parse(number)?, parse(total)?);
        (1..=total).contains(&number).then_some(Self { stem, number, total })
    }

    fn numbered(self, number: usize) -> String {
        format!("{}-{number:05}-of-{:05}.safetensors", self.stem, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shards() {
        let name = ShardName::parse("model-00002-of-00003.safetensors");
        assert_eq!(name, Some(ShardName { stem: "model", number: 2, total: 3 }));
        assert_eq!(name.map(|n| n.numbered(1)).as_deref(), Some("model-00001-of-00003.safetensors"));
        for name in [
            "model.safetensors",
            "model-00004-of-00003.safetensors",
            "model-00000-of-00003.safetensors",
            "model-1-of-3.safetensors",
            "model-00001-of-000003.safetensors",
            "model-+0001-of-00003.safetensors",
            "model-00001-of-00003.bin",
        ] {
            assert_eq!(ShardName::parse(name), None, "{name}");
        }
    }
}
