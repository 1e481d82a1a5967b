//! An engine's vectors against what people know of the texts.

use super::inputs::Truth;
use crate::commands::Error;
use crate::compare::engines::EngineOnTexts;
use crate::compare::quality::{Cancelled, RetrievalTask, Retrieved, StsScores, StsTask};
use crate::compare::vectors::VectorSet;
use crate::fetch::Cancel;
use crate::model::Model;
use crate::model::similarity::Similarity;

/// An engine's graded results at a task.
pub(super) enum Graded {
    Sts(StsScores),
    Retrieval(Retrieved),
}

impl From<Cancelled> for Error {
    fn from(_: Cancelled) -> Self {
        Self::Interrupted
    }
}

/// Notes how good the vectors of `engine` are, and whether they are better than those of the reference.
pub(super) fn grade(
    truth: &Truth,
    model: Option<&Model>,
    set: &VectorSet,
    reference: Option<&Graded>,
    engine: &mut EngineOnTexts,
    cancel: &Cancel,
) -> Result<Option<Graded>, Error> {
    let similarity = match (truth, model) {
        (Truth::Unknown, _) => return Ok(None),
        (_, Some(model)) => {
            Similarity::read(&model.dir).map_err(crate::engine::EngineError::from).map_err(Error::from)?
        }
        (_, None) => Similarity::default(),
    };
    match truth {
        Truth::Unknown => Ok(None),
        Truth::Pairs { gold, pairs } => {
            let task = StsTask { gold, pairs, similarity };
            let scores = task.score(set);
            let reference = match reference {
                Some(Graded::Sts(reference)) => Some(reference),
                _ => None,
            };
            engine.sts = Some(task.report(&scores, reference, cancel)?);
            Ok(Some(Graded::Sts(scores)))
        }
        Truth::Judgements { queries, documents, query_ids, document_ids, judgements } => {
            let (queries, documents) = (queries.clone(), documents.clone());
            let task = RetrievalTask { queries, documents, query_ids, document_ids, judgements, similarity };
            let retrieved = task.search(set, cancel)?;
            let reference = match reference {
                Some(Graded::Retrieval(reference)) => Some(reference),
                _ => None,
            };
            engine.retrieval = Some(task.report(&retrieved, reference, cancel)?);
            Ok(Some(Graded::Retrieval(retrieved)))
        }
    }
}
