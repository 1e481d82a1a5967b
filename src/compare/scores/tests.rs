//! Planted cases: each must be named for what it is.

use super::set::QueryName;
use super::set_report::ScoreFlaws;
use super::*;
use crate::compare::vectors::tests::normal;
use crate::compare::vectors::{Side, Verdict};
use crate::model::activation::sigmoid;
use crate::report::TableOptions;
use crate::report::document::{Document, Section, terminal};
use crate::report::snapshots::valid;

const QUERIES: usize = 40;
const DOCUMENTS: usize = 25;

type Scores = Vec<Vec<f32>>;

/// Scores like those of most cross-encoders, as logits: a few relevant documents a query, and many others.
fn random(seed: u64, queries: usize, documents: usize) -> Scores {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut score = || {
        let noise = normal(&mut rng);
        if rng.usize(..5) == 0 { 3.0 + 2.0 * noise } else { -7.0 + 2.5 * noise }
    };
    (0..queries).map(|_| (0..documents).map(|_| score()).collect()).collect()
}

fn base() -> Scores {
    random(1, QUERIES, DOCUMENTS)
}

fn set(name: &str, scores: Scores) -> ScoreSet {
    let query = |(at, scores)| ScoredQuery { index: at as u64, id: None, scores: Some(scores) };
    ScoreSet { name: name.into(), queries: scores.into_iter().enumerate().map(query).collect() }
}

/// One against the other.
fn of(reference: Scores, candidate: Scores) -> RankingComparison {
    compare(&set("torch", reference), &set("tei", candidate))
}

/// The base against what `change` makes of it.
fn changed(change: impl FnOnce(&mut Scores)) -> RankingComparison {
    let mut scores = base();
    change(&mut scores);
    of(base(), scores)
}

fn each(scores: &mut Scores, mut change: impl FnMut(f32) -> f32) {
    scores.iter_mut().flatten().for_each(|score| *score = change(*score));
}

fn noisy(scores: &mut Scores, seed: u64, size: f32) {
    let mut rng = fastrand::Rng::with_seed(seed);
    each(scores, |score| score + size * normal(&mut rng));
}

fn probabilities(mut scores: Scores) -> Scores {
    each(&mut scores, |score| sigmoid(f64::from(score)) as f32);
    scores
}

fn shuffle(scores: &mut [f32], seed: u64) {
    fastrand::Rng::with_seed(seed).shuffle(scores);
}

fn sorted(scores: &mut [f32]) {
    scores.sort_by(|a, b| b.total_cmp(a));
}

fn query(index: u64) -> QueryName {
    QueryName { index, id: None }
}

fn is_the_same(found: &RankingComparison) -> bool {
    found.verdict == Verdict::Interchangeable && found.findings.is_empty() && found.warnings.is_empty()
}

#[test]
fn the_same_twice() {
    let found = changed(|_| {});
    assert!(is_the_same(&found) && found.worst.is_empty(), "{found:?}");
    assert_eq!((found.matched, found.compared, found.identical), (QUERIES, QUERIES, QUERIES));
    assert_eq!(found.reasons[0], "all scores are the same");
    for (name, expected) in [
        ("tau_min", 1.0),
        ("tau_p5", 1.0),
        ("top1", 1.0),
        ("overlap_min", 1.0),
        ("score_max_difference", 0.0),
        ("score_slope", 1.0),
        ("score_r_squared", 1.0),
        ("cut_off_changes", 0.0),
        ("worst_cut_off_changes", 0.0),
        ("nan", 0.0),
    ] {
        assert!((found.metric(name).unwrap() - expected).abs() < 1e-12, "{name}");
    }
}

#[test]
fn another_precision_of_float() {
    let half = |x: f32| half::f16::from_f32(x).to_f32();
    let brain = |x: f32| half::bf16::from_f32(x).to_f32();
    for (seed, round, noise) in [(1, half as fn(f32) -> f32, 0.005), (2, brain as fn(f32) -> f32, 0.05)] {
        let change = |scores: &mut Scores| {
            noisy(scores, seed, noise);
            each(scores, round);
        };
        let found = changed(change);
        assert!(is_the_same(&found) && found.identical == 0, "{noise}: {found:?}");
        // And of probabilities, also where they were rounded.
        let mut logits = base();
        noisy(&mut logits, seed, noise);
        let mut scores = probabilities(logits);
        each(&mut scores, round);
        let found = of(probabilities(base()), scores);
        assert!(is_the_same(&found), "{noise}: {found:?}");
    }
}

