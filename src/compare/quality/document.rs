//! The quality of an engine at a task, for people: the details that the tables of several engines leave out.

use super::{QueryLoss, RetrievalReport, StsReport};
use crate::report::document::{Block, Line, listed};
use crate::report::numbers::{NOTHING, cosine, count, number, several, share};
use crate::report::text::quoted;

/// Characters of an id that are shown.
const SHOWN: usize = 40;

impl StsReport {
    pub(in crate::compare) fn task(&self) -> String {
        let (pairs, scored) = (several(self.pairs as u64, "pair", "pairs"), count(self.scored as u64));
        format!("{pairs} with true scores, {scored} scored by {}", self.similarity)
    }

    pub(in crate::compare) fn details(&self) -> Vec<Block> {
        let scores = self.comparison.as_ref().and_then(|comparison| comparison.scores).map(|scores| {
            let correlation = scores.spearman.map_or(NOTHING.to_owned(), cosine);
            let (most, same) = (number(scores.max_difference), count(scores.identical as u64));
            let text = format!("rank correlation {correlation}, largest difference {most}, {same} the same");
            Line::from(("Scores", format!("with the reference's: {text}")))
        });
        vec![Block::Facts(scores.into_iter().collect()), Block::Warnings(self.warnings.clone())]
    }
}

impl RetrievalReport {
    pub(in crate::compare) fn task(&self) -> String {
        let (queries, documents) = (
            several(self.queries as u64, "judged query", "judged queries"),
            several(self.documents as u64, "document", "documents"),
        );
        format!("{queries}, {documents}, exact search by {}", self.similarity)
    }

    pub(in crate::compare) fn details(&self) -> Vec<Block> {
        let mut facts = Vec::new();
        if let Some(comparison) = &self.comparison {
            let overlap = comparison.overlap10.map_or(NOTHING.to_owned(), share);
            facts.push(Line::from(("In common", format!("{overlap} of the first 10 are the reference's"))));
            let [better, worse] = [comparison.better, comparison.worse].map(|many| count(many as u64));
            facts.push(Line::from(("Queries", format!("{better} with a higher nDCG, {worse} with a lower one"))));
            facts.extend(listed("Losses", comparison.losses.iter().map(loss)));
        }
        vec![Block::Facts(facts), Block::Warnings(self.warnings.clone())]
    }
}

/// `0.6309 instead of 1.0000 "query 17"`.
fn loss(loss: &QueryLoss) -> String {
    format!("{:.4} instead of {:.4} {}", loss.ndcg10, loss.reference, quoted(&loss.query, SHOWN))
}
