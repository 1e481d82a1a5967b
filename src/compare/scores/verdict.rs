//! The verdict on replacing one engine with the other.

use super::placement::Placement;
use super::set_report::ScoreSetReport;
use super::sides::Sides;
use super::{Calibration, OrderAgreement};
use crate::compare::vectors::Verdict;
use crate::report::numbers::{cosine, number, percent, several, share};

/// The root mean square of the differences, as a part of the spread of the reference's scores, up to which scores are the
/// same: cut-offs can be kept, and only documents that score almost alike change places. And the most by which one score
/// may differ.
///
/// float16 and bfloat16 keep to both, int8 does not. This is a small BERT (all-MiniLM-L6-v2, trained a little as a
/// cross-encoder; 54 queries, 840 documents; results of every layer rounded), in parts of the spread of its logits:
///
/// | | root mean square | largest | mean τ-b | first the same |
/// |---|---|---|---|---|
/// | float16 | 0.0006 | 0.004 | 0.998 | 98 % |
/// | bfloat16 | 0.005 | 0.025 | 0.988 | 94 % |
/// | int8, as infa has it | 0.030 | 0.20 | 0.986 | 93 % |
/// | int8, PyTorch's dynamic | 0.25 | 1.5 | 0.846 | 80 % |
///
/// With a head of random weights, whose scores lie close together, bfloat16 has 0.017 and at most 0.06, and int8 as infa
/// has it 0.076 and 0.23. After a sigmoid the figures are much the same.
pub(super) const SAME_VALUES: f64 = 0.025;
pub(super) const SAME_SCORE: f64 = 0.1;
/// The mean of τ-b and the mean part of the first documents in common that make the same ranking: one pair in twenty may
/// have changed places, and one document of the first ten.
const SAME_ORDER: f64 = 0.9;
/// The part of queries whose first document must be the same for that. It is less, as two relevant documents often score
/// almost alike. Of few queries, one may have others.
const SAME_FIRST: f64 = 0.8;

/// Minimum pairs of documents of one query for a verdict by their order: a single pair that changes places takes the mean of
/// τ-b below its limit, and of two documents every other order is the same by chance.
const MIN_PAIRS: usize = 20;
/// And of one document a query, of fewer documents.
const MIN_DOCUMENTS: usize = 10;
/// Scores that differ by no more than this part of the spread differ by rounding alone: float16 has 0.004 at most.
const ROUNDED: f64 = 0.005;
/// Minimum pairs for the verdict "different" of an order that is rather reversed (τ-b below 0).
const MIN_FOR_OTHERS: usize = 6;

/// The scores of two engines: the base of the verdict and of the findings.
pub(super) struct Facts<'a> {
    pub reference: &'a ScoreSetReport,
    pub candidate: &'a ScoreSetReport,
    pub sides: &'a Sides<'a>,
    pub placement: &'a Placement,
    pub calibration: Option<&'a Calibration>,
    pub order: Option<&'a OrderAgreement>,
}