#[test]
fn noise_is_no_line() {
    for noise in [0.1, 0.15, 0.2, 0.3] {
        let found = changed(|scores| noisy(scores, 3, noise));
        let expected = if noise < 0.11 { vec![] } else { vec![Finding::SmallDifferences] };
        assert_eq!((found.findings, found.verdict == Verdict::Interchangeable), (expected, noise < 0.11), "{noise}");
    }
    // A line is found in it.
    let found = changed(|scores| {
        each(scores, |score| 1.1 * score);
        noisy(scores, 3, 0.1);
    });
    let [Finding::Scaled { factor }] = found.findings[..] else { panic!("{:?}", found.findings) };
    assert!((factor - 1.1).abs() < 0.01);
}

#[test]
fn near_ties_may_swap() {
    // Documents that all score alike, but for one.
    let mut reference = base();
    reference.iter_mut().for_each(|scores| {
        scores.iter_mut().for_each(|score| *score = -9.0 + *score / 100.0);
        scores[3] = 4.0;
    });
    let mut candidate = reference.clone();
    noisy(&mut candidate, 4, 0.04);
    let found = of(reference, candidate);
    assert!(is_the_same(&found), "{found:?}");
    assert!(found.metric("tau_mean").unwrap() < 0.8 && found.metric("top1") == Some(1.0), "{found:?}");
    assert!(found.reasons[1].ends_with("what changed places scores almost alike"), "{:?}", found.reasons);
}

#[test]
fn quantised() {
    let found = changed(|scores| noisy(scores, 3, 0.25));
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::SameRanking, &[Finding::SmallDifferences][..]));
    assert!(found.metric("score_r_squared").unwrap() > 0.97 && !found.worst.is_empty());
    assert!(found.worst.is_sorted_by(|a, b| a.tau <= b.tau) && found.worst[0].tau == found.order.unwrap().tau_min);
    // Too far.
    let found = changed(|scores| noisy(scores, 3, 1.5));
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[Finding::SmallDifferences][..]));
}

#[test]
fn logits_against_probabilities() {
    for noise in [0.0, 0.01, 0.2] {
        let mut logits = base();
        noisy(&mut logits, 8, noise);
        let found = of(base(), probabilities(logits.clone()));
        let one_way = [Finding::Sigmoid { probabilities: Side::Candidate, twice: false }];
        assert_eq!((found.verdict, &found.findings[..]), (Verdict::SameRanking, &one_way[..]), "{noise}");
        let sentence = found.findings[0].sentence("torch", "tei");
        assert!(
            sentence.starts_with("scores of tei are those of torch through a sigmoid: logits in torch"),
            "{sentence}"
        );
        assert_eq!(found.calibration.unwrap().cut_off.basis, CutOffBasis::Median);
        let found = of(probabilities(base()), logits);
        let other_way = [Finding::Sigmoid { probabilities: Side::Reference, twice: false }];
        assert_eq!((found.verdict, &found.findings[..]), (Verdict::SameRanking, &other_way[..]), "{noise}");
    }
}

#[test]
fn a_sigmoid_twice() {
    let found = of(probabilities(base()), probabilities(probabilities(base())));
    assert_eq!(found.findings, [Finding::Sigmoid { probabilities: Side::Candidate, twice: true }]);
    // All are above a half now.
    let cut_off = found.calibration.unwrap().cut_off;
    assert_eq!((cut_off.at, cut_off.candidate_above), (0.5, 1.0));
    assert!(cut_off.other_side > 0.5 && found.verdict == Verdict::SameRanking, "{found:?}");
}

#[test]
fn scaled() {
    let found = changed(|scores| each(scores, |score| 2.5 * score));
    let [Finding::Scaled { factor }] = found.findings[..] else { panic!("{:?}", found.findings) };
    assert!((factor - 2.5).abs() < 1e-6 && found.verdict == Verdict::SameRanking);
    assert!((found.metric("score_slope").unwrap() - 2.5).abs() < 1e-6);
}

#[test]
fn shifted() {
    let found = changed(|scores| each(scores, |score| score - 4.0));
    let [Finding::Shifted { by }] = found.findings[..] else { panic!("{:?}", found.findings) };
    assert!((by + 4.0).abs() < 1e-6 && found.verdict == Verdict::SameRanking);
    assert!((found.metric("score_bias").unwrap() + 4.0).abs() < 1e-6);
    assert_eq!(found.findings[0].sentence("a", "b"), "all scores shifted by -4.00");
}

