//! Retrieval: queries, documents, and people's judgements of what is relevant to what.
//!
//! The way of BEIR (Thakur et al., BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval
//! Models, NeurIPS 2021) and of MTEB after it: exact search, measures of trec_eval, means over the queries that have
//! judgements. A document with the id of the query is never found (`ignore_identical_ids`: in Quora and ArguAna queries
//! are documents themselves). Equal scores are ordered as trec_eval orders them, so that BEIR's 1,000 documents a query
//! give the same values as the 100 that are kept here: no measure looks further.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::estimate::{Cancelled, FEW, change, measured};
use super::index::{Index, measure};
use super::report::{QualityChange, QueryLoss, RetrievalComparison, RetrievalReport};
use crate::compare::vectors::VectorSet;
use crate::fetch::Cancel;
use crate::model::similarity::Similarity;
use crate::report::numbers::several;
use crate::stats::bootstrap::mean_of;
use crate::stats::nearest::{Near, nearest};
use crate::stats::retrieval::{ndcg_at, recall_at, reciprocal_rank_at};

/// Documents that are looked for.
const FOUND: usize = 100;
/// The documents that a reader sees.
const FIRST: usize = 10;
/// Queries that are named for what they lose.
const LOSSES: usize = 10;

/// Queries, documents and judgements.
#[derive(Debug, Clone)]
pub(crate) struct RetrievalTask<'a> {
    /// Rows of the queries in every set.
    pub queries: Range<usize>,
    /// Rows of the documents in every set.
    pub documents: Range<usize>,
    pub query_ids: &'a [String],
    /// Ids of the documents. Of several with one id the first is searched.
    pub document_ids: &'a [String],
    /// Ids of judged documents of each query, with their relevance: from 1 on they are relevant. Of two on one document
    /// the last counts; a document need not be there. Queries without any are no part of the task.
    pub judgements: &'a [Vec<(String, u32)>],
    pub similarity: Similarity,
}

/// The results of a search with one engine's vectors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Retrieved {
    /// The measures of each query; `None` without judgements or without a sound vector.
    queries: Vec<Option<Found>>,
    /// Documents without a sound vector.
    lost_documents: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Found {
    /// Rows of the first documents, best first.
    first: Vec<usize>,
    ndcg10: f64,
    recall10: f64,
    recall100: f64,
    mrr10: f64,
}