impl Facts<'_> {
    pub(crate) fn judge(&self) -> (Verdict, Vec<String>) {
        let mut reasons = Vec::new();
        let queries = |many: usize| several(many as u64, "query has", "queries have");
        let lost = self.sides.lost + self.sides.document_mismatches.len();
        if lost > 0 {
            reasons.push(format!("{} sound scores of all documents in one of both alone", queries(lost)));
        }
        let Some(calibration) = self.calibration else {
            reasons.push("no document has a finite score in both".to_owned());
            return (Verdict::Different, reasons);
        };
        let permuted = self.placement.permuted.len();
        if permuted > 0 {
            reasons.push(format!("{} their scores at other documents", queries(permuted)));
        } else if self.placement.sorted.is_some() {
            reasons.push("scores are in the order of their size, and not of the documents".to_owned());
        }
        let wrong = !reasons.is_empty();
        let infinite = self.infinite();
        if infinite > 0 {
            reasons.push(format!("{} an infinite score in one of both alone", queries(infinite)));
        }
        let same_values = infinite == 0 && same_values(calibration);
        reasons.push(values(calibration));
        let Some(order) = self.order else {
            reasons.push("no query has two documents, whose order could be compared".to_owned());
            if !wrong && self.is_few() {
                return self.of_few(calibration, reasons);
            }
            let same = same_values && !wrong;
            return (if same { Verdict::Interchangeable } else { Verdict::Different }, reasons);
        };
        let same_order = same_order(order);
        let mut text = ranking(order);
        if same_values && !same_order {
            text += "; what changed places scores almost alike";
        }
        reasons.push(text);
        if !wrong && self.is_few() {
            return self.of_few(calibration, reasons);
        }
        let verdict = match (same_values, same_order) {
            _ if wrong => Verdict::Different,
            (true, _) => Verdict::Interchangeable,
            (false, true) => Verdict::SameRanking,
            (false, false) => Verdict::Different,
        };
        (verdict, reasons)
    }

    /// Queries that have an infinite score in one engine, and another score in the other.
    fn infinite(&self) -> usize {
        self.sides.compared.iter().filter(|query| query.is_infinite_in_one()).count()
    }

    /// Pairs of documents of one query, of all queries.
    fn pairs(&self) -> usize {
        let documents = self.sides.compared.iter().map(|query| query.reference.len());
        documents.map(|n| n * n.saturating_sub(1) / 2).sum()
    }

    /// True if there are too few documents for a verdict.
    fn is_few(&self) -> bool {
        let documents = self.calibration.map_or(0, |found| found.documents);
        match self.order {
            Some(_) => self.pairs() < MIN_PAIRS,
            None => documents < MIN_DOCUMENTS,
        }
    }

    /// The verdict of few documents, with what was found of them.
    fn of_few(&self, found: &Calibration, mut reasons: Vec<String>) -> (Verdict, Vec<String>) {
        let rounded = found.max_difference == 0.0 || found.max_difference <= ROUNDED * found.spread;
        let reversed = self.order.and_then(|order| order.tau_mean).is_some_and(|tau| tau < 0.0);
        let verdict = match rounded && self.infinite() == 0 {
            true => Verdict::Interchangeable,
            false if reversed && self.pairs() >= MIN_FOR_OTHERS => Verdict::Different,
            false => Verdict::TooFewInputs,
        };
        if verdict == Verdict::TooFewInputs {
            let documents = several(found.documents as u64, "document is", "documents are");
            reasons.push(format!("{documents} too few to tell"));
        }
        (verdict, reasons)
    }
}

/// True if scores can stand for one another.
fn same_values(found: &Calibration) -> bool {
    found.max_difference == 0.0
        || found.rms_difference <= SAME_VALUES * found.spread && found.max_difference <= SAME_SCORE * found.spread
}

/// True if documents are ordered alike.
fn same_order(found: &OrderAgreement) -> bool {
    let queries = found.queries as f64;
    let enough = |part: f64, least: f64| (1.0 - part) * queries <= ((1.0 - least) * queries).max(1.0) + 1e-9;
    // Without a single τ-b, all documents of each query are tied in one of both.
    let ordered = found.tau_mean.map_or(found.tied == found.queries, |tau| tau >= SAME_ORDER);
    found.lost == 0 && ordered && enough(found.top_1, SAME_FIRST) && enough(found.overlap_mean, SAME_ORDER)
}

fn values(found: &Calibration) -> String {
    if found.max_difference == 0.0 {
        return "all scores are the same".to_owned();
    }
    let rms = number(found.rms_difference);
    if found.spread == 0.0 {
        return format!("scores differ by {rms} (root mean square), and the reference's not at all within a query");
    }
    let relative = |difference: f64| percent(difference / found.spread);
    let (spread, limit) = (relative(found.rms_difference), percent(SAME_VALUES));
    let mut text = format!("scores differ by {rms} (root mean square), {spread} of the reference's spread");
    if found.rms_difference > SAME_VALUES * found.spread {
        text += &format!(", above {limit}");
    } else if found.max_difference > SAME_SCORE * found.spread {
        text += &format!(", and one by {}, above {}", relative(found.max_difference), percent(SAME_SCORE));
    }
    text
}

fn ranking(found: &OrderAgreement) -> String {
    let tau = found.tau_mean.map_or_else(|| "not defined".to_owned(), cosine);
    let (first, overlap, k) = (share(found.top_1), share(found.overlap_mean), found.k);
    let heads = match k {
        1 => String::new(),
        k => format!(" and {overlap} of the first {k} in common"),
    };
    let mut text = format!("τ-b is {tau} on average, with the first document the same for {first}{heads}");
    if found.lost > 0 {
        text += &format!("; all documents tied for {}", several(found.lost as u64, "query", "queries"));
    }
    text
}
