//! An engine whose numbers are checked: vectors that are NaN, infinite or all zero become errors of their inputs.

use super::{Completed, Engine, EngineInfo, Job, JobResults, Output, Pending, Request, SubmitError, TextError};
use crate::batch::scheduler::Stats;
use crate::model::pooling;

/// An engine with its results checked. Engines of this process check their own. A Python process that fails fails each
/// input of the request; if it has ended, the errors say so.
pub struct Checked<E> {
    engine: E,
    /// The engine's name, put before its errors.
    name: String,
}

impl<E: Engine> Checked<E> {
    pub fn new(engine: E, name: String) -> Self {
        Self { engine, name }
    }
}

impl<E: Engine> Engine for Checked<E> {
    fn info(&self) -> &EngineInfo {
        self.engine.info()
    }

    fn submit(&self, request: Request) -> Result<Pending<Completed>, SubmitError> {
        let (count, name) = (request.inputs.len(), self.name.clone());
        let pending = self.engine.submit(request)?;
        Ok(Pending::fetched(async move {
            let completed = match pending.await {
                Ok(completed) => completed,
                Err(SubmitError::Python(error)) => {
                    let reason = format!("{name}: {error}");
                    let error = if error.is_final() { TextError::ended(reason) } else { TextError::internal(reason) };
                    let results = (0..count).map(|_| Err(error.clone())).collect();
                    return Ok(Completed { results, ..Completed::default() });
                }
                Err(error) => return Err(error),
            };
            let check = |result: Result<Output, TextError>| result.and_then(check).map_err(|error| error.about(&name));
            let results = completed.results.into_iter().map(check).collect();
            Ok(Completed { results, ..completed })
        }))
    }

    fn submit_job(&self, job: Job) -> Result<Pending<JobResults>, SubmitError> {
        self.engine.submit_job(job)
    }

    fn stats(&self) -> Stats {
        self.engine.stats()
    }

    fn in_flight(&self) -> usize {
        self.engine.in_flight()
    }

    fn changed(&self) -> Option<&str> {
        self.engine.changed()
    }
}

/// The output, if its numbers can be used.
fn check(output: Output) -> Result<Output, TextError> {
    match defect(&output) {
        Some(defect) => Err(TextError::unusable(defect)),
        None => Ok(output),
    }
}

/// The reason why an output cannot be used, if its numbers are one.
pub(super) fn defect(output: &Output) -> Option<&'static str> {
    let Output { embedding, sparse, token_vectors, logits, score, labels, .. } = output;
    let numbers =
        [sparse.as_ref().map(|(_, weights)| weights), token_vectors.as_ref().map(|(v, _)| v), logits.as_ref()];
    let scores = || score.iter().chain(labels.iter().flatten().map(|label| &label.score));
    let defect = embedding.as_deref().and_then(pooling::defect);
    let defect = defect.or_else(|| numbers.into_iter().flatten().find_map(|numbers| pooling::not_finite(numbers)));
    defect.or_else(|| scores().any(|score| !score.is_finite()).then_some("the score is not a finite number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Label, TextErrorKind};

    #[test]
    fn unusable_numbers_are_named() {
        let embedding = |vector: &[f32]| Output { embedding: Some(vector.to_vec()), ..Output::default() };
        let score = |score| Output { score: Some(score), ..Output::default() };
        let of = |index, score| Label { index, name: "a".into(), score };
        let label = |score| Output { labels: Some(vec![of(0, 0.5), of(1, score)]), ..Output::default() };
        for usable in [embedding(&[0.0, 1.0]), score(-3.0), label(0.0), Output::default()] {
            assert_eq!(check(usable.clone()), Ok(usable));
        }
        let logits = Output { logits: Some(vec![f32::INFINITY]), ..Output::default() };
        let sparse = Output { sparse: Some((vec![1], vec![f32::NAN])), ..Output::default() };
        let unusable =
            [embedding(&[f32::NAN]), embedding(&[0.0]), score(f64::NAN), label(f64::INFINITY), logits, sparse];
        for output in unusable {
            let error = check(output).err().map(|error| error.kind());
            assert_eq!(error, Some(TextErrorKind::Unusable));
        }
    }
}
