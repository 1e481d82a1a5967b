//! The quality of int8 weights: their answers beside those of f32, on texts they were not calibrated by.

use super::answer::Answer;
use super::calibration::Texts;
use super::report::Check;
use crate::engine::EngineError;
use crate::engine::local::run::Interface;
use crate::engine::local::run::run_all;
use crate::graph::{Graph, Output, Precision};
use crate::runtime::{Runtime, SessionOptions};

/// Runs `graph` over the texts of the check, to which f32 gave `answers`.
pub(super) fn check(
    runtime: &Runtime,
    graph: &Graph,
    request: Output,
    texts: &Texts,
    answers: &[Answer],
) -> Result<Check, EngineError> {
    let interface = Interface::built(graph, Precision::Float32);
    let shared = runtime.share(graph.initializers.clone())?;
    let mut session = runtime.session(graph, &shared, SessionOptions::default())?;
    let (mut cosines, mut difference) = (Vec::new(), None::<f32>);
    for (tokens, answer) in texts.check.iter().zip(answers) {
        let ours =
            run_all(&mut session, &interface, tokens, |outputs| Answer::new(outputs[0].0, outputs[0].1, request))?;
        match (ours, answer) {
            (Answer::Vector(ours), Answer::Vector(theirs)) => cosines.push(cosine(&ours, theirs)),
            (Answer::Logits(ours), Answer::Logits(theirs)) => {
                let largest = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                difference = Some(difference.unwrap_or(0.0).max(largest));
            }
            _ => {}
        }
    }
    let mean = (!cosines.is_empty()).then(|| cosines.iter().sum::<f64>() / cosines.len() as f64);
    Ok(Check {
        texts: texts.check.len(),
        cosine_mean: mean,
        cosine_min: cosines.into_iter().min_by(f64::total_cmp),
        logit_difference: difference,
    })
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE)
}
