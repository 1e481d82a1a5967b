//! Results of other programs, planted differences, and bad input.

use super::*;
use crate::compare::vectors::tests::random;
use crate::compare::vectors::{VectorRow, VectorSet};
use crate::fetch::Cancel;
use crate::model::similarity::Similarity;
use crate::report::TableOptions;
use crate::report::document::{Document, Section, terminal};
use crate::report::snapshots::valid;

impl StsReport {
    fn verdict(&self) -> Option<QualityVerdict> {
        let comparison = self.comparison.as_ref()?;
        Some(comparison.spearman.map_or(QualityVerdict::CannotTell, |change| change.verdict))
    }
}

impl RetrievalReport {
    fn verdict(&self) -> Option<QualityVerdict> {
        let comparison = self.comparison.as_ref()?;
        Some(comparison.ndcg10.map_or(QualityVerdict::CannotTell, |change| change.verdict))
    }
}

/// Rows of `dimensions` numbers each.
fn set(numbers: Vec<f32>, dimensions: usize) -> VectorSet {
    let place = |at: usize| Some(at * dimensions..(at + 1) * dimensions);
    let rows =
        (0..numbers.len() / dimensions).map(|at| VectorRow { index: None, id: None, text: None, place: place(at) });
    VectorSet { name: "engine".into(), rows: rows.collect(), numbers }
}

fn normal(seed: u64, count: usize) -> Vec<f32> {
    random(seed, count, 1)
}

/// Four numbers of the same size and four zeros: of these, similarities have no rounding, and many are the same.
fn vector(t: u64) -> Vec<f32> {
    let sign = |d: u64| 1 - 2 * (((t * 7919) >> d) & 1) as i64;
    (0..8).map(|d| if (t * 5 + d * 3) % 8 < 4 { (sign(d) << (t % 3)) as f32 } else { 0.0 }).collect()
}

fn vectors(count: u64) -> VectorSet {
    set((0..count).flat_map(vector).collect(), 8)
}

fn product(a: u64, b: u64) -> i64 {
    vector(a).iter().zip(vector(b)).map(|(a, b)| (a * b) as i64).sum()
}

#[track_caller]
fn near(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?}, not {expected}");
}

/// `EmbeddingSimilarityEvaluator` of sentence-transformers 6.2.0 with a model whose `encode` gives `vector(t)`, and
/// `spearmanr` and `pearsonr` of scipy 1.17.1 on the cosines:
///
/// ```python
/// def vector(t):
///     return [(1 - 2*((t*7919 >> d) & 1)) * 2**(t % 3) if (t*5 + d*3) % 8 < 4 else 0 for d in range(8)]
/// pairs = [(i*17 % 60, (i*i*13 + 5*i + 7) % 60) for i in range(200)]
/// gold = [(i*7919 + i*i*31) % 11 / 2 + dot(vector(a), vector(b)) / 8 for i, (a, b) in enumerate(pairs)]
/// ```
#[test]
fn correlations_are_those_of_sentence_transformers_and_scipy() {
    let pairs: Vec<(usize, usize)> = (0..200).map(|i| (i * 17 % 60, (i * i * 13 + 5 * i + 7) % 60)).collect();
    let gold = |(i, &(a, b)): (usize, &(usize, usize))| {
        ((i * 7919 + i * i * 31) % 11) as f64 / 2.0 + product(a as u64, b as u64) as f64 / 8.0
    };
    let gold: Vec<f64> = pairs.iter().enumerate().map(gold).collect();
    let vectors = vectors(60);
    for (similarity, spearman, pearson) in [
        (Similarity::Cosine, 0.3419685637168729, 0.3276462623846596),
        (Similarity::Dot, 0.343257606862202, 0.35862917267396727),
        (Similarity::Euclidean, 0.12202568508404725, 0.08216563694209991),
        (Similarity::Manhattan, 0.11511461663018233, 0.1289873580771538),
    ] {
        let task = StsTask { gold: &gold, pairs: &pairs, similarity };
        let report = task.report(&task.score(&vectors), None, &Cancel::new()).unwrap();
        near(report.metric("spearman"), spearman);
        // Euclidean distances are float32 in that program.
        assert!((report.metric("pearson").unwrap() - pearson).abs() < 1e-7, "{report:?}");
        assert_eq!((report.scored, report.lost, report.verdict()), (200, 0, None));
        let (low, high) = report.spearman.unwrap().interval.unwrap();
        assert!(low < spearman && spearman < high && high - low < 0.4, "{report:?}");
    }
}

