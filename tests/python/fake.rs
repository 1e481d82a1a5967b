//! Workers with pretended libraries.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use infa::parts::engine::PythonError;
use infa::parts::engine::python::{PythonOptions, Worker};
use tempfile::TempDir;

/// One of the interpreters beside this file.
pub(crate) fn python(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/bin").join(name)
}

/// A directory that passes for a model's.
pub(crate) struct Model {
    /// It, and the cache.
    root: TempDir,
    pub dir: PathBuf,
}

/// A model of this name; what is to go wrong when it is loaded, the name says.
pub(crate) fn model(name: &str) -> Model {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(name);
    std::fs::create_dir(&dir).unwrap();
    let model = Model { root, dir };
    model.file("model.safetensors", "");
    model.file("config.json", r#"{"architectures": ["BertForSequenceClassification"], "hidden_size": 4}"#);
    model
}

impl Model {
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    /// What `spec` is started with.
    pub(crate) fn options(&self, spec: &str) -> PythonOptions {
        PythonOptions {
            python: Some(python("python")),
            ..PythonOptions::new(spec.parse().unwrap(), self.dir.clone(), self.cache())
        }
    }

    pub(crate) async fn start(&self, spec: &str) -> Result<Worker, PythonError> {
        Worker::start(&self.options(spec)).await
    }
}

/// A worker of `torch`, and its model.
pub(crate) async fn torch() -> (Worker, Model) {
    let model = model("model");
    (model.start("torch").await.unwrap(), model)
}

/// The vector that the pretended library gives a text.
pub(crate) fn vector(text: &str) -> Vec<f32> {
    let sum: u64 = text.bytes().map(u64::from).sum();
    vec![text.len() as f32, sum as f32, (sum as f64 / 3.0) as f32, 1e-40]
}

/// Waits until no process has this id, or only what is left of one.
pub(crate) fn gone(id: u32) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    // SAFETY: signal 0 asks whether the process is there, and sends nothing.
    let there = || unsafe { libc::kill(id as i32, 0) } == 0;
    let waits_to_be_read = || {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
    };
    while Instant::now() < end {
        if !there() || waits_to_be_read() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
