//! A model's activations on a few texts: what decides how its inputs are treated, and its answers in f32.

use std::sync::Arc;

use rayon::prelude::*;

use super::answer::Answer;
use crate::engine::EngineError;
use crate::engine::local::run::Interface;
use crate::engine::local::run::run_all;
use crate::graph::int8::plan::Ranges;
use crate::graph::int8::{Arithmetic, Input, Treatment};
use crate::graph::{self, GraphError, Output, Request};
use crate::model::tokenizer::{Tokens, Truncate};
use crate::model::weights::Weights;
use crate::model::{Model, Setting, SettingError};
use crate::runtime::{Runtime, SessionOptions};

/// Sentences and queries of many kinds, one a line, by which a model is calibrated.
pub(crate) const SENTENCES: &str = include_str!("calibration.txt");
/// Other sentences, on which its quality is measured.
const CHECK: &str = include_str!("check.txt");

/// Longest text in tokens.
const MAX_TOKENS: usize = 256;
/// Maximum number of the user's texts.
pub(crate) const MAX_CALIBRATION_TEXTS: usize = 512;
/// Fewer of them than this are joined by built-in sentences.
const MIN_OWN_TEXTS: usize = 32;
/// One of this many of the user's texts is for the check.
const EVERY: usize = 4;

/// Texts to calibrate by, and other texts to measure the quality on, as tokens.
pub(super) struct Texts {
    pub calibration: Vec<Tokens>,
    pub check: Vec<Tokens>,
    pub own: bool,
    /// The user's texts to calibrate by, or all built-in ones.
    pub given: usize,
}

impl Texts {
    /// The user's texts, or the built-in ones.
    ///
    /// # Errors
    /// [`EngineError::Setting`] if no text of the user's has tokens.
    pub(crate) fn new(model: &Model, request: &Request, own: Option<&[String]>) -> Result<Self, EngineError> {
        let pairs = matches!(request.output, Output::Logits | Output::Answer(_));
        let tokenize = |texts: &[&str]| tokenize(model, texts, pairs);
        let built_in = |texts: &'static str| tokenize(&texts.lines().collect::<Vec<_>>());
        let Some(own) = own else {
            let calibration = built_in(SENTENCES);
            return Ok(Self { given: calibration.len(), calibration, check: built_in(CHECK), own: false });
        };
        let own: Vec<&str> = own.iter().map(String::as_str).take(MAX_CALIBRATION_TEXTS).collect();
        // Few texts are all needed for calibration.
        let apart = |i: usize| own.len() >= 2 * EVERY && i % EVERY == EVERY - 1;
        let pick = |checks: bool| -> Vec<&str> {
            own.iter().enumerate().filter(|&(i, _)| apart(i) == checks).map(|(_, &text)| text).collect()
        };
        let (calibration, check) = (tokenize(&pick(false)), tokenize(&pick(true)));
        if calibration.is_empty() {
            return Err(SettingError::new(Setting::Calibrate, "none of its texts has tokens").into());
        }
        let given = calibration.len();
        // The fewer they are, the less they say of what else may come.
        let more = built_in(SENTENCES).into_iter().take(MIN_OWN_TEXTS.saturating_sub(calibration.len()));
        let calibration = calibration.into_iter().chain(more).collect();
        let check = if check.is_empty() { built_in(CHECK) } else { check };
        Ok(Self { calibration, check, own: true, given })
    }
}

/// The tokens of `texts`; of each with the next, for a model that judges `pairs`. Texts that cannot be tokenised are
/// left out.
fn tokenize(model: &Model, texts: &[&str], pairs: bool) -> Vec<Tokens> {
    let most = [Some(MAX_TOKENS), model.sentence.max_seq_length, graph::positions_of(&model.config)];
    let most = most.into_iter().flatten().min().unwrap_or(MAX_TOKENS);
    let vocabulary = model.config.get("vocab_size").and_then(serde_json::Value::as_i64).unwrap_or(i64::MAX);
    let encode = |i: usize| {
        let next = texts[(i + 1) % texts.len()];
        let tokens = match pairs {
            true => model.tokenizer.encode_pair(texts[i], next, most, Truncate::Right),
            false => model.tokenizer.encode(texts[i], most, Truncate::Right),
        };
        tokens.ok().filter(|tokens| !tokens.ids.is_empty() && tokens.ids.iter().all(|&id| id < vocabulary))
    };
    (0..texts.len()).filter_map(encode).collect()
}

pub(super) struct Observed {
    pub inputs: Vec<Input>,
    pub treatments: Vec<Treatment>,
    /// The f32 model's answers to the texts of the check.
    pub answers: Vec<Answer>,
}

/// Runs the model in f32 over the texts.
pub(super) fn observe(
    runtime: &Runtime,
    model: &Model,
    weights: &Weights,
    request: &Request,
    texts: &Texts,
    arithmetic: Arithmetic,
) -> Result<Observed, EngineError> {
    let (graph, inputs) =
        graph::build_watched(&model.config, weights, request).map_err(|e| e.of(&model.sentence.transformer))?;
    let matrices = inputs.par_iter().flat_map(|input| &input.matrices);
    if let Some(matrix) = matrices.find_any(|matrix| matrix.data.as_slice().iter().any(|x| !x.is_finite())) {
        return Err(GraphError::NotFinite(matrix.name.clone()).into());
    }
    let interface = Interface::built(&graph, request.precision);
    let shared = runtime.share(graph.initializers.clone())?;
    // All threads in one operator: there is one text at a time.
    let options = SessionOptions { intra_threads: rayon::current_num_threads(), ..SessionOptions::default() };
    let mut session = runtime.session(&graph, &Arc::clone(&shared), options)?;
    let mut ranges = Ranges::new(inputs.clone());
    for tokens in &texts.calibration {
        run_all(&mut session, &interface, tokens, |outputs| ranges.add(&numbers(outputs)))?;
    }
    let mut noise = ranges.treatments(arithmetic);
    // Half of them decide which treatment is best.
    for tokens in texts.calibration.iter().step_by(2) {
        run_all(&mut session, &interface, tokens, |outputs| noise.add(&numbers(outputs)))?;
    }
    let answers = texts.check.iter().map(|tokens| {
        run_all(&mut session, &interface, tokens, |outputs| Answer::new(outputs[0].0, outputs[0].1, request.output))
    });
    Ok(Observed { answers: answers.collect::<Result<_, _>>()?, treatments: noise.best(), inputs })
}

/// The outputs after the first: the inputs of products.
fn numbers<'a>(outputs: &[(&[i64], &'a [f32])]) -> Vec<&'a [f32]> {
    outputs[1..].iter().map(|&(_, numbers)| numbers).collect()
}
