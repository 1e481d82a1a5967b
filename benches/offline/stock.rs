//! The baseline: stock ONNX Runtime on the exported graph, padded batches.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use infa::parts::model::pooling;
use infa::parts::output::{self, Destination, Format, Numbers, Row, Shape, Vector};
use infa::parts::runtime::Runtime;
use ort::session::Session;
use ort::value::TensorRef;

use crate::workload::{read_model, read_texts, tokenize};

/// Which graph, and in which order texts go through it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The export
    Float32,
    /// The export, texts sorted by length
    Float32Sorted,
    /// What quantize_dynamic made of it
    Int8,
    /// The same, texts sorted by length
    Int8Sorted,
}

impl Kind {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(crate) fn is_int8(self) -> bool {
        matches!(self, Self::Int8 | Self::Int8Sorted)
    }

    fn is_sorted(self) -> bool {
        matches!(self, Self::Float32Sorted | Self::Int8Sorted)
    }
}

/// How a baseline computes.
pub(crate) struct Options {
    pub kind: Kind,
    pub threads: usize,
    pub batch: usize,
}

/// Embeds the texts of a file, and tells the times on stderr in the words of `infa embed`.
pub(crate) fn work(dir: &Path, texts: &Path, output: &Path, options: Options) -> Result<()> {
    let start = Instant::now();
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from).context("ORT_DYLIB_PATH")?;
    let runtime = Runtime::load(&library)?;
    let model = read_model(dir)?;
    let graph = if options.kind.is_int8() { "onnx/stock-int8.onnx" } else { "onnx/stock.onnx" };
    let mut session = Session::builder(runtime.environment())?
        .with_intra_threads(options.threads)
        .map_err(|e| anyhow::anyhow!("{e}"))?
        .commit_from_file(dir.join(graph))?;
    let loaded = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let tokens = tokenize(&model, &read_texts(texts)?)?;
    let mut order: Vec<usize> = (0..tokens.len()).collect();
    if options.kind.is_sorted() {
        order.sort_by_key(|&i| std::cmp::Reverse(tokens[i].len()));
    }
    let pooling = model.pooling(None)[0];
    let mut vectors = vec![Vec::new(); tokens.len()];
    for batch in order.chunks(options.batch) {
        let longest = batch.iter().map(|&i| tokens[i].len()).max().unwrap_or(0);
        let shape = [batch.len(), longest];
        let mut ids = vec![0i64; batch.len() * longest];
        let mut mask = ids.clone();
        for (row, &i) in batch.iter().enumerate() {
            let at = row * longest;
            ids[at..at + tokens[i].len()].copy_from_slice(&tokens[i]);
            mask[at..at + tokens[i].len()].fill(1);
        }
        let types = vec![0i64; ids.len()];
        let outputs = session.run(ort::inputs! {
            "input_ids" => TensorRef::from_array_view((shape, &*ids))?,
            "attention_mask" => TensorRef::from_array_view((shape, &*mask))?,
            "token_type_ids" => TensorRef::from_array_view((shape, &*types))?,
        })?;
        let (shape, numbers) = outputs["last_hidden_state"].try_extract_tensor::<f32>()?;
        let hidden = usize::try_from(shape[2])?;
        for (row, &i) in batch.iter().enumerate() {
            let own = &numbers[row * longest * hidden..][..tokens[i].len() * hidden];
            pooling.pool(own, hidden, 0, &mut vectors[i]);
            pooling::normalize(&mut vectors[i]);
        }
    }
    write(&vectors, &tokens, output)?;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("Embedded in {seconds:.4} s: (model loaded in {loaded:.4} s)");
    Ok(())
}

fn write(vectors: &[Vec<f32>], tokens: &[Vec<i64>], output: &Path) -> Result<()> {
    let dimensions = vectors.first().map_or(0, Vec::len);
    let mut writer = output::open(Format::Jsonl, &Destination::File(output.into()), Shape::Dense(dimensions), None)?;
    for (index, (vector, tokens)) in (0..).zip(vectors.iter().zip(tokens)) {
        let vector = Vector { embedding: Numbers::Dense(vector), tokens: Some(tokens.len()), truncated: Some(false) };
        writer.write(&Row { index, id: None, kept: &[], outcome: Ok(vector) })?;
    }
    Ok(writer.finish()?)
}
