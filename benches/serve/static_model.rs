//! A model that computes next to nothing: what is left is HTTP, tokenising, and writing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fastrand::Rng;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::Value as Json;

/// Numbers of a vector, as of the small models that most people run.
const WIDTH: usize = 384;

/// Random static embeddings for the tokenizer of the model at `like`, in a directory of their own below `folder`.
pub(crate) fn write(like: &Path, folder: &Path) -> Result<PathBuf> {
    let tokenizer = like.join("tokenizer.json");
    let text = fs::read(&tokenizer).with_context(|| tokenizer.display().to_string())?;
    let vocabulary: Json = serde_json::from_slice(&text)?;
    let ids = vocabulary["model"]["vocab"].as_object().context("tokenizer.json: no vocabulary of words")?;
    let added = vocabulary["added_tokens"].as_array().into_iter().flatten().filter_map(|token| token["id"].as_u64());
    let largest = ids.values().filter_map(Json::as_u64).chain(added).max().context("tokenizer.json: no tokens")?;
    let rows = usize::try_from(largest)? + 1;

    let dir = folder.join("static");
    fs::create_dir_all(&dir)?;
    fs::copy(&tokenizer, dir.join("tokenizer.json"))?;
    let module = |index: usize, path: &str, class: &str| {
        let class = format!("sentence_transformers.models.{class}");
        serde_json::json!({"idx": index, "name": index.to_string(), "path": path, "type": class})
    };
    let modules = [module(0, "", "StaticEmbedding"), module(1, "1_Normalize", "Normalize")];
    fs::write(dir.join("modules.json"), serde_json::to_vec(&modules)?)?;
    fs::create_dir_all(dir.join("1_Normalize"))?;
    let mut random = Rng::with_seed(7);
    let numbers: Vec<f32> = (0..rows * WIDTH).map(|_| random.f32() - 0.5).collect();
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let table = TensorView::new(Dtype::F32, vec![rows, WIDTH], &bytes)?;
    serialize_to_file([("embedding.weight", table)], None, &dir.join("model.safetensors"))?;
    Ok(dir)
}