#[test]
fn scaled_and_shifted() {
    let found = changed(|scores| each(scores, |score| (score + 20.0) / 40.0));
    let [Finding::Line { slope, intercept }] = found.findings[..] else { panic!("{:?}", found.findings) };
    assert!((slope - 0.025).abs() < 1e-6 && (intercept - 0.5).abs() < 1e-6);
    assert_eq!(found.verdict, Verdict::SameRanking);
}

#[test]
fn reversed() {
    for change in [|score: f32| -score, |score: f32| 1.0 - score, |score: f32| (-score).exp()] {
        let found = changed(|scores| each(scores, change));
        assert!(matches!(found.findings[..], [Finding::Reversed { tau }] if tau < -0.99), "{:?}", found.findings);
        assert_eq!((found.verdict, found.metric("top1")), (Verdict::Different, Some(0.0)));
    }
}

#[test]
fn another_rising_function() {
    let found = changed(|scores| each(scores, |score| (score / 2.0).exp()));
    assert!(matches!(found.findings[..], [Finding::SameOrder { tau: 1.0 }]), "{:?}", found.findings);
    assert_eq!(found.verdict, Verdict::SameRanking);
    // One for each query: from 0 to 1.
    let found = changed(|scores| {
        for scores in scores {
            let (min, max) = scores.iter().fold((f32::MAX, f32::MIN), |(a, b), &x| (a.min(x), b.max(x)));
            scores.iter_mut().for_each(|score| *score = (*score - min) / (max - min) - 3.0 * min);
        }
    });
    assert!(matches!(found.findings[..], [Finding::SameOrder { tau: 1.0 }]), "{:?}", found.findings);
}

#[test]
fn results_in_the_order_of_scores() {
    let candidate = Finding::Sorted { side: Side::Candidate, permuted: QUERIES };
    let found = changed(|scores| scores.iter_mut().for_each(|scores| sorted(scores)));
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[candidate.clone()][..]));
    // Through a sigmoid, they are other scores.
    let mut scores = base();
    scores.iter_mut().for_each(|scores| sorted(scores));
    let found = of(base(), probabilities(scores.clone()));
    assert_eq!(found.findings, [Finding::Sorted { side: Side::Candidate, permuted: 0 }]);
    assert_eq!(found.verdict, Verdict::Different);
    // It may be the reference.
    let found = of(scores, base());
    assert_eq!(found.findings, [Finding::Sorted { side: Side::Reference, permuted: QUERIES }]);
    // One query of four documents.
    let found = of(vec![vec![1.0, 3.0, 2.0, 4.0]], vec![vec![4.0, 3.0, 2.0, 1.0]]);
    assert_eq!(found.findings, [Finding::Sorted { side: Side::Candidate, permuted: 1 }]);
}

#[test]
fn documents_that_came_sorted_are_not_named_for_it() {
    let mut reference = base();
    reference.iter_mut().for_each(|scores| sorted(scores));
    let mut candidate = reference.clone();
    noisy(&mut candidate, 3, 0.05);
    let found = of(reference.clone(), candidate.clone());
    assert!(is_the_same(&found), "{found:?}");
    let found = of(candidate, reference);
    assert!(is_the_same(&found), "{found:?}");
}

#[test]
fn documents_permuted_in_one_query() {
    let found = changed(|scores| shuffle(&mut scores[7], 3));
    let permuted = |of| Finding::Permuted { queries: 1, of, examples: vec![query(7)] };
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[permuted(QUERIES)][..]));
    assert_eq!((found.worst.len(), &found.worst[0].query), (1, &query(7)));
    // Of another precision.
    let found = changed(|scores| {
        shuffle(&mut scores[7], 3);
        each(scores, |score| half::f16::from_f32(score).to_f32());
    });
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[permuted(QUERIES)][..]));
    // Two documents of one query.
    let found = changed(|scores| {
        let best = (0..DOCUMENTS).max_by(|&a, &b| scores[7][a].total_cmp(&scores[7][b])).unwrap();
        let worst = (0..DOCUMENTS).min_by(|&a, &b| scores[7][a].total_cmp(&scores[7][b])).unwrap();
        scores[7].swap(best, worst);
    });
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[permuted(QUERIES)][..]));
}

