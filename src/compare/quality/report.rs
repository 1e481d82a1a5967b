//! The results of one engine at a task, as documents.

use schemars::JsonSchema;
use serde::Serialize;

/// Names of the figures of tasks that have an interval: thresholds can limit their change, too.
pub(crate) const JUDGED: [&str; 6] = ["spearman", "pearson", "ndcg10", "recall10", "recall100", "mrr10"];

/// Names of the other figures of tasks that thresholds can be set on.
pub(crate) const OTHERS: [&str; 4] = ["score_correlation", "score_difference_max", "overlap10", "lost"];

/// A value of one engine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Measured {
    /// Over all items.
    pub value: f64,
    /// Its 95 % interval, by a percentile bootstrap over items; `None` where it is not known: of a single item, for
    /// instance.
    pub interval: Option<(f64, f64)>,
}

/// A value of one engine against that of the reference, both of the items (pairs, queries) that both have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct QualityChange {
    pub reference: f64,
    pub value: f64,
    /// The engine's value minus the reference's.
    pub difference: f64,
    /// The 95 % interval of the difference, by a paired percentile bootstrap over items; `None` where it is not known.
    /// Where fewer than six items differ it reaches to 0: chance alone may put so few on one side.
    pub interval: Option<(f64, f64)>,
    /// Half the width of the interval: about the smallest difference that this number of items can show.
    pub half_width: Option<f64>,
    /// The difference as a part of the reference's value; `None` where that is not above 0.
    pub relative: Option<f64>,
    /// The interval as parts of the reference's value.
    pub relative_interval: Option<(f64, f64)>,
    pub verdict: QualityVerdict,
}

/// The verdict on an engine at a task, beside the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QualityVerdict {
    /// Better: the whole interval lies above 0.
    Better,
    /// Worse: the whole interval lies below 0.
    Worse,
    /// The interval holds 0, or the difference is one of rounding (less than 1e-6).
    Indistinguishable,
    /// There are fewer than six items (pairs of texts, queries), and they are not the same within rounding.
    TooFewInputs,
    /// There is no interval.
    CannotTell,
}

impl QualityVerdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Indistinguishable => "indistinguishable",
            Self::TooFewInputs => "too few inputs to tell",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// The agreement of an engine's similarities with people's scores of pairs of texts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct StsReport {
    /// The similarity of two vectors, for example cosine.
    pub similarity: String,
    pub pairs: usize,
    /// Pairs that the engine has a score for.
    pub scored: usize,
    /// Pairs that it has none for: a vector is missing, unsound, or of another length than most.
    pub lost: usize,
    /// Spearman's rank correlation with the true scores, from −1 to 1; `None` where it is not defined.
    pub spearman: Option<Measured>,
    /// Pearson's correlation with the true scores, from −1 to 1; `None` where it is not defined.
    pub pearson: Option<Measured>,
    /// The engine against the reference; `None` of the reference itself.
    pub comparison: Option<StsComparison>,
    pub warnings: Vec<String>,
}

/// An engine's similarities against those of the reference.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct StsComparison {
    /// Pairs that both have a score for. All that follows is of these.
    pub pairs: usize,
    /// Spearman's rank correlation with the true scores.
    pub spearman: Option<QualityChange>,
    /// Pearson's correlation with the true scores.
    pub pearson: Option<QualityChange>,
    /// The agreement of the scores themselves; `None` without pairs.
    pub scores: Option<ScoreAgreement>,
}

/// The agreement of an engine's scores with those of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ScoreAgreement {
    /// The largest difference of two scores of one pair.
    pub max_difference: f64,
    /// Pairs with the same score in both, to the last digit.
    pub identical: usize,
    /// Spearman's rank correlation of both, from −1 to 1; `None` where it is not defined.
    pub spearman: Option<f64>,
}

