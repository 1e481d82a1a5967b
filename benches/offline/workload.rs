//! The texts: how much work they are, and what their vectors should be.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use infa::parts::fetch::Context;
use infa::parts::model::Model;
use infa::parts::model::cache::HubEnv;
use infa::parts::model::source::Request;
use infa::parts::model::tokenizer::Truncate;
use infa::parts::runtime::install;
use rayon::prelude::*;
use serde::Deserialize;

/// Largest difference of any number of any vector from stock's in float32: other operators, other order of additions.
const TOLERANCE: f32 = 1e-4;

/// Texts for a model.
pub(crate) struct Workload {
    pub texts: usize,
    /// With special tokens, cut to the model's limit.
    pub tokens: usize,
    /// Arithmetic of a BERT over them (a multiplication and an addition are two): the products of all layers with
    /// their weights, and attention. Whoever computes the last layer for the CLS token alone does less.
    pub gflop: f64,
}

/// How near vectors are to those of stock float32.
#[derive(Clone, Copy, Default)]
pub(crate) struct Agreement {
    /// Largest difference of any number.
    pub worst: f32,
    /// Cosine: smallest, and mean.
    pub cosine: (f64, f64),
}

/// A line of output, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    embedding: Vec<f32>,
    tokens: usize,
}

impl Workload {
    pub(crate) fn read(model: &Path, texts: &Path) -> Result<Self> {
        let model = read_model(model)?;
        let lengths: Vec<usize> = tokenize(&model, &read_texts(texts)?)?.iter().map(Vec::len).collect();
        let number = |key: &str| model.config[key].as_f64().with_context(|| format!("config.json: {key}"));
        let layers = number("num_hidden_layers")?;
        let (hidden, inner) = (number("hidden_size")?, number("intermediate_size")?);
        let tokens: usize = lengths.iter().sum();
        let squares: f64 = lengths.iter().map(|&n| (n * n) as f64).sum();
        let products = tokens as f64 * 2.0 * (4.0 * hidden * hidden + 2.0 * hidden * inner);
        let gflop = layers * (products + squares * 4.0 * hidden) / 1e9;
        Ok(Self { texts: lengths.len(), tokens, gflop })
    }

    /// The vectors in a file of JSON lines, which must hold all texts whole.
    pub(crate) fn vectors(&self, file: &Path) -> Result<Vec<Vec<f32>>> {
        let lines = fs::read_to_string(file)?;
        let lines: Vec<&str> = lines.lines().collect();
        let rows: Vec<Line> = lines.par_iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>()?;
        let tokens: usize = rows.iter().map(|row| row.tokens).sum();
        ensure!(rows.len() == self.texts, "{} vectors instead of {}", rows.len(), self.texts);
        ensure!(tokens == self.tokens, "{tokens} tokens instead of {}", self.tokens);
        Ok(rows.into_iter().map(|row| row.embedding).collect())
    }

    /// How near the vectors in `file` are to `reference`; with `exact` an error if one is not the same.
    pub(crate) fn compare(&self, reference: &[Vec<f32>], file: &Path, exact: bool) -> Result<Agreement> {
        let mut worst = 0f32;
        let mut cosines = Vec::new();
        for (i, (a, b)) in reference.iter().zip(self.vectors(file)?).enumerate() {
            let difference = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let same = a.len() == b.len() && (!exact || difference <= TOLERANCE);
            ensure!(same, "the vector of text {i} differs by {difference:e}");
            worst = worst.max(difference);
            cosines.push(cosine(a, &b));
        }
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        Ok(Agreement { worst, cosine: (cosines.into_iter().fold(1.0, f64::min), mean) })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} texts, {} tokens, {:.0} GFLOP", self.texts, self.tokens, self.gflop)
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

pub(crate) fn read_texts(file: &Path) -> Result<Vec<String>> {
    let texts = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(texts.lines().map(String::from).collect())
}

pub(crate) fn tokenize(model: &Model, texts: &[String]) -> Result<Vec<Vec<i64>>> {
    let length = model.sentence.max_seq_length.unwrap_or(512);
    texts.par_iter().map(|text| Ok(model.tokenizer.encode(text, length, Truncate::Right)?.ids)).collect()
}

pub(crate) fn read_model(dir: &Path) -> Result<Model> {
    let request = Request {
        model_id: dir.display().to_string(),
        revision: None,
        onnx_file: None,
        cache: PathBuf::new(),
        python: install::python(),
    };
    Ok(Model::read(request.resolve(HubEnv::from_env(), &Context::silent())?)?)
}
