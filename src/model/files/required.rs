//! The files of a model: those that are fetched from a repository, and whether a directory has them all.

use std::path::{Path, PathBuf};

use super::sentence::{Encoder, SentenceConfig};
use crate::model::hub::RemoteFile;
use crate::model::hub::cache::is_known_absent;
use crate::model::text::tokenizer::{self, VOCABULARY_FILES};
use crate::model::weights::shards::{self, ShardName};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Weights of modules beside the transformer, as `torch.save` writes them.
const TORCH: &str = "pytorch_model.bin";
/// The heads of BGE-M3 (torch's files are those it is published with), and the settings of Stanford's ColBERT.
const EXTRAS: [&str; 5] = [
    "sparse_linear.pt",
    "colbert_linear.pt",
    "sparse_linear.safetensors",
    "colbert_linear.safetensors",
    crate::model::tasks::late_interaction::stanford::METADATA,
];

/// The weights of a model, in its directory or in that of its first module: one safetensors file, the index of
/// several, or the first of several without an index.
pub(crate) fn safetensors_in(dir: &Path) -> Option<PathBuf> {
    let module = SentenceConfig::read(dir).ok().map(|config| config.transformer);
    [Some(dir.to_owned()), module, Some(dir.join("0_Transformer"))].iter().flatten().find_map(|dir| checkpoint_in(dir))
}

fn checkpoint_in(dir: &Path) -> Option<PathBuf> {
    let named = [SINGLE, INDEX].iter().map(|name| dir.join(name)).find(|path| path.is_file());
    named.or_else(|| {
        let entries = std::fs::read_dir(dir).ok()?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| is_shard(name)).min().map(|name| dir.join(name))
    })
}

fn is_shard(name: &str) -> bool {
    ShardName::parse(name).is_some_and(|shard| shard.stem == "model")
}

/// The files of a repository that infa needs: configuration in the root and in module directories, and what runs.
pub(crate) fn wanted(files: &[RemoteFile], onnx: Option<&Path>) -> Vec<String> {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    wanted_of(&names, onnx)
}

/// As [`wanted`], by the files' names: paths from the model's directory, with slashes.
pub(crate) fn wanted_of(names: &[&str], onnx: Option<&Path>) -> Vec<String> {
    let onnx = onnx.and_then(Path::to_str);
    let has = |dir: &str, file: &str| {
        names.iter().any(|name| name.strip_suffix(file).is_some_and(|rest| rest.trim_end_matches('/') == dir))
    };
    let wanted = |name: &str| {
        let (dir, file) = name.rsplit_once('/').unwrap_or(("", name));
        // "1_Pooling", "2_Dense", "0_Transformer": modules are numbered.
        let module = dir.is_empty() || (dir.starts_with(|c: char| c.is_ascii_digit()) && !dir.contains('/'));
        // Modules after the first need their weights even if ONNX runs the first.
        let first = dir.is_empty() || dir.starts_with("0_");
        match file {
            // Weights of a large .onnx file lie beside it: model.onnx_data, model.onnx.data.
            _ if onnx.is_some_and(|onnx| name.starts_with(onnx)) => true,
            _ if !module => false,
            SINGLE => onnx.is_none() || !first,
            INDEX => onnx.is_none() && !has(dir, SINGLE),
            TORCH => !first && !has(dir, SINGLE),
            _ if VOCABULARY_FILES.contains(&file) => !has(dir, "tokenizer.json"),
            _ if is_shard(file) => onnx.is_none() && !has(dir, SINGLE),
            _ if EXTRAS.contains(&file) => dir.is_empty(),
            // Includes adapter_config.json, which describes an adapter without weights.
            _ => file.ends_with(".json") && !file.ends_with(".index.json"),
        }
    };
    names.iter().filter(|name| wanted(name)).map(|&name| name.to_owned()).collect()
}

/// True if a directory holds all files that infa would fetch. A snapshot by another program may lack modules.json
/// although the repository has it; it is complete only with a note that the repository has none (`.no_exist`).
pub(crate) fn is_complete(dir: &Path, onnx: Option<&Path>) -> bool {
    let weights = match onnx {
        Some(onnx) => dir.join(onnx).is_file(),
        None => safetensors_in(dir).is_some_and(|path| shards::is_complete(&path)),
    };
    if !weights {
        return false;
    }
    let modules = dir.join("modules.json").is_file();
    match SentenceConfig::read(dir) {
        Ok(config) => {
            let configured = config.encoder == Encoder::Static
                || dir.join("config.json").is_file()
                || config.transformer.join("config.json").is_file();
            configured
                && (modules || is_known_absent(dir, "modules.json"))
                && tokenizer::file_in(&config.transformer).is_file()
                && config.is_complete()
        }
        // Unreadable files are an error, not a reason to fetch them again and again.
        Err(_) => dir.join("1_Pooling").is_dir(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted_of(names: &[&str], onnx: Option<&str>) -> Vec<String> {
        super::wanted_of(names, onnx.map(Path::new))
    }

    #[test]
    fn shards_only_where_there_is_no_single_file() {
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", INDEX];
        assert_eq!(wanted_of(&shards, None), shards);
        assert_eq!(wanted_of(&[&shards[..], &[SINGLE]].concat(), None), [SINGLE]);
        assert!(wanted_of(&shards, Some("onnx/model.onnx")).is_empty());
        assert!(
            wanted_of(&["consolidated-00001-of-00002.safetensors", "pytorch_model.bin.index.json"], None).is_empty()
        );
    }

    #[test]
    fn vocabularies_only_where_there_is_no_tokenizer_json() {
        let old = ["vocab.txt", "vocab.json", "merges.txt", SINGLE];
        assert_eq!(wanted_of(&old, None), old);
        assert_eq!(wanted_of(&["vocab.txt", "tokenizer.json", "merges.txt"], None), ["tokenizer.json"]);
    }

    #[test]
    fn weights_of_modules_beside_the_first() {
        let names = ["pytorch_model.bin", "0_Transformer/pytorch_model.bin", "2_Dense/pytorch_model.bin"];
        assert_eq!(wanted_of(&names, None), ["2_Dense/pytorch_model.bin"]);
        assert_eq!(wanted_of(&names, Some("model.onnx")), ["2_Dense/pytorch_model.bin"]);
        let both = ["2_Dense/model.safetensors", "2_Dense/pytorch_model.bin", "12_Dense/model.safetensors", SINGLE];
        assert_eq!(wanted_of(&both, None), ["2_Dense/model.safetensors", "12_Dense/model.safetensors", SINGLE]);
        assert_eq!(wanted_of(&both, Some("x.onnx")), ["2_Dense/model.safetensors", "12_Dense/model.safetensors"]);
    }
}