/// Ids of what [`beir`] judges.
fn ids() -> (Vec<String>, Vec<String>) {
    let document = |at: u64| format!("d{at:03}");
    let query = |at: u64| if at.is_multiple_of(3) { document(at * 11) } else { format!("q{at}") };
    ((0..12).map(query).collect(), (0..150).map(document).collect())
}

/// Judgements of twelve queries, whose vectors are the first twelve, on 150 documents, whose vectors are the next.
fn beir() -> Vec<Vec<(String, u32)>> {
    let (_, documents) = ids();
    let relevance = |i: u64, j: usize| (product(i, 12 + j as u64).div_euclid(4)).clamp(0, 3) as u32;
    let judged = |i: u64| {
        let mut judged: Vec<(String, u32)> = match i {
            5 => vec![],
            7 => vec![(documents[1].clone(), 0), (documents[2].clone(), 0)],
            _ => (i as usize % 5..150).step_by(5).map(|j| (documents[j].clone(), relevance(i, j))).collect(),
        };
        if i.is_multiple_of(4) {
            judged.push(("x1".to_owned(), 2));
        }
        judged
    };
    (0..12).map(judged).collect()
}

/// `EvaluateRetrieval(DenseRetrievalExactSearch(model), score_function=…)` of BEIR 2.2.0 (pytrec-eval-terrier 0.5.11),
/// its means without rounding, and of `recip_rank` those above 0.0999 (BEIR's own `mrr` orders equal scores otherwise):
///
/// ```python
/// docs = [f"d{j:03}" for j in range(150)]                                    # vector(12 + j)
/// qids = [f"d{i*11:03}" if i % 3 == 0 else f"q{i}" for i in range(12)]       # vector(i)
/// for i, q in enumerate(qids):
///     if i == 5: continue
///     if i == 7: qrels[q] = {"d001": 0, "d002": 0}; continue
///     qrels[q] = {docs[j]: min(3, max(0, dot(i, 12+j)//4)) for j in range(i%5, 150, 5)}
///     if i % 4 == 0: qrels[q]["x1"] = 2
/// ```
#[test]
fn retrieval_is_that_of_beir() {
    let ((query_ids, document_ids), judgements) = (ids(), beir());
    // A copy of a document under the same id is not searched.
    let document_ids = [document_ids, vec!["d002".to_owned()]].concat();
    let vectors = vectors(163);
    for (similarity, expected) in [
        (Similarity::Cosine, [0.23153049744290335, 0.2533910533910534, 0.8732323232323232, 0.28409090909090906]),
        (Similarity::Dot, [0.2465346031089082, 0.2532533123442214, 0.8732323232323232, 0.24657287157287155]),
    ] {
        let task = RetrievalTask {
            queries: 0..12,
            documents: 12..163,
            query_ids: &query_ids,
            document_ids: &document_ids,
            judgements: &judgements,
            similarity,
        };
        let report = task.report(&task.search(&vectors, &Cancel::new()).unwrap(), None, &Cancel::new()).unwrap();
        for (name, expected) in ["ndcg10", "recall10", "recall100", "mrr10"].into_iter().zip(expected) {
            near(report.metric(name), expected);
        }
        assert_eq!((report.queries, report.scored, report.unjudged, report.documents), (11, 11, 1, 150));
        assert_eq!((report.without_relevant, report.unknown_documents, report.lost_documents), (1, 3, 0));
        assert!(report.warnings.iter().any(|warning| warning.starts_with("3 relevant documents are not there")));
    }
}

/// Pairs whose cosines are these: every second vector is the same.
fn scoring(scores: &[f32]) -> VectorSet {
    set(scores.iter().flat_map(|&score| [1.0, 0.0, score, (1.0 - score * score).max(0.0).sqrt()]).collect(), 2)
}

fn pairs(count: usize) -> Vec<(usize, usize)> {
    (0..count).map(|pair| (2 * pair, 2 * pair + 1)).collect()
}