#[test]
fn documents_permuted_everywhere() {
    for scores in [base(), probabilities(base())] {
        let mut other = scores.clone();
        other.iter_mut().zip(0..).for_each(|(scores, seed)| shuffle(scores, seed));
        let found = of(scores, other);
        let [Finding::Permuted { queries: QUERIES, of: QUERIES, examples }] = &found.findings[..] else {
            panic!("{:?}", found.findings);
        };
        assert_eq!((found.verdict, examples.len()), (Verdict::Different, 5));
    }
}

#[test]
fn a_few_documents_have_other_scores() {
    let found = changed(|scores| {
        noisy(scores, 2, 0.01);
        scores[3][4] += 20.0;
        scores[30][0] -= 12.0;
    });
    let named = |index, document| super::findings::DocumentName { query: query(index), document };
    let few =
        Finding::FewDocuments { documents: 2, of: QUERIES * DOCUMENTS, examples: vec![named(3, 4), named(30, 0)] };
    assert_eq!(found.findings[0].sentence("a", "b"), few.sentence("a", "b"));
    // Two documents of a thousand: the order is the same.
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::SameRanking, &[few][..]));
}

#[test]
fn not_a_number_in_one_query() {
    for (at, side) in [(0, Side::Reference), (1, Side::Candidate)] {
        let mut sets = [base(), base()];
        sets[at][5][2] = f32::NAN;
        let [reference, candidate] = sets;
        let found = of(reference, candidate);
        let flaws = ScoreFlaws { nan: 1, examples: vec![query(5)], ..ScoreFlaws::default() };
        assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[Finding::Unsound { side, flaws }][..]));
        assert_eq!((found.compared, found.metric("nan")), (QUERIES - 1, Some(at as f64)));
        assert_eq!(found.findings[0].sentence("torch", "tei").split(' ').next_back(), Some("5)"));
    }
}

#[test]
fn an_infinite_score() {
    let found = changed(|scores| scores[5][2] = f32::INFINITY);
    let flaws = ScoreFlaws { infinite: 1, examples: vec![query(5)], ..ScoreFlaws::default() };
    let named = Finding::Unsound { side: Side::Candidate, flaws };
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::SameRanking, &[named][..]));
    assert_eq!((found.metric("infinite"), found.metric("score_max_difference")), (Some(1.0), Some(0.0)));
    // The same on both sides is the same.
    let mut scores = base();
    scores[5][2] = f32::NEG_INFINITY;
    assert_eq!(of(scores.clone(), scores).verdict, Verdict::Interchangeable);
}

#[test]
fn one_query_failed() {
    let (reference, mut candidate) = (set("torch", base()), set("tei", base()));
    (candidate.queries[9].scores, candidate.queries[9].id) = (None, Some("q\u{1b}9".into()));
    let found = compare(&reference, &candidate);
    let [Finding::Unsound { side: Side::Candidate, flaws }] = &found.findings[..] else {
        panic!("{:?}", found.findings);
    };
    assert_eq!((flaws.missing, found.metric("missing"), found.compared), (1, Some(1.0), QUERIES - 1));
    assert_eq!(found.verdict, Verdict::Different);
    assert!(found.findings[0].sentence("a", "b").starts_with("unsound scores in b: 1 query failed (query \"q"));
    // Failed in both, it says nothing of either.
    let found = compare(&candidate, &candidate);
    assert_eq!((found.verdict, found.neither, found.warnings.len()), (Verdict::Interchangeable, 1, 1));
}

#[test]
fn other_numbers_of_documents() {
    let found = changed(|scores| {
        scores[2].pop();
        scores[4].push(1.0);
    });
    let named = Finding::OtherDocuments { queries: 2, examples: vec![query(2), query(4)] };
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[named][..]));
    assert_eq!((found.document_mismatches, found.compared), (2, QUERIES - 2));
}

#[test]
fn other_numbers_of_queries() {
    let found = changed(|scores| scores.truncate(QUERIES - 3));
    assert_eq!((found.matched, found.only_in_reference, found.metric("unmatched")), (QUERIES - 3, 3, Some(3.0)));
    assert_eq!(
        (found.verdict, &found.warnings[..]),
        (Verdict::Interchangeable, &["3 queries are in torch alone, and left out".to_owned()][..],)
    );
}

