//! Which files a model consists of: what is fetched from a repository, and when a directory holds all of it.

use std::path::{Path, PathBuf};

use super::cache::is_known_absent;
use super::hub::RemoteFile;
use super::sentence::SentenceConfig;

/// The safetensors file of a model: in its directory, or in the transformer module's.
pub(super) fn safetensors_in(dir: &Path) -> Option<PathBuf> {
    ["", "0_Transformer"].iter().map(|sub| dir.join(sub).join("model.safetensors")).find(|path| path.is_file())
}

/// The files of a repository that infa needs: configuration in the root and in module directories, and what runs.
pub(super) fn wanted(files: &[RemoteFile], onnx: Option<&Path>) -> Vec<String> {
    let onnx = onnx.and_then(Path::to_str);
    let wanted = |name: &str| {
        let (dir, file) = name.rsplit_once('/').unwrap_or(("", name));
        // "1_Pooling", "2_Normalize", "0_Transformer": modules are numbered.
        let module = dir.is_empty() || (dir.starts_with(|c: char| c.is_ascii_digit()) && !dir.contains('/'));
        match onnx {
            // Weights of a large .onnx file lie beside it: model.onnx_data, model.onnx.data.
            Some(onnx) if name.starts_with(onnx) => true,
            None if module && file == "model.safetensors" => true,
            _ => module && file.ends_with(".json") && file != "model.safetensors.index.json",
        }
    };
    files.iter().map(|f| f.name.as_str()).filter(|name| wanted(name)).map(str::to_owned).collect()
}

/// Whether a directory holds all that infa would fetch. A snapshot that others made may lack modules.json although the
/// repository has it; only a note that the repository has none (`.no_exist`) makes it complete then.
pub(super) fn is_complete(dir: &Path, onnx: Option<&Path>) -> bool {
    let weights = match onnx {
        Some(onnx) => dir.join(onnx).is_file(),
        None => safetensors_in(dir).is_some(),
    };
    if !weights || !dir.join("config.json").is_file() && !dir.join("0_Transformer").is_dir() {
        return false;
    }
    match SentenceConfig::read(dir) {
        Ok(config) if dir.join("modules.json").is_file() => config.transformer.join("tokenizer.json").is_file(),
        Ok(_) => is_known_absent(dir, "modules.json") && dir.join("tokenizer.json").is_file(),
        // Unreadable files are an error to be told, not a reason to fetch them again and again.
        Err(_) => dir.join("1_Pooling").is_dir(),
    }
}