/// The truth in steps of a quarter, as people score, and similarities with noise.
fn scored(seed: u64, count: usize) -> (Vec<f64>, Vec<f32>) {
    let truth = normal(seed, count).iter().map(|x| (x * 4.0).round() / 4.0).collect::<Vec<_>>();
    let scores = truth.iter().zip(normal(seed + 1000, count)).map(|(x, noise)| x * 0.15 + noise * 0.1).collect();
    (truth.iter().map(|&x| x.into()).collect(), scores)
}

fn with_noise(scores: &[f32], seed: u64, size: f32) -> Vec<f32> {
    scores.iter().zip(normal(seed, scores.len())).map(|(x, noise)| (x + noise * size).clamp(-1.0, 1.0)).collect()
}

fn sts(gold: &[f64], reference: &VectorSet, other: &VectorSet) -> StsReport {
    let pairs = pairs(gold.len());
    let task = StsTask { gold, pairs: &pairs, similarity: Similarity::Cosine };
    task.report(&task.score(other), Some(&task.score(reference)), &Cancel::new()).unwrap()
}

#[test]
fn the_same_scores_twice() {
    let (gold, scores) = scored(1, 80);
    let report = sts(&gold, &scoring(&scores), &scoring(&scores));
    for name in ["spearman", "pearson"] {
        let change = report.judged(name).1.unwrap();
        assert_eq!((change.difference, change.interval, change.relative), (0.0, Some((0.0, 0.0)), Some(0.0)));
        assert_eq!((change.verdict, change.half_width), (QualityVerdict::Indistinguishable, Some(0.0)));
        assert_eq!(report.metric(name), Some(change.value));
    }
    let scores = report.comparison.as_ref().unwrap().scores.unwrap();
    assert_eq!((scores.max_difference, scores.identical, scores.spearman), (0.0, 80, Some(1.0)));
    assert_eq!((report.verdict(), &report.warnings[..]), (Some(QualityVerdict::Indistinguishable), &[][..]));
}

/// Noise of a similarity's own size makes it worse every time, and one of a hundredth of it does not.
#[test]
fn noise_is_found_where_it_matters() {
    let verdict = |seed: u64, size: f32| {
        let (gold, scores) = scored(seed, 120);
        let noisy = with_noise(&scores, seed + 2000, size);
        let report = sts(&gold, &scoring(&scores), &scoring(&noisy));
        if seed == 0 {
            let other_way = sts(&gold, &scoring(&noisy), &scoring(&scores));
            let (there, back) = (report.judged("spearman").1.unwrap(), other_way.judged("spearman").1.unwrap());
            assert!((there.difference + back.difference).abs() < 1e-15, "{there:?} {back:?}");
            assert_eq!(back.verdict == QualityVerdict::Better, there.verdict == QualityVerdict::Worse);
        }
        report.verdict().unwrap()
    };
    assert_eq!([0, 1, 2].map(|seed| verdict(seed, 0.15)), [QualityVerdict::Worse; 3]);
    assert_eq!([0, 1, 2].map(|seed| verdict(seed, 0.0015)), [QualityVerdict::Indistinguishable; 3]);
}

/// Two engines that are equally good, each with noise of its own: a difference is found once in twenty tries. (By numpy,
/// 1,000 tries: 4 times in 100 by Spearman's correlation, 7 by Pearson's.)
#[test]
fn equal_engines_are_seldom_judged_different() {
    let cancel = Cancel::new();
    let told_apart = |seed: u64| {
        let (gold, scores) = scored(seed, 50);
        let pairs = pairs(50);
        let task = StsTask { gold: &gold, pairs: &pairs, similarity: Similarity::Cosine };
        let of = |seed: u64| task.score(&scoring(&with_noise(&scores, seed, 0.05)));
        let report = task.report(&of(seed + 500), Some(&of(seed + 700)), &cancel).unwrap();
        report.verdict() != Some(QualityVerdict::Indistinguishable)
    };
    assert!((0..10).filter(|&seed| told_apart(seed)).count() <= 1);
}