#[test]
fn a_constant_head() {
    for (at, side) in [(0, Side::Reference), (1, Side::Candidate)] {
        let mut sets = [base(), base()];
        each(&mut sets[at], |_| 0.5);
        let [reference, candidate] = sets;
        let found = of(reference, candidate);
        assert_eq!(found.findings, [Finding::Constant { side, score: 0.5 }]);
        assert_eq!((found.verdict, found.metric("tau_mean")), (Verdict::Different, None));
        // The lost order is the candidate's; a constant reference agrees with any order.
        let top = if at == 1 { 1.0 / DOCUMENTS as f64 } else { 1.0 };
        assert!((found.metric("top1").unwrap() - top).abs() < 1e-12, "{found:?}");
        assert_eq!(found.worst.len(), if at == 1 { 10 } else { 0 });
    }
    // Each query has a constant of its own.
    let found = changed(|scores| {
        scores.iter_mut().for_each(|scores| {
            let first = scores[0];
            scores.fill(first);
        });
    });
    assert_eq!((found.verdict, found.order.unwrap().lost), (Verdict::Different, QUERIES));
}

#[test]
fn all_tied_in_both() {
    let tied = vec![vec![0.25; DOCUMENTS]; QUERIES];
    let found = of(tied.clone(), tied.clone());
    assert_eq!((found.verdict, &found.findings[..], found.warnings.len()), (Verdict::Interchangeable, &[][..], 1));
    assert_eq!((found.metric("top1"), found.metric("tau_mean")), (Some(1.0), None));
    let found = of(tied, vec![vec![0.75; DOCUMENTS]; QUERIES]);
    assert_eq!(found.findings.len(), 2);
    assert_ne!(found.verdict, Verdict::Interchangeable);
}

#[test]
fn unrelated() {
    for other in [random(9, QUERIES, DOCUMENTS), probabilities(random(9, QUERIES, DOCUMENTS))] {
        let found = of(base(), other);
        assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[Finding::Unrelated][..]));
    }
    let found = of(probabilities(base()), probabilities(random(9, QUERIES, DOCUMENTS)));
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[Finding::Unrelated][..]));
    // Many queries of three documents, among whose scores some meet by chance.
    let found = of(probabilities(random(1, 500, 3)), probabilities(random(9, 500, 3)));
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Different, &[Finding::Unrelated][..]));
}

#[test]
fn related() {
    let found = changed(|scores| noisy(scores, 3, 4.0));
    assert!(matches!(found.findings[..], [Finding::Related { tau }] if tau > 0.4), "{:?}", found.findings);
    assert_eq!(found.verdict, Verdict::Different);
}

#[test]
fn one_document_a_query() {
    let scores = random(1, 200, 1);
    let found = of(scores.clone(), scores.clone());
    assert_eq!((found.verdict, &found.findings[..], found.order), (Verdict::Interchangeable, &[][..], None));
    let found = of(scores.clone(), probabilities(scores.clone()));
    assert_eq!(found.findings, [Finding::Sigmoid { probabilities: Side::Candidate, twice: false }]);
    assert_eq!(found.verdict, Verdict::Different);
    let mut half = scores.clone();
    each(&mut half, |score| half::f16::from_f32(score).to_f32());
    assert_eq!(of(scores, half).verdict, Verdict::Interchangeable);
}

#[test]
fn few_documents() {
    for (reference, candidate, verdict) in [
        (vec![vec![1.0]], vec![vec![1.0]], Verdict::Interchangeable),
        (vec![vec![1.0]], vec![vec![0.5]], Verdict::TooFewInputs),
        (vec![vec![1.0, 2.0]], vec![vec![1.0, 2.001]], Verdict::Interchangeable),
        (vec![vec![1.0, 2.0]], vec![vec![3.0, 7.0]], Verdict::TooFewInputs),
        (vec![vec![1.0, 2.0]], vec![vec![2.0, 1.0]], Verdict::TooFewInputs),
        (vec![vec![1.0, 2.0, 3.0]], vec![vec![0.1, 9.0, 0.2]], Verdict::TooFewInputs),
        (vec![vec![1.0, 2.0, 3.0, 4.0]], vec![vec![4.0, 3.0, 2.0, 1.0]], Verdict::Different),
    ] {
        let found = of(reference.clone(), candidate.clone());
        assert_eq!(found.verdict, verdict, "{reference:?} {candidate:?}");
        // Chance could have done it.
        assert!(!found.findings.iter().any(|found| matches!(found, Finding::Reversed { .. } | Finding::Unrelated)));
    }
}

