//! Labels and texts for people: what a table of two columns says.

use super::{Measured, QualityChange, QualityVerdict, QueryLoss, RetrievalReport, StsReport};
use crate::compare::vectors::share;
use crate::report::numbers::{NOTHING, cosine, count, number, several};
use crate::report::text::{one_line, shortened};

/// Characters of an id that are shown.
const SHOWN: usize = 40;
/// Lines that go on from the one before.
const AGAIN: &str = "";

type Lines = Vec<(&'static str, String)>;

impl StsReport {
    /// Labels and what there is to say to each; those that go on have none.
    pub fn lines(&self) -> Lines {
        let (pairs, scored) = (several(self.pairs as u64, "pair", "pairs"), count(self.scored as u64));
        let mut lines = Lines::new();
        if let Some(verdict) = self.verdict() {
            lines.push(("Verdict", verdict.words().to_owned()));
        }
        lines.push(("Task", format!("{pairs} with true scores, {scored} scored by {}", self.similarity)));
        for (label, name, value) in [("Spearman", "spearman", self.spearman), ("Pearson", "pearson", self.pearson)] {
            push(&mut lines, label, value, self.change(name));
        }
        if let Some(scores) = self.comparison.as_ref().and_then(|comparison| comparison.scores) {
            let correlation = scores.spearman.map_or(NOTHING.to_owned(), cosine);
            let (most, same) = (number(scores.max_difference), count(scores.identical as u64));
            let text = format!("rank correlation {correlation}, largest difference {most}, {same} the same");
            lines.push(("Scores", format!("with the reference's: {text}")));
        }
        lines.extend(listed("Warning", self.warnings.iter().cloned()));
        lines
    }
}

impl RetrievalReport {
    /// Labels and what there is to say to each; those that go on have none.
    pub fn lines(&self) -> Lines {
        let mut lines = Lines::new();
        if let Some(verdict) = self.verdict() {
            lines.push(("Verdict", verdict.words().to_owned()));
        }
        let (queries, documents) = (
            several(self.queries as u64, "judged query", "judged queries"),
            several(self.documents as u64, "document", "documents"),
        );
        lines.push(("Task", format!("{queries}, {documents}, exact search by {}", self.similarity)));
        for (label, name, value) in [
            ("nDCG@10", "ndcg10", self.ndcg10),
            ("Recall@10", "recall10", self.recall10),
            ("Recall@100", "recall100", self.recall100),
            ("MRR@10", "mrr10", self.mrr10),
        ] {
            push(&mut lines, label, value, self.change(name));
        }
        if let Some(comparison) = &self.comparison {
            let overlap = comparison.overlap10.map_or(NOTHING.to_owned(), share);
            lines.push(("In common", format!("{overlap} of the first 10 are the reference's")));
            let [better, worse] = [comparison.better, comparison.worse].map(|many| count(many as u64));
            lines.push(("Queries", format!("{better} with a higher nDCG, {worse} with a lower one")));
            lines.extend(listed("Losses", comparison.losses.iter().map(loss)));
        }
        lines.extend(listed("Warning", self.warnings.iter().cloned()));
        lines
    }
}

fn listed(label: &'static str, texts: impl Iterator<Item = String>) -> impl Iterator<Item = (&'static str, String)> {
    texts.enumerate().map(move |(at, text)| (if at == 0 { label } else { AGAIN }, text))
}

/// A value, and how it differs from the reference's.
fn push(lines: &mut Lines, label: &'static str, value: Option<Measured>, change: Option<QualityChange>) {
    let value = match value {
        None => NOTHING.to_owned(),
        Some(Measured { value, interval: None }) => score(value),
        Some(Measured { value, interval: Some((low, high)) }) => {
            format!("{} ({} … {})", score(value), score(low), score(high))
        }
    };
    lines.push((label, value));
    if let Some(change) = change {
        lines.push((AGAIN, sentence(&change)));
    }
}

/// `-0.0011 (-0.0031 … +0.0009) against the reference's 0.8203: indistinguishable; less than 0.0020 would not show`.
fn sentence(change: &QualityChange) -> String {
    let mut text = signed(change.difference);
    if let Some((low, high)) = change.interval {
        text += &format!(" ({} … {})", signed(low), signed(high));
    }
    text += &format!(" against the reference's {}: {}", score(change.reference), change.verdict.words());
    let open = change.verdict == QualityVerdict::Indistinguishable;
    if let Some(half) = change.half_width.filter(|half| open && *half > 0.0) {
        text += &format!("; less than {} would not show (half the interval)", number_of(half));
    }
    text
}

/// Four decimals.
fn score(value: f64) -> String {
    let text = format!("{value:.4}");
    if text == "-0.0000" { "0.0000".to_owned() } else { text }
}

/// Four decimals, of small ones two digits.
fn number_of(value: f64) -> String {
    match value.abs() {
        small if small < 5e-8 => "0".to_owned(),
        small if small < 0.000_95 => format!("{value:.1e}"),
        _ => format!("{value:.4}"),
    }
}

fn signed(value: f64) -> String {
    let text = number_of(value);
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}

/// `0.6309 instead of 1.0000 "query 17"`.
fn loss(loss: &QueryLoss) -> String {
    let id = shortened(&one_line(&loss.query), SHOWN);
    format!("{} instead of {} {id:?}", score(loss.ndcg10), score(loss.reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(
            [0.0031, -0.0031, 0.000_012, -0.000_012, 1e-9, -0.0].map(signed),
            ["+0.0031", "-0.0031", "+1.2e-5", "-1.2e-5", "0", "0"]
        );
        assert_eq!([0.82034, 1.0, -0.00001, -0.5].map(score), ["0.8203", "1.0000", "0.0000", "-0.5000"]);
    }
}