#[test]
fn pairs_that_one_engine_lost() {
    let (gold, scores) = scored(4, 60);
    let (whole, mut other) = (scoring(&scores), scoring(&scores));
    other.rows[0].place = None;
    other.rows[4].place = Some(8..9);
    other.numbers[13] = f32::NAN;
    let report = sts(&gold, &whole, &other);
    assert_eq!((report.pairs, report.scored, report.lost, report.metric("lost")), (60, 57, 3, Some(3.0)));
    assert_eq!(report.comparison.as_ref().unwrap().pairs, 57);
    assert_eq!(report.judged("spearman").1.unwrap().difference, 0.0);
    assert!(report.warnings[0].starts_with("3 pairs have no score,"), "{:?}", report.warnings);
    // The other way round it has all of them.
    let report = sts(&gold, &other, &whole);
    assert_eq!((report.scored, report.lost, report.comparison.as_ref().unwrap().pairs), (60, 0, 57));
    assert!(report.warnings[0].starts_with("3 pairs have no score of the reference"), "{:?}", report.warnings);
    assert_ne!(report.metric("spearman"), Some(report.judged("spearman").1.unwrap().value));
}

#[test]
fn pairs_without_an_order() {
    let (gold, scores) = scored(5, 40);
    let vectors = scoring(&scores);
    let last = |report: StsReport| {
        assert_eq!((report.metric("spearman"), report.judged("pearson").1), (None, None));
        assert_eq!(report.verdict(), Some(QualityVerdict::CannotTell));
        assert!(!report.details().is_empty());
        report.warnings.last().unwrap().clone()
    };
    assert_eq!(last(sts(&[], &vectors, &vectors)), "there are no pairs");
    assert_eq!(last(sts(&gold[..1], &vectors, &vectors)), "one pair has no order");
    assert!(last(sts(&[0.5; 40], &vectors, &vectors)).contains("are the same"));
    let same = scoring(&[0.25; 40]);
    assert!(last(sts(&gold, &same, &same)).contains("are the same"));
    assert_eq!(last(sts(&[f64::NAN; 40], &vectors, &vectors)), "no pair has a score");
    let mut nothing = vectors.clone();
    nothing.rows.iter_mut().for_each(|row| row.place = None);
    assert_eq!(last(sts(&gold, &vectors, &nothing)), "no pair has a score");
    assert_eq!(last(sts(&gold, &vectors, &set(vec![], 2))), "no pair has a score");
    // Two pairs have an order, and nothing is sure of it.
    let report = sts(&[1.0, 2.0], &vectors, &vectors);
    assert_eq!(report.metric("spearman").map(f64::abs), Some(1.0));
    assert!(report.warnings[0].contains("fewer than 30 pairs"));
}

const QUERIES: usize = 60;
const DOCUMENTS: usize = 200;
const DIMENSIONS: usize = 16;

/// Queries near the first documents, and the ids of these documents as the relevant ones.
fn search(
    change: impl FnOnce(&mut VectorSet),
    judgements: Option<Vec<Vec<(String, u32)>>>,
    document_ids: Option<Vec<String>>,
) -> RetrievalReport {
    let documents = normal(1, DOCUMENTS * DIMENSIONS);
    let noise = normal(2, QUERIES * DIMENSIONS);
    let queries = documents.iter().zip(noise).map(|(x, noise)| x + noise);
    let reference = set(queries.chain(documents.iter().copied()).collect(), DIMENSIONS);
    let mut other = reference.clone();
    change(&mut other);
    let names = |name: &str, count: usize| (0..count).map(|at| format!("{name}{at}")).collect::<Vec<_>>();
    let (query_ids, document_ids) = (names("q", QUERIES), document_ids.unwrap_or_else(|| names("d", DOCUMENTS)));
    let judged = || (0..QUERIES).map(|at| vec![(format!("d{at}"), 1)]).collect();
    let judgements = judgements.unwrap_or_else(judged);
    let task = RetrievalTask {
        queries: 0..QUERIES,
        documents: QUERIES..QUERIES + document_ids.len(),
        query_ids: &query_ids,
        document_ids: &document_ids,
        judgements: &judgements,
        similarity: Similarity::Cosine,
    };
    let cancel = Cancel::new();
    let [reference, other] = [&reference, &other].map(|set| task.search(set, &cancel).unwrap());
    task.report(&other, Some(&reference), &cancel).unwrap()
}