#[test]
fn nothing_to_compare() {
    for (reference, candidate) in [
        (vec![], vec![]),
        (base(), vec![]),
        (vec![vec![]], vec![vec![]]),
        (vec![vec![f32::NAN; 3]], vec![vec![f32::NAN; 3]]),
        (vec![vec![f32::INFINITY; 3]], vec![vec![f32::INFINITY; 3]]),
    ] {
        let found = of(reference, candidate);
        assert_eq!((found.verdict, found.calibration), (Verdict::Different, None));
        assert_eq!(found.reasons, ["no document has a finite score in both"]);
        assert!(!details(&ScoreSetReport::of(&set("a", vec![])), &found).is_empty());
    }
}

#[test]
fn the_ends_of_float32() {
    let reference = vec![vec![f32::MAX, f32::MIN, 0.0, 1e-45], vec![1.0, f32::MIN_POSITIVE, -0.0, 2.0]];
    let mut candidate = reference.clone();
    candidate.iter_mut().for_each(|scores| scores.reverse());
    let found = of(reference, candidate);
    valid()(&found);
}

#[test]
fn whatever_comes_is_compared() {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-45, -0.0, 0.0, 0.5, 1.0];
    let mut rng = fastrand::Rng::with_seed(11);
    let mut judged = [0; 4];
    let valid = valid();
    for _ in 0..3_000 {
        // Few odd values in some rounds, many in others, bits as they fall in all.
        let oddness = rng.f32();
        let scores = |rng: &mut fastrand::Rng| {
            let score = |rng: &mut fastrand::Rng| match rng.f32() {
                part if part < oddness * oddness => odd[rng.usize(..odd.len())],
                part if part < 0.9 => rng.f32() * 8.0 - 4.0,
                _ => f32::from_bits(rng.u32(..)),
            };
            (0..rng.usize(..7)).map(|_| score(rng)).collect::<Vec<_>>()
        };
        let queries = rng.usize(..6);
        let reference: Scores = (0..queries).map(|_| scores(&mut rng)).collect();
        let mut candidate = reference.clone();
        for query in &mut candidate {
            match rng.usize(..5) {
                0 => *query = scores(&mut rng),
                1 => rng.shuffle(query),
                2 => query.iter_mut().for_each(|score| *score *= 1.01),
                _ => {}
            }
        }
        let found = of(reference.clone(), candidate.clone());
        valid(&found);
        assert!(!details(&ScoreSetReport::of(&set("a", reference.clone())), &found).is_empty());
        let part = |name| found.metric(name).is_none_or(|part| (-1e-12..=1.0 + 1e-12).contains(&part));
        assert!(
            ["top1", "overlap_min", "overlap_mean", "cut_off_changes", "worst_cut_off_changes"].map(part) == [true; 5]
        );
        judged[found.verdict as usize] += 1;
        // The other way round, the same queries are compared.
        assert_eq!(of(candidate, reference).compared, found.compared);
    }
    assert!(judged.iter().all(|&count| count > 20), "{judged:?}");
}

#[test]
fn every_metric_has_its_name() {
    let found = changed(|scores| noisy(scores, 4, 0.3));
    for (name, _) in METRICS {
        assert!(found.metric(name).is_some_and(f64::is_finite), "{name}");
    }
    assert_eq!(found.metric("speed"), None);
    // Those that stand in result files as well are of the same kind.
    for name in ["tau_min", "tau_mean", "overlap_min", "overlap_mean"] {
        assert!(
            METRICS.iter().any(|(known, _)| *known == name) && crate::compare::runs::metric(name).is_some(),
            "{name}"
        );
    }
}

#[test]
fn details_for_people() {
    let mut other = base();
    noisy(&mut other, 4, 0.3);
    other[3][3] = f32::NAN;
    let (reference, candidate) = (set("torch", base()), set("tei", other));
    let found = compare(&reference, &candidate);
    let sections = vec![Section::new("", details(&ScoreSetReport::of(&reference), &found))];
    let options = TableOptions { colour: false, width: Some(400) };
    let drawn = terminal(&Document { sections, ..Document::default() }, &options);
    let text = |label: &str| drawn.lines().find_map(|line| line.strip_prefix(label)).unwrap().trim();
    assert!(text("Compared").ends_with("; 1 query with NaN"), "{drawn}");
    assert_eq!(text("Found"), "unsound scores in tei: 1 query with NaN (query 3)");
    assert_eq!(text("Queries  "), "40 scored by both, 39 compared (975 documents), 0 identical bit for bit");
    assert!(text("Cut-off").starts_with("at -6.") && text("Because").contains("1 query has sound"), "{drawn}");
    assert!(drawn.contains("Queries whose documents are ordered least alike\nquery"), "{drawn}");
}