impl RetrievalTask<'_> {
    /// Searches all documents for each judged query, and grades the results. Work is spread over rayon's threads;
    /// memory is that of the ids, and of 100 documents a query.
    pub(crate) fn search(&self, set: &VectorSet, cancel: &Cancel) -> Result<Retrieved, Cancelled> {
        let dimensions = set.dimensions().unwrap_or_default();
        let (documents, ids) = self.documents_by_id();
        let sound = |&row: &usize| set.sound(row, dimensions).is_some();
        let (rows, ids): (Vec<usize>, Vec<&str>) =
            documents.iter().copied().zip(ids).filter(|(row, _)| sound(row)).unzip();
        let lost_documents = documents.len() - rows.len();
        let judged_queries: Vec<usize> = self.judged().filter(|query| sound(&(self.queries.start + query))).collect();
        let query_rows: Vec<usize> = judged_queries.iter().map(|query| self.queries.start + query).collect();

        let index = Index::of(set, dimensions, &rows, self.similarity);
        let queries = Index::of(set, dimensions, &query_rows, self.similarity);
        // Ids are in descending order.
        let own = |at: usize| ids.binary_search_by(|id| self.query_ids[judged_queries[at]].as_str().cmp(id)).ok();
        let found = nearest(&index, &queries, measure(self.similarity), FOUND, own, || cancel.is_cancelled())
            .ok_or(Cancelled)?;
        let mut queries = vec![None; self.count()];
        for (&query, near) in judged_queries.iter().zip(&found) {
            queries[query] = Some(self.judge(query, near, &rows, &ids));
        }
        Ok(Retrieved { queries, lost_documents })
    }

    /// Queries that have all that belongs to one.
    fn count(&self) -> usize {
        self.queries.len().min(self.query_ids.len()).min(self.judgements.len())
    }

    fn judged(&self) -> impl Iterator<Item = usize> {
        (0..self.count()).filter(|&query| !self.judgements[query].is_empty())
    }

    /// Rows and ids of the documents, by falling id: the order of trec_eval for those with the same score. No id is
    /// there twice.
    fn documents_by_id(&self) -> (Vec<usize>, Vec<&str>) {
        let ids = self.document_ids.iter().map(String::as_str);
        let mut documents: Vec<(usize, &str)> = self.documents.clone().zip(ids).collect();
        documents.sort_by(|a, b| b.1.cmp(a.1));
        documents.dedup_by_key(|(_, id)| *id);
        documents.into_iter().unzip()
    }

    fn judge(&self, query: usize, near: &[Near], rows: &[usize], ids: &[&str]) -> Found {
        let judgements = &self.judgements[query];
        let relevances: HashMap<&str, u32> =
            judgements.iter().map(|(id, relevance)| (id.as_str(), *relevance)).collect();
        let judged: Vec<u32> = relevances.values().copied().collect();
        let ranked: Vec<u32> =
            near.iter().map(|near| relevances.get(ids[near.place]).copied().unwrap_or_default()).collect();
        Found {
            first: near.iter().take(FIRST).map(|near| rows[near.place]).collect(),
            ndcg10: ndcg_at(&ranked, &judged, 10),
            recall10: recall_at(&ranked, &judged, 10),
            recall100: recall_at(&ranked, &judged, 100),
            mrr10: reciprocal_rank_at(&ranked, 10),
        }
    }

    /// The quality of a search with these vectors, and its change from one with those of a reference.
    ///
    /// Values are means over the judged queries that the engine has a vector for, differences over those that the
    /// reference has one for as well.
    pub(crate) fn report(
        &self,
        retrieved: &Retrieved,
        reference: Option<&Retrieved>,
        cancel: &Cancel,
    ) -> Result<RetrievalReport, Cancelled> {
        let own: Vec<&Found> = retrieved.queries.iter().flatten().collect();
        let of = |value: fn(&Found) -> f64| {
            let values: Vec<f64> = own.iter().map(|found| value(found)).collect();
            measured(values.len(), cancel, |items| mean_of(&values, items))
        };
        let (documents, ids) = self.documents_by_id();
        let ids: HashSet<&str> = ids.into_iter().collect();
        let queries = self.judged().count();
        let relevant = |query: &usize| self.judgements[*query].iter().filter(|(_, relevance)| *relevance > 0);
        let mut report = RetrievalReport {
            similarity: self.similarity.name().to_owned(),
            documents: documents.len(),
            lost_documents: retrieved.lost_documents,
            unknown_documents: self
                .judged()
                .flat_map(|query| relevant(&query))
                .filter(|(id, _)| !ids.contains(id.as_str()))
                .count(),
            queries,
            scored: own.len(),
            lost: queries - own.len(),
            unjudged: self.count() - queries,
            without_relevant: self.judged().filter(|query| relevant(query).next().is_none()).count(),
            ndcg10: of(|found| found.ndcg10),
            recall10: of(|found| found.recall10),
            recall100: of(|found| found.recall100),
            mrr10: of(|found| found.mrr10),
            comparison: reference.map(|reference| self.comparison(retrieved, reference, cancel)),
            warnings: Vec::new(),
        };
        report.warnings = warnings(&report);
        if cancel.is_cancelled() { Err(Cancelled) } else { Ok(report) }
    }

    fn comparison(&self, retrieved: &Retrieved, reference: &Retrieved, cancel: &Cancel) -> RetrievalComparison {
        let both = reference.queries.iter().zip(&retrieved.queries).enumerate();
        let both: Vec<(usize, &Found, &Found)> = both
            .filter_map(|(query, (reference, other))| Some((query, reference.as_ref()?, other.as_ref()?)))
            .collect();
        let of = |value: fn(&Found) -> f64| -> Option<QualityChange> {
            let (a, b): (Vec<f64>, Vec<f64>) = both.iter().map(|(_, a, b)| (value(a), value(b))).unzip();
            let differing = a.iter().zip(&b).filter(|(a, b)| a != b).count();
            change(both.len(), differing, cancel, |items| mean_of(&a, items), |items| mean_of(&b, items))
        };
        let overlaps: Vec<f64> = both.iter().map(|(_, a, b)| overlap(&a.first, &b.first)).collect();
        let loss = |(_, a, b): &(usize, &Found, &Found)| a.ndcg10 - b.ndcg10;
        let mut losses: Vec<&(usize, &Found, &Found)> = both.iter().filter(|query| loss(query) > 0.0).collect();
        let worse = losses.len();
        losses.sort_by(|a, b| loss(b).total_cmp(&loss(a)));
        losses.truncate(LOSSES);
        let named = |(query, a, b): &(usize, &Found, &Found)| QueryLoss {
            query: self.query_ids.get(*query).cloned().unwrap_or_default(),
            reference: a.ndcg10,
            ndcg10: b.ndcg10,
        };
        RetrievalComparison {
            queries: both.len(),
            ndcg10: of(|found| found.ndcg10),
            recall10: of(|found| found.recall10),
            recall100: of(|found| found.recall100),
            mrr10: of(|found| found.mrr10),
            overlap10: (!overlaps.is_empty()).then(|| overlaps.iter().sum::<f64>() / overlaps.len() as f64),
            better: both.iter().filter(|query| loss(query) < 0.0).count(),
            worse,
            losses: losses.into_iter().map(named).collect(),
        }
    }
}

/// The part of the longer list that both have; of two empty ones all of it.
fn overlap(a: &[usize], b: &[usize]) -> f64 {
    let common = a.iter().filter(|document| b.contains(document)).count();
    let most = a.len().max(b.len());
    if most == 0 { 1.0 } else { common as f64 / most as f64 }
}

fn warnings(report: &RetrievalReport) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |many: usize, one: &str, more: &str, what: &str| {
        if many > 0 {
            warnings.push(format!("{} {what}", several(many as u64, one, more)));
        }
    };
    warn(report.lost_documents, "document has", "documents have", "no sound vector, and cannot be found");
    warn(report.lost, "judged query has", "judged queries have", "no sound vector, and are left out");
    warn(report.unknown_documents, "relevant document is", "relevant documents are", "not there, and cannot be found");
    warn(report.without_relevant, "query has", "queries have", "no relevant document, and count as 0");
    if let Some(comparison) = report.comparison.as_ref().filter(|comparison| comparison.queries < report.scored) {
        let lost = report.scored - comparison.queries;
        warn(lost, "query has", "queries have", "no vector of the reference: differences are without them");
    }
    if report.documents == 0 && report.queries > 0 {
        warnings.push("there are no documents".to_owned());
    }
    match report.scored {
        0 if report.queries == 0 => warnings.push("no query has judgements".to_owned()),
        0 => warnings.push("no judged query has a sound vector".to_owned()),
        scored if scored < FEW => {
            warnings.push(format!("intervals of fewer than {FEW} queries are not to be trusted"));
        }
        _ => (),
    }
    warnings
}
