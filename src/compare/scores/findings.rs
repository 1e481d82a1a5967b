//! The causes of differences between scores, by name.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::set::QueryName;
use super::set_report::{EXAMPLES, ScoreFlaws};
use super::verdict::Facts;
use crate::compare::vectors::Side;
use crate::report::numbers::{cosine, count, number, several};

/// A document of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct DocumentName {
    pub query: QueryName,
    /// Its place among the documents of the query, from 0.
    pub document: usize,
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {} of {}", self.document, self.query)
    }
}

/// Something that is the matter with the scores of one engine, seen from those of the other.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Finding {
    /// Some queries have no scores to work with.
    Unsound { side: Side, flaws: ScoreFlaws },
    /// Queries have another number of scores in the one than in the other.
    OtherDocuments { queries: usize, examples: Vec<QueryName> },
    /// All documents of all queries score the same: a head that was not loaded, or an activation that ends at 1.
    Constant { side: Side, score: f64 },
    /// Scores fall from the first document of a query to the last, in all queries: results were given in the order of
    /// their scores, and taken for results in the order of the documents.
    Sorted {
        side: Side,
        /// Number of queries with the same scores at other documents.
        permuted: usize,
    },
    /// Queries have the same scores at other documents.
    Permuted {
        queries: usize,
        /// Number of all queries.
        of: usize,
        examples: Vec<QueryName>,
    },
    /// Scores of the one are those of the other through a sigmoid.
    Sigmoid {
        /// The side whose scores went through it.
        probabilities: Side,
        /// True if the other's are from 0 to 1 as well: the sigmoid was applied twice.
        twice: bool,
    },
    /// All scores are those of the reference, times one factor.
    Scaled { factor: f64 },
    /// All scores are those of the reference, and one number more.
    Shifted { by: f64 },
    /// All scores are a multiple of those of the reference, and one number more.
    Line { slope: f64, intercept: f64 },
    /// The best document comes last.
    Reversed {
        /// Mean τ-b.
        tau: f64,
    },
    /// A few documents have other scores, and all others the same.
    FewDocuments {
        documents: usize,
        /// Number of all documents.
        of: usize,
        examples: Vec<DocumentName>,
    },
    /// All scores are a little different: another precision, or quantised.
    SmallDifferences,
    /// The values are others and the order is the same.
    SameOrder {
        /// Mean τ-b.
        tau: f64,
    },
    /// Related, but not the same: another model, prompt, or limit of length.
    Related {
        /// Mean τ-b.
        tau: f64,
    },
    /// Nothing in common: another model, a head with random weights, or other texts.
    Unrelated,
}

