//! The graph of a model in int8, quantised the first time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::calibration::{self, Observed, Texts};
use super::check;
use super::report::{Check, Report};
use super::store::Store;
use crate::engine::EngineError;
use crate::fetch::{Progress, Silent};
use crate::graph::int8::file::Quantised;
use crate::graph::int8::{Arithmetic, Int8Weights, Multiplier};
use crate::graph::{self, Graph, Request};
use crate::model::Model;
use crate::model::weights::{Access, Weights};
use crate::runtime::Runtime;

/// Settings of int8 besides the model.
#[derive(Clone)]
pub struct Int8Options {
    /// The cache of quantised weights; `None`: they are computed each time.
    pub cache: Option<PathBuf>,
    /// Texts like those that will come, by which the model is calibrated; `None`: built-in sentences.
    pub texts: Option<Arc<[String]>>,
    /// Notified when a model was quantised.
    pub progress: Arc<dyn Progress>,
}

impl Default for Int8Options {
    fn default() -> Self {
        Self { cache: None, texts: None, progress: Arc::new(Silent) }
    }
}

/// The graph of `request` with products in int8: its weights from the cache, or quantised now and put there.
pub(crate) fn graph(
    runtime: &Runtime,
    model: &Model,
    weights: &Weights,
    request: &Request,
    options: &Int8Options,
    access: Access,
) -> Result<Graph, EngineError> {
    crate::threads::start_pool().map_err(EngineError::Threads)?;
    let arithmetic = match request.kernels {
        Some(set) => Arithmetic::Own(Multiplier::of_set(set)),
        None => Arithmetic::BuiltIn(Multiplier::of_this_processor()),
    };
    let texts = Texts::new(model, request, options.texts.as_deref())?;
    let store =
        options.cache.as_deref().map(|cache| Store::new(cache, model, weights, request, &texts, arithmetic, access));
    if let Some(found) = store.as_ref().and_then(Store::find) {
        match graph::build_int8(&model.config, weights, request, &found.weights) {
            Ok(graph) => {
                tracing::info!("int8 weights from {}: {}", found.dir.display(), found.report.check);
                return Ok(graph);
            }
            Err(e) => tracing::warn!("{} is made anew: {e}", found.dir.display()),
        }
    }

    let start = Instant::now();
    let Observed { inputs, treatments, answers } =
        calibration::observe(runtime, model, weights, request, &texts, arithmetic)?;
    let quantised = Quantised::new(&inputs, &treatments, arithmetic.multiplier());
    drop(inputs);
    let staged = store.as_ref().and_then(|store| store.stage(&quantised));
    let int8 = match &staged {
        Some(staged) => staged.weights()?,
        None => in_memory(&quantised)?,
    };
    let graph = graph::build_int8(&model.config, weights, request, &int8)?;
    let check = check::check(runtime, &graph, request.output, &texts, &answers)?;
    let report = Report::new(request, &texts, arithmetic, check);
    options.progress.note(&summary(model, start, &report.check));
    let published = staged.and_then(|staged| staged.publish(&report));
    let int8 = match published {
        // The files have moved.
        Some(found) => found.weights,
        None => in_memory(&quantised)?,
    };
    Ok(graph::build_int8(&model.config, weights, request, &int8)?)
}

/// The graph of `request` in int8 for a file: its sums are exact on any processor, not on this one alone. The table of
/// words is in int8, too. Nothing is kept in the cache.
pub fn for_file(
    runtime: &Runtime,
    model: &Model,
    weights: &Weights,
    request: &Request,
    options: &Int8Options,
) -> Result<Graph, EngineError> {
    crate::threads::start_pool().map_err(EngineError::Threads)?;
    // What cannot be written fails before the work begins.
    graph::build(&model.config, weights, request).map_err(|e| e.of(&model.sentence.transformer))?;
    let start = Instant::now();
    let texts = Texts::new(model, request, options.texts.as_deref())?;
    // The operators between products do not change which inputs these have.
    let plain = Request { token_types: request.token_types, ..Request::of(request.output) };
    let Observed { inputs, treatments, answers } =
        calibration::observe(runtime, model, weights, &plain, &texts, Arithmetic::File)?;
    let mut int8 = in_memory(&Quantised::new(&inputs, &treatments, Arithmetic::File.multiplier()))?;
    int8.word_table = true;
    drop(inputs);
    let graph = graph::build_int8(&model.config, weights, request, &int8)?;
    let check = check::check(runtime, &graph, request.output, &texts, &answers)?;
    options.progress.note(&summary(model, start, &check));
    Ok(graph)
}

fn summary(model: &Model, start: Instant, check: &Check) -> String {
    format!("Quantised {} to int8 in {:.1} s: {check}", model.name, start.elapsed().as_secs_f64())
}

fn in_memory(quantised: &Quantised) -> Result<Int8Weights, EngineError> {
    let name = std::path::Path::new("int8 weights");
    let bytes = quantised.bytes().map_err(|source| graph_error(name, source))?;
    let read = Weights::from_bytes(name, &bytes).and_then(|file| Int8Weights::read(&file));
    Ok(read.map_err(graph::GraphError::from)?)
}

fn graph_error(path: &std::path::Path, source: std::io::Error) -> graph::GraphError {
    crate::model::weights::WeightsError::Io { path: path.to_owned(), source }.into()
}