/// The quality of a search with an engine's vectors.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RetrievalReport {
    /// The similarity of two vectors, for example cosine.
    pub similarity: String,
    /// Documents that are searched.
    pub documents: usize,
    /// Documents that cannot be found: their vector is missing, unsound, or of another length than most.
    pub lost_documents: usize,
    /// Judgements of relevant documents that are not among the documents.
    pub unknown_documents: usize,
    /// Queries with judgements; others are not searched for.
    pub queries: usize,
    /// Queries that the engine has a vector for: values are means over these.
    pub scored: usize,
    /// Queries without a usable vector: it is missing, unsound, or of another length than most.
    pub lost: usize,
    pub unjudged: usize,
    /// Judged queries without a relevant document. All their values are 0.
    pub without_relevant: usize,
    /// nDCG of the first 10 documents, from 0 to 1; `None` without queries.
    pub ndcg10: Option<Measured>,
    /// Part of the relevant documents among the first 10, from 0 to 1.
    pub recall10: Option<Measured>,
    /// Part of the relevant documents among the first 100, from 0 to 1.
    pub recall100: Option<Measured>,
    /// 1 over the rank of the first relevant document among the first 10, from 0 to 1.
    pub mrr10: Option<Measured>,
    /// The engine against the reference; `None` of the reference itself.
    pub comparison: Option<RetrievalComparison>,
    pub warnings: Vec<String>,
}

/// A search with an engine's vectors against one with those of the reference.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RetrievalComparison {
    /// Judged queries that both have a vector for. All that follows is of these.
    pub queries: usize,
    /// nDCG of the first 10 documents.
    pub ndcg10: Option<QualityChange>,
    /// Part of the relevant documents among the first 10.
    pub recall10: Option<QualityChange>,
    /// Part of the relevant documents among the first 100.
    pub recall100: Option<QualityChange>,
    /// 1 over the rank of the first relevant document among the first 10.
    pub mrr10: Option<QualityChange>,
    /// Mean part of the first 10 documents that both find, from 0 to 1; `None` without queries.
    pub overlap10: Option<f64>,
    /// Queries with a higher nDCG than the reference's.
    pub better: usize,
    /// Queries with a lower nDCG than the reference's.
    pub worse: usize,
    /// The queries that lose most, the largest loss first, at most ten.
    pub losses: Vec<QueryLoss>,
}

/// A query that an engine finds less for than the reference does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct QueryLoss {
    /// Its id.
    pub query: String,
    /// The reference's nDCG of the first 10 documents.
    pub reference: f64,
    /// The engine's.
    pub ndcg10: f64,
}

impl StsReport {
    /// The engine's figure of this name, `None` for another name, or where it is not known.
    /// `score_correlation` and `score_difference_max` are of its scores and the reference's.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let scores = self.comparison.as_ref().and_then(|comparison| comparison.scores);
        match name {
            "score_correlation" => scores?.spearman,
            "score_difference_max" => Some(scores?.max_difference),
            "lost" => Some(self.lost as f64),
            _ => self.judged(name).0.map(|found| found.value),
        }
    }

    /// `spearman` or `pearson`, and its change from the reference's.
    pub(crate) fn judged(&self, name: &str) -> (Option<Measured>, Option<QualityChange>) {
        let change = |of: fn(&StsComparison) -> Option<QualityChange>| self.comparison.as_ref().and_then(of);
        match name {
            "spearman" => (self.spearman, change(|found| found.spearman)),
            "pearson" => (self.pearson, change(|found| found.pearson)),
            _ => (None, None),
        }
    }
}

impl RetrievalReport {
    /// The engine's figure of this name, `None` for another name, or where it is not known.
    /// `overlap10` is with the reference; `lost` are queries and documents.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        match name {
            "overlap10" => self.comparison.as_ref()?.overlap10,
            "lost" => Some((self.lost + self.lost_documents) as f64),
            _ => self.judged(name).0.map(|found| found.value),
        }
    }

    /// `ndcg10`, `recall10`, `recall100` or `mrr10`, and its change from the reference's.
    pub(crate) fn judged(&self, name: &str) -> (Option<Measured>, Option<QualityChange>) {
        let change = |of: fn(&RetrievalComparison) -> Option<QualityChange>| self.comparison.as_ref().and_then(of);
        match name {
            "ndcg10" => (self.ndcg10, change(|found| found.ndcg10)),
            "recall10" => (self.recall10, change(|found| found.recall10)),
            "recall100" => (self.recall100, change(|found| found.recall100)),
            "mrr10" => (self.mrr10, change(|found| found.mrr10)),
            _ => (None, None),
        }
    }
}
