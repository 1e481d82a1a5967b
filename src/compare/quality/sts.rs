//! Semantic textual similarity: pairs of texts that people have scored, and whether an engine's similarities order them
//! alike.
//!
//! Spearman's correlation is MTEB's main measure of such tasks, with the cosine (Muennighoff et al., MTEB: Massive Text
//! Embedding Benchmark, EACL 2023; Reimers et al., Task-Oriented Intrinsic Evaluation of Semantic Textual Similarity,
//! COLING 2016, on why it is not Pearson's).

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::estimate::{Cancelled, FEW, change, measured};
use super::report::{QualityChange, ScoreAgreement, StsComparison, StsReport};
use crate::compare::vectors::VectorSet;
use crate::fetch::Cancel;
use crate::model::similarity::Similarity;
use crate::report::numbers::several;
use crate::stats::correlation::{self, pearson_of, spearman_of};
use crate::stats::ranks::Ranked;

/// Pairs with their true scores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StsTask<'a> {
    /// The true score of each pair; more is more alike. A pair without a finite one is left out.
    pub gold: &'a [f64],
    /// Rows of both texts of each pair in every set.
    pub pairs: &'a [(usize, usize)],
    pub similarity: Similarity,
}

/// One engine's similarities.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StsScores {
    /// The similarity of each pair; `None` where one of its vectors is missing, unsound, or of another length than most.
    scores: Vec<Option<f64>>,
}

impl StsTask<'_> {
    /// The similarities of all pairs, spread over rayon's threads.
    pub(crate) fn score(&self, set: &VectorSet) -> StsScores {
        let dimensions = set.dimensions().unwrap_or_default();
        let score = |&(first, second): &(usize, usize)| {
            let (first, second) = (set.sound(first, dimensions)?, set.sound(second, dimensions)?);
            Some(self.similarity.of(first, second)).filter(|score| score.is_finite())
        };
        StsScores { scores: self.pairs.par_iter().map(score).collect() }
    }

    /// The quality of these similarities, and its change from those of a reference.
    ///
    /// Values are over all pairs that the engine has a score for, differences over those that the reference has one for
    /// as well. For 20,000 pairs this takes about three seconds on two cores.
    pub(crate) fn report(
        &self,
        scores: &StsScores,
        reference: Option<&StsScores>,
        cancel: &Cancel,
    ) -> Result<StsReport, Cancelled> {
        let (gold, [own]) = self.common([scores]);
        let n = gold.values.len();
        let pairs = self.gold.len().min(self.pairs.len());
        let mut report = StsReport {
            similarity: self.similarity.name().to_owned(),
            pairs,
            scored: n,
            lost: pairs - n,
            spearman: measured(n, cancel, |items| spearman_of(&gold.ranked, &own.ranked, items)),
            pearson: measured(n, cancel, |items| pearson_of(&gold.values, &own.values, items)),
            comparison: reference.map(|reference| self.comparison(scores, reference, cancel)),
            warnings: Vec::new(),
        };
        report.warnings = warnings(&report);
        if cancel.is_cancelled() { Err(Cancelled) } else { Ok(report) }
    }

    fn comparison(&self, scores: &StsScores, reference: &StsScores, cancel: &Cancel) -> StsComparison {
        let (gold, [reference, other]) = self.common([reference, scores]);
        let n = gold.values.len();
        let apart = || reference.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs());
        let differing = apart().filter(|difference| *difference > 0.0).count();
        let spearman = |scores: &Column, items: &[usize]| spearman_of(&gold.ranked, &scores.ranked, items);
        let pearson = |scores: &Column, items: &[usize]| pearson_of(&gold.values, &scores.values, items);
        let change_of = |correlation: &(dyn Fn(&Column, &[usize]) -> Option<f64> + Sync)| -> Option<QualityChange> {
            change(n, differing, cancel, |items| correlation(&reference, items), |items| correlation(&other, items))
        };
        StsComparison {
            pairs: n,
            spearman: change_of(&spearman),
            pearson: change_of(&pearson),
            scores: (n > 0).then(|| ScoreAgreement {
                max_difference: apart().fold(0.0, f64::max),
                identical: n - differing,
                spearman: correlation::spearman(&reference.values, &other.values),
            }),
        }
    }

    /// The truth and these engines' scores, of the pairs that have all of them.
    fn common<const N: usize>(&self, engines: [&StsScores; N]) -> (Column, [Column; N]) {
        let pairs = self.gold.iter().take(self.pairs.len()).enumerate();
        let score = |engine: &StsScores, pair: usize| engine.scores.get(pair).copied().flatten();
        let all = |pair: usize| engines.iter().all(|engine| score(engine, pair).is_some());
        let pairs: Vec<usize> =
            pairs.filter(|(pair, gold)| gold.is_finite() && all(*pair)).map(|(pair, _)| pair).collect();
        let gold = Column::of(pairs.iter().map(|&pair| self.gold[pair]).collect());
        let of = |engine: &StsScores| Column::of(pairs.iter().filter_map(|&pair| score(engine, pair)).collect());
        (gold, engines.map(of))
    }
}

/// Finite values and their order.
struct Column {
    values: Vec<f64>,
    ranked: Ranked,
}

impl Column {
    fn of(values: Vec<f64>) -> Self {
        Self { ranked: Ranked::of(&values), values }
    }
}

fn warnings(report: &StsReport) -> Vec<String> {
    let mut warnings = Vec::new();
    let StsReport { pairs, scored, lost, .. } = *report;
    if lost > 0 {
        let lost = several(lost as u64, "pair has", "pairs have");
        warnings.push(format!("{lost} no score, as a vector is missing or unsound, and are left out"));
    }
    if let Some(comparison) = report.comparison.as_ref().filter(|comparison| comparison.pairs < scored) {
        let lost = several((scored - comparison.pairs) as u64, "pair has", "pairs have");
        warnings.push(format!("{lost} no score of the reference: differences are without them"));
    }
    if report.spearman.is_none() {
        warnings.push(match scored {
            0 if pairs == 0 => "there are no pairs".to_owned(),
            0 => "no pair has a score".to_owned(),
            1 => "one pair has no order".to_owned(),
            _ => "all true scores, or all of the engine's, are the same: there is no correlation".to_owned(),
        });
    } else if scored < FEW {
        warnings.push(format!("intervals of fewer than {FEW} pairs are not to be trusted"));
    }
    warnings
}