#[test]
fn the_same_search_twice() {
    let report = search(|_| {}, None, None);
    for name in ["ndcg10", "recall10", "recall100", "mrr10"] {
        let change = report.judged(name).1.unwrap();
        assert_eq!((change.difference, change.interval), (0.0, Some((0.0, 0.0))), "{name}");
        assert_eq!((change.verdict, report.metric(name)), (QualityVerdict::Indistinguishable, Some(change.value)));
    }
    let comparison = report.comparison.as_ref().unwrap();
    assert_eq!((comparison.overlap10, comparison.better, comparison.worse), (Some(1.0), 0, 0));
    assert!((0.5..1.0).contains(&report.metric("ndcg10").unwrap()) && comparison.losses.is_empty());
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

#[test]
fn another_precision_finds_the_same() {
    let rounded = |set: &mut VectorSet| set.numbers.iter_mut().for_each(|x| *x = half::bf16::from_f32(*x).to_f32());
    let report = search(rounded, None, None);
    assert_eq!(report.verdict(), Some(QualityVerdict::Indistinguishable));
    assert!(report.metric("overlap10").unwrap() > 0.9, "{report:?}");
}

#[test]
fn documents_that_are_others_are_found_out() {
    // Every second document in the place of another one.
    let moved = |set: &mut VectorSet| {
        for at in (QUERIES..QUERIES + DOCUMENTS - 2).step_by(2) {
            set.rows.swap(at, at + 2);
        }
    };
    let report = search(moved, None, None);
    assert_eq!(report.verdict(), Some(QualityVerdict::Worse));
    let comparison = report.comparison.as_ref().unwrap();
    assert!(comparison.worse > 15 && comparison.overlap10.unwrap() < 0.7, "{comparison:?}");
    assert_eq!(comparison.losses.len(), 10);
    assert!(comparison.losses.is_sorted_by(|a, b| a.reference - a.ndcg10 >= b.reference - b.ndcg10));
    let change = report.judged("ndcg10").1.unwrap();
    assert!(change.interval.unwrap().1 < 0.0 && change.relative.unwrap() < -0.2, "{change:?}");
    assert!(report.judged("mrr10").1.unwrap().verdict == QualityVerdict::Worse);
}

#[test]
fn lost_queries_are_reported() {
    let lose = |set: &mut VectorSet| {
        set.rows[3].place = None;
        set.numbers[5 * DIMENSIONS] = f32::INFINITY;
        set.rows[QUERIES + 9].place = None;
        set.rows[QUERIES + 10].place = Some(0..DIMENSIONS - 1);
    };
    let report = search(lose, None, None);
    assert_eq!((report.queries, report.scored, report.lost, report.lost_documents), (QUERIES, QUERIES - 2, 2, 2));
    assert_eq!((report.metric("lost"), report.comparison.as_ref().unwrap().queries), (Some(4.0), QUERIES - 2));
    // Both documents are what a query looks for.
    assert_eq!(report.comparison.as_ref().unwrap().worse, 2);
    assert_eq!(report.warnings.len(), 2);
}

#[test]
fn everything_lost_or_nothing_there() {
    let report = search(|set| set.rows.iter_mut().for_each(|row| row.place = None), None, None);
    assert_eq!((report.metric("ndcg10"), report.judged("ndcg10").1, report.scored), (None, None, 0));
    assert_eq!(report.verdict(), Some(QualityVerdict::CannotTell));
    assert!(report.warnings.contains(&"no judged query has a sound vector".to_owned()), "{:?}", report.warnings);
    let report = search(|_| {}, None, Some(vec![]));
    assert_eq!((report.metric("ndcg10"), report.metric("recall100"), report.documents), (Some(0.0), Some(0.0), 0));
    assert!(report.warnings.contains(&"there are no documents".to_owned()), "{:?}", report.warnings);
    let report = search(|_| {}, Some(vec![vec![]; QUERIES]), None);
    assert_eq!((report.queries, report.unjudged, report.metric("mrr10")), (0, QUERIES, None));
    assert_eq!(report.warnings, ["no query has judgements"]);
    assert_eq!(search(|_| {}, Some(vec![]), None).queries, 0);
    // Fewer documents than are looked for.
    let three: Vec<String> = (0..3).map(|at| format!("d{at}")).collect();
    let report = search(|_| {}, None, Some(three));
    assert!((report.metric("recall10").unwrap() - 3.0 / 60.0).abs() < 1e-12);
    assert_eq!((report.metric("overlap10"), report.unknown_documents), (Some(1.0), QUERIES - 3));
}

/// Documents with equal vectors are ordered by descending id, and the one with the query's own id is left out.
#[test]
fn equal_documents_and_the_own_one() {
    let numbers = [1.0f32, 0.0].repeat(7);
    let vectors = set(numbers, 2);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (query_ids, document_ids) = (names(&["c", "q"]), names(&["b", "d", "a", "c", "e"]));
    let judgements =
        vec![vec![("b".to_owned(), 1), ("a".to_owned(), 0)], vec![("b".to_owned(), 9), ("b".to_owned(), 1)]];
    let task = RetrievalTask {
        queries: 0..2,
        documents: 2..7,
        query_ids: &query_ids,
        document_ids: &document_ids,
        judgements: &judgements,
        similarity: Similarity::Euclidean,
    };
    let report = task.report(&task.search(&vectors, &Cancel::new()).unwrap(), None, &Cancel::new()).unwrap();
    // e d b a, and e d c b a.
    near(report.metric("mrr10"), (1.0 / 3.0 + 1.0 / 4.0) / 2.0);
    near(report.metric("ndcg10"), (0.5 + 1.0 / 5f64.log2()) / 2.0);
}

#[test]
fn work_can_be_stopped() {
    let cancel = Cancel::new();
    let (gold, scores) = scored(1, 40);
    let (vectors, pairs) = (scoring(&scores), pairs(40));
    let sts = StsTask { gold: &gold, pairs: &pairs, similarity: Similarity::Cosine };
    let (query_ids, document_ids) = ids();
    let judgements = beir();
    let (queries, documents) = (0..12, 12..70);
    let task = RetrievalTask {
        queries,
        documents,
        query_ids: &query_ids,
        document_ids: &document_ids,
        judgements: &judgements,
        similarity: Similarity::Dot,
    };
    let found = task.search(&vectors, &cancel).unwrap();
    cancel.cancel();
    assert_eq!(task.search(&vectors, &cancel), Err(Cancelled));
    assert_eq!(task.report(&found, Some(&found), &cancel), Err(Cancelled));
    assert_eq!(sts.report(&sts.score(&vectors), None, &cancel), Err(Cancelled));
}

fn reports() -> (StsReport, RetrievalReport) {
    let (gold, scores) = scored(8, 50);
    let sts = sts(&gold, &scoring(&scores), &scoring(&with_noise(&scores, 3, 0.3)));
    let hostile = |set: &mut VectorSet| set.numbers[DIMENSIONS * QUERIES..].rotate_left(5 * DIMENSIONS);
    (sts, search(hostile, None, None))
}

#[test]
fn every_metric_has_its_name() {
    let (sts, retrieval) = reports();
    for name in JUDGED.into_iter().chain(OTHERS) {
        let of_one = ["lost"].contains(&name) != (sts.metric(name).is_some() != retrieval.metric(name).is_some());
        assert!(of_one, "{name}");
    }
    assert_eq!((sts.metric("speed"), retrieval.metric("speed")), (None, None));
    assert!(sts.judged("ndcg10").1.is_none() && retrieval.judged("overlap10").1.is_none());
}

#[test]
fn reports_are_as_the_schema_says() {
    let (sts, retrieval) = reports();
    [sts, self::sts(&[], &scoring(&[]), &scoring(&[]))].iter().for_each(|report| drop(valid()(report)));
    [retrieval, search(|_| {}, Some(vec![]), Some(vec![]))].iter().for_each(|report| drop(valid()(report)));
}

#[test]
fn reports_for_people() {
    let (sts, mut retrieval) = reports();
    assert_eq!(sts.task(), "50 pairs with true scores, 50 scored by cosine");
    retrieval.comparison.as_mut().unwrap().losses[0].query = "a\x1b[2J\nb".repeat(30);
    let section = Section::new("", retrieval.details().into_iter().chain(sts.details()));
    let text = terminal(&Document { sections: vec![section], ..Document::default() }, &TableOptions::default());
    for label in ["In common", "Queries", "Losses", "Scores"] {
        assert!(text.lines().any(|line| line.starts_with(label)), "{label}: {text}");
    }
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
}