impl Finding {
    pub(crate) fn sentence(&self, reference: &str, candidate: &str) -> String {
        let name = |side: Side| if side == Side::Reference { reference } else { candidate };
        let queries = |many: usize| several(many as u64, "query", "queries");
        match self {
            Self::Unsound { side, flaws } => {
                format!("unsound scores in {}: {} ({})", name(*side), flaws.sentence(), listed(&flaws.examples))
            }
            Self::OtherDocuments { queries: many, examples } => {
                format!("another number of scores for {} ({})", queries(*many), listed(examples))
            }
            Self::Constant { side, score } => format!(
                "all scores of {} are {}: its head was not loaded, its activation ends there, or all documents are alike",
                name(*side),
                number(*score)
            ),
            Self::Sorted { side, permuted } => {
                let same = match permuted {
                    0 => String::new(),
                    many => format!(", the same ones for {}", queries(*many)),
                };
                format!(
                    "scores of {} fall from the first document to the last{same}: results in the order of their \
                     scores, taken for the order of the documents",
                    name(*side)
                )
            }
            Self::Permuted { queries: many, of, examples } => format!(
                "scores permuted: {} of {} compared with the same scores at other documents ({})",
                queries(*many),
                count(*of as u64),
                listed(examples)
            ),
            Self::Sigmoid { probabilities, twice: false } => {
                let other = if *probabilities == Side::Reference { candidate } else { reference };
                format!(
                    "scores of {} are those of {other} through a sigmoid: logits in {other}, probabilities in {} \
                     (`--raw-scores`, `raw_scores` of TEI and Infinity)",
                    name(*probabilities),
                    name(*probabilities)
                )
            }
            Self::Sigmoid { probabilities, twice: true } => {
                let other = if *probabilities == Side::Reference { candidate } else { reference };
                format!(
                    "scores of {} are those of {other} through a sigmoid, and those were from 0 to 1 already: it was \
                     applied twice",
                    name(*probabilities)
                )
            }
            Self::Scaled { factor } => format!("all scores scaled by {}", number(*factor)),
            Self::Shifted { by } => format!("all scores shifted by {}", signed(*by)),
            Self::Line { slope, intercept } => {
                format!("all scores scaled by {} and shifted by {}", number(*slope), signed(*intercept))
            }
            Self::Reversed { tau } => format!(
                "reversed order (τ-b {}): distances instead of scores, or the other one of two labels",
                cosine(*tau)
            ),
            Self::FewDocuments { documents, of, examples } => format!(
                "{} of {} documents with another score, the others with the same ({})",
                count(*documents as u64),
                count(*of as u64),
                listed(examples)
            ),
            Self::SmallDifferences => {
                "small differences everywhere: another precision, quantised, or another limit of length".to_owned()
            }
            Self::SameOrder { tau } => format!(
                "other values, the same order (τ-b {}): another rising function of the same scores, or one for each \
                 query",
                cosine(*tau)
            ),
            Self::Related { tau } if *tau < 0.0 => format!("orders more opposed than alike (τ-b {})", cosine(*tau)),
            Self::Related { tau } => format!(
                "related, but not the same (τ-b {}): another model, prompt or limit of length, or quantised too far",
                cosine(*tau)
            ),
            Self::Unrelated => "unrelated: another model, a head with random weights, or other texts".to_owned(),
        }
    }
}

/// `+3.00`, `-0.012`.
pub(super) fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

fn listed(examples: &[impl ToString]) -> String {
    examples.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A mapping from one side's scores to the other's.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Relation {
    /// They are the same, or as good as.
    Same,
    /// They are not, and this is the matter.
    Other(Finding),
}

impl Facts<'_> {
    /// All that can be named, the worst first. `relation`: that of queries whose documents are not permuted.
    pub(crate) fn findings(&self, relation: Option<Relation>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let both = [(Side::Reference, self.reference), (Side::Candidate, self.candidate)];
        for (side, set) in both {
            if set.flaws.total() > 0 {
                findings.push(Finding::Unsound { side, flaws: set.flaws.clone() });
            }
        }
        let mismatches = &self.sides.document_mismatches;
        if !mismatches.is_empty() {
            let examples = mismatches.iter().take(EXAMPLES).map(|query| query.name()).collect();
            findings.push(Finding::OtherDocuments { queries: mismatches.len(), examples });
        }
        let constant =
            both.into_iter().filter_map(|(side, set)| Some(Finding::Constant { side, score: set.constant? }));
        let constant: Vec<Finding> = constant.collect();
        // Two that are the same have nothing the matter with one another.
        if !constant.is_empty() && relation != Some(Relation::Same) {
            findings.extend(constant);
            return findings;
        }
        let permuted = &self.placement.permuted;
        if let Some(side) = self.placement.sorted {
            findings.push(Finding::Sorted { side, permuted: permuted.len() });
            return findings;
        }
        if !permuted.is_empty() {
            let named = permuted.iter().take(EXAMPLES).map(|&at| self.sides.compared[at].query.name());
            let of = self.sides.compared.len();
            findings.push(Finding::Permuted { queries: permuted.len(), of, examples: named.collect() });
        }
        if let Some(Relation::Other(found)) = relation {
            findings.push(found);
        }
        findings
    }
}
