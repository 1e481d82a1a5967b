//! Planted cases: each must be named for what it is.

use super::*;
use crate::compare::threshold::{Kind, Threshold};
use crate::report::document::check::assert_drawable;
use crate::report::html::check::{assert_finite, readable};
use crate::report::snapshots::{assert_published, compare_in, valid};
use crate::report::{TableOptions, document as draw, schema_of};

const COUNT: usize = 400;
const DIMENSIONS: usize = 24;

/// A number of the standard normal distribution, almost.
pub(in crate::compare) fn normal(rng: &mut fastrand::Rng) -> f32 {
    (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0
}

pub(in crate::compare) fn random(seed: u64, count: usize, dimensions: usize) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..count * dimensions).map(|_| normal(&mut rng)).collect()
}

/// Rows of `dimensions` numbers each, without ids.
fn set(name: &str, numbers: Vec<f32>, dimensions: usize) -> VectorSet {
    let rows = numbers.chunks(dimensions).enumerate();
    let rows = rows.map(|(at, _)| VectorRow {
        index: None,
        id: None,
        text: None,
        place: Some(at * dimensions..(at + 1) * dimensions),
    });
    VectorSet { name: name.into(), rows: rows.collect(), numbers }
}

fn normalised(numbers: &[f32], dimensions: usize) -> Vec<f32> {
    let unit = |vector: &[f32]| {
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter().map(|x| x / norm).collect::<Vec<_>>()
    };
    numbers.chunks(dimensions).flat_map(unit).collect()
}

/// Vectors like those of most models: normalised.
fn base() -> Vec<f32> {
    normalised(&random(1, COUNT, DIMENSIONS), DIMENSIONS)
}

/// The base against what `change` makes of it.
#[track_caller]
fn changed(change: impl FnOnce(&mut Vec<f32>)) -> VectorComparison {
    let mut numbers = base();
    change(&mut numbers);
    compare(&set("a.npy", base(), DIMENSIONS), &set("b.npy", numbers, DIMENSIONS)).unwrap()
}

/// Another computation of the same, normalised as well.
fn noisy(numbers: &mut [f32], seed: u64, size: f32) {
    let noise = random(seed, numbers.len(), 1);
    let noisy: Vec<f32> = numbers.iter().zip(noise).map(|(x, noise)| x + size * noise).collect();
    numbers.copy_from_slice(&normalised(&noisy, DIMENSIONS));
}

fn swap_rows(numbers: &mut [f32], a: usize, b: usize) {
    (0..DIMENSIONS).for_each(|d| numbers.swap(a * DIMENSIONS + d, b * DIMENSIONS + d));
}

fn input(index: u64) -> InputName {
    InputName { index, id: None }
}

#[test]
fn the_same_twice() {
    let found = changed(|_| {});
    assert_eq!((found.verdict, &found.findings[..], &found.warnings[..]), (Verdict::Interchangeable, &[][..], &[][..]));
    assert_eq!((found.matched, found.compared, found.identical), (COUNT, COUNT, COUNT));
    assert!(found.worst.is_empty());
    for (name, expected) in
        [("cosine_min", 1.0), ("top1", 1.0), ("top10", 1.0), ("distance_correlation", 1.0), ("nan", 0.0)]
    {
        assert!((found.metric(name).unwrap() - expected).abs() < 1e-12, "{name}");
    }
}

#[test]
fn another_precision_of_float() {
    let found = changed(|numbers| numbers.iter_mut().for_each(|x| *x = half::f16::from_f32(*x).to_f32()));
    assert_eq!((found.verdict, &found.findings[..], found.identical), (Verdict::Interchangeable, &[][..], 0));
    let found = changed(|numbers| numbers.iter_mut().for_each(|x| *x = half::bf16::from_f32(*x).to_f32()));
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::Interchangeable, &[][..]));
}

#[test]
fn quantised() {
    let found = changed(|numbers| noisy(numbers, 9, 0.02));
    assert!(matches!(found.findings[..], [Finding::SmallDifferences { .. }]), "{:?}", found.findings);
    assert_ne!(found.verdict, Verdict::Interchangeable);
    assert!(found.metric("cosine_min").unwrap() > 0.9);
}

#[test]
fn rows_permuted() {
    let found = changed(|numbers| {
        let mut rng = fastrand::Rng::with_seed(3);
        (1..COUNT).rev().for_each(|row| swap_rows(numbers, row, rng.usize(..=row)));
    });
    assert_eq!(found.verdict, Verdict::Different);
    let [Finding::Permuted { inputs, looked_at, shift, examples }] = &found.findings[..] else {
        panic!("{:?}", found.findings);
    };
    assert!(*inputs > COUNT - 10 && inputs == looked_at && shift.is_none() && examples.len() == 5);
    assert!(found.findings[0].sentence("a", "b").starts_with("rows permuted: "));
}

#[test]
fn rows_permuted_and_computed_anew() {
    let found = changed(|numbers| {
        numbers.rotate_left(DIMENSIONS);
        noisy(numbers, 4, 0.01);
    });
    let [Finding::Permuted { inputs: COUNT, looked_at: COUNT, shift: Some(1), .. }] = &found.findings[..] else {
        panic!("{:?}", found.findings);
    };
    assert!(found.findings[0].sentence("a", "b").ends_with("all of the one 1 further down"));
}

#[test]
fn one_row_swapped_with_another() {
    let found = changed(|numbers| swap_rows(numbers, 17, 230));
    assert_eq!(found.verdict, Verdict::Different);
    assert_eq!(found.findings, [Finding::Swapped { first: input(17), second: input(230) }]);
    assert_eq!(found.worst.len(), 2);
}

#[test]
fn all_scaled() {
    let found = changed(|numbers| numbers.iter_mut().for_each(|x| *x *= 2.5));
    assert_eq!(found.verdict, Verdict::SameRanking);
    let [Finding::Scaled { factor }] = found.findings[..] else { panic!("{:?}", found.findings) };
    assert!((factor - 2.5).abs() < 1e-6);
    assert!((found.norm_ratio.unwrap() - 2.5).abs() < 1e-6 && found.metric("norm_drift_max").unwrap() > 1.4);
}

#[test]
fn one_set_normalised() {
    let raw = random(1, COUNT, DIMENSIONS);
    let (raw, unit) = (set("raw.npy", raw, DIMENSIONS), set("unit.npy", base(), DIMENSIONS));
    let found = compare(&raw, &unit).unwrap();
    assert_eq!(
        (found.verdict, found.findings),
        (Verdict::SameRanking, vec![Finding::Normalisation { normalised: Side::Candidate }])
    );
    let found = compare(&unit, &raw).unwrap();
    assert_eq!(
        (found.verdict, found.findings),
        (Verdict::SameRanking, vec![Finding::Normalisation { normalised: Side::Reference }])
    );
}

#[test]
fn one_vector_with_nan_infinite_or_zero() {
    for (value, metric) in [(f32::NAN, "nan"), (f32::INFINITY, "infinite"), (0.0, "zero")] {
        let found = changed(|numbers| numbers[5 * DIMENSIONS..6 * DIMENSIONS].fill(value));
        assert_eq!(found.verdict, Verdict::Different);
        let [Finding::Unsound { side: Side::Candidate, flaws }] = &found.findings[..] else {
            panic!("{:?}", found.findings);
        };
        assert_eq!((flaws.total(), &flaws.examples[..]), (1, &[input(5)][..]));
        assert_eq!((found.metric(metric), found.compared, found.identical), (Some(1.0), COUNT - 1, COUNT - 1));
        assert!(found.metric("cosine_min").unwrap() > 1.0 - 1e-12);
        // The other way round it is the reference's.
        let mut numbers = base();
        numbers[5 * DIMENSIONS] = f32::NAN;
        let found = compare(&set("a", numbers, DIMENSIONS), &set("b", base(), DIMENSIONS)).unwrap();
        assert!(matches!(found.findings[..], [Finding::Unsound { side: Side::Reference, .. }]));
        assert_eq!((found.verdict, found.metric("nan")), (Verdict::Different, Some(0.0)));
    }
}

#[test]
fn an_input_that_failed_in_one_or_in_both() {
    let (a, mut b) = (set("a", base(), DIMENSIONS), set("b", base(), DIMENSIONS));
    b.rows[3].place = None;
    let found = compare(&a, &b).unwrap();
    assert_eq!((found.verdict, found.metric("missing"), found.compared), (Verdict::Different, Some(1.0), COUNT - 1));
    let mut a = a;
    a.rows[3].place = None;
    let found = compare(&a, &b).unwrap();
    assert_eq!((found.verdict, found.neither), (Verdict::Interchangeable, 1));
    assert_eq!(found.warnings, ["1 input has a sound vector in neither"]);
}

/// A text's vector as the mean of its tokens' vectors, and that of the first of them.
#[test]
fn another_pooling() {
    const TOKENS: usize = 6;
    let tokens = random(11, COUNT * TOKENS, DIMENSIONS);
    let of = |pool: &dyn Fn(&[f32], usize) -> f32| {
        let texts = tokens.chunks(TOKENS * DIMENSIONS);
        let numbers =
            texts.flat_map(|text| (0..DIMENSIONS).map(|d| pool(text, d)).collect::<Vec<_>>()).collect::<Vec<_>>();
        normalised(&numbers, DIMENSIONS)
    };
    let mean = of(&|text, d| (0..TOKENS).map(|token| text[token * DIMENSIONS + d]).sum());
    // The first token has seen the others.
    let first = of(&|text, d| text[d] + 0.2 * (1..TOKENS).map(|token| text[token * DIMENSIONS + d]).sum::<f32>());
    let found = compare(&set("mean", mean, DIMENSIONS), &set("cls", first, DIMENSIONS)).unwrap();
    assert_eq!((found.verdict, found.findings), (Verdict::Different, vec![Finding::Related]));
}

#[test]
fn unrelated_vectors() {
    let found = changed(|numbers| *numbers = normalised(&random(99, COUNT, DIMENSIONS), DIMENSIONS));
    assert_eq!((found.verdict, found.findings), (Verdict::Different, vec![Finding::Unrelated]));
}

#[test]
fn mirrored() {
    let found = changed(|numbers| numbers.iter_mut().for_each(|x| *x = -*x));
    assert_eq!((found.verdict, &found.findings[..]), (Verdict::SameRanking, &[Finding::Turned][..]));
    assert!(found.metric("cosine_min").unwrap() < 1e-12 - 1.0);
}

#[test]
fn a_few_inputs_with_other_vectors() {
    let other = normalised(&random(50, 3, DIMENSIONS), DIMENSIONS);
    let found = changed(|numbers| numbers[..3 * DIMENSIONS].copy_from_slice(&other));
    assert_eq!(found.verdict, Verdict::Different);
    assert!(matches!(found.findings[..], [Finding::FewInputs { inputs: 3, of: COUNT, .. }]), "{:?}", found.findings);
    // With noise, too.
    let found = changed(|numbers| {
        noisy(numbers, 9, 0.02);
        numbers[..3 * DIMENSIONS].copy_from_slice(&other);
    });
    let [few, noise] = &found.findings[..] else { panic!("{:?}", found.findings) };
    assert!(matches!(few, Finding::FewInputs { inputs: 3, of: COUNT, .. }), "{few:?}");
    assert!(matches!(noise, Finding::SmallDifferences { .. }), "{noise:?}");
}

/// As with int8 on easy texts: nearly half of the cosines lie a little below the limit.
#[test]
fn half_of_all_are_not_a_few() {
    let found = changed(|numbers| noisy(numbers, 9, 0.0085));
    let off = found.worst.iter().filter(|worst| worst.cosine < 0.999).count();
    let median = found.vectors.agreement.as_ref().unwrap().cosine_mean;
    assert!(off == 10 && median > 0.999, "{off} {median}");
    assert!(matches!(found.findings[..], [Finding::SmallDifferences { .. }]), "{:?}", found.findings);
}

/// One cosine a little below the limit says nothing of its input, be the inputs few or many.
#[test]
fn a_little_below_the_limit_is_not_another_vector() {
    let few = base()[..5 * DIMENSIONS].to_vec();
    for seed in 10..30 {
        let mut other = few.clone();
        noisy(&mut other, seed, 0.009);
        let found = compare(&set("a", few.clone(), DIMENSIONS), &set("b", other, DIMENSIONS)).unwrap();
        assert!(found.findings.is_empty(), "{seed}: {:?}", found.findings);
    }
    let found = changed(|numbers| noisy(numbers, 9, 0.0075));
    let off = found.worst.iter().filter(|worst| worst.cosine < 0.999).count();
    assert!(off > 0, "{:?}", found.worst);
    assert!(matches!(found.findings[..], [Finding::SmallDifferences { .. }]), "{:?}", found.findings);
    // Another vector altogether is one among five, too.
    let mut other = few.clone();
    other[..DIMENSIONS].copy_from_slice(&normalised(&random(50, 1, DIMENSIONS), DIMENSIONS));
    let found = compare(&set("a", few, DIMENSIONS), &set("b", other, DIMENSIONS)).unwrap();
    assert!(matches!(found.findings[..], [Finding::FewInputs { inputs: 1, of: 5, .. }]), "{:?}", found.findings);
}

#[test]
fn another_dimension() {
    // The same vectors with zeros behind them, and with their second half cut off.
    let padded: Vec<f32> = base().chunks(DIMENSIONS).flat_map(|vector| [vector, &[0.0; 8]].concat()).collect();
    let cut: Vec<f32> = base().chunks(DIMENSIONS).flat_map(|vector| vector[..DIMENSIONS / 2].to_vec()).collect();
    let cut = normalised(&cut, DIMENSIONS / 2);
    let a = set("a", base(), DIMENSIONS);
    let found = compare(&a, &set("b", padded, DIMENSIONS + 8)).unwrap();
    let other = |candidate| Finding::OtherDimensions { reference: DIMENSIONS, candidate };
    assert_eq!((found.verdict, found.findings), (Verdict::SameRanking, vec![other(DIMENSIONS + 8)]));
    assert_eq!((found.vectors.dimension_mismatches, found.vectors.agreement), (COUNT, None));
    let found = compare(&a, &set("b", cut, DIMENSIONS / 2)).unwrap();
    assert_eq!(
        (found.verdict, &found.findings[..]),
        (Verdict::Different, &[other(DIMENSIONS / 2), Finding::Related][..])
    );
    assert_eq!(found.metric("cosine_min"), None);
}

#[test]
fn one_vector_of_another_length() {
    let (a, mut b) = (set("a", base(), DIMENSIONS), set("b", base(), DIMENSIONS));
    b.rows[7].place = Some(0..DIMENSIONS - 1);
    let found = compare(&a, &b).unwrap();
    assert!(matches!(&found.findings[..], [Finding::Unsound { flaws, .. }] if flaws.other_lengths == 1));
    assert_eq!((found.verdict, found.metric("dimension_mismatches")), (Verdict::Different, Some(1.0)));
}

#[test]
fn different_counts_are_pointed_out() {
    let shorter = base()[..(COUNT - 10) * DIMENSIONS].to_vec();
    let found = compare(&set("a", base(), DIMENSIONS), &set("b", shorter, DIMENSIONS)).unwrap();
    assert_eq!((found.matched, found.only_in_reference, found.only_in_candidate), (COUNT - 10, 10, 0));
    assert_eq!((found.verdict, found.metric("unmatched")), (Verdict::Interchangeable, Some(10.0)));
    assert!(
        found.warnings[0].starts_with("10 inputs are in a alone") && found.warnings.len() == 2,
        "{:?}",
        found.warnings
    );
}

#[test]
fn matched_by_id_in_any_order() {
    let named = |name: &str, numbers: Vec<f32>, id: fn(usize) -> usize| {
        let mut set = set(name, numbers, DIMENSIONS);
        set.rows.iter_mut().enumerate().for_each(|(at, row)| row.id = Some(format!("text {}", id(at))));
        set
    };
    let backwards: Vec<f32> = base().chunks(DIMENSIONS).rev().flatten().copied().collect();
    let (a, b) = (named("a", base(), |at| at), named("b", backwards, |at| COUNT - 1 - at));
    let found = compare(&a, &b).unwrap();
    assert_eq!((found.matched_by, found.verdict, found.identical), (MatchedBy::Id, Verdict::Interchangeable, COUNT));
    // By place they are another order.
    let places = |mut set: VectorSet| {
        set.rows.iter_mut().for_each(|row| row.id = None);
        set
    };
    assert!(matches!(compare(&places(a), &places(b)).unwrap().findings[..], [Finding::Permuted { shift: None, .. }]));
}

#[test]
fn few_inputs() {
    for count in [1, 2, 3, 5] {
        let numbers = base()[..count * DIMENSIONS].to_vec();
        let scaled = numbers.iter().map(|x| 2.0 * x).collect();
        let a = set("a", numbers.clone(), DIMENSIONS);
        assert_eq!(compare(&a, &set("b", numbers, DIMENSIONS)).unwrap().verdict, Verdict::Interchangeable, "{count}");
        let found = compare(&a, &set("b", scaled, DIMENSIONS)).unwrap();
        assert_eq!(found.verdict, Verdict::SameRanking, "{count}");
        assert!(matches!(found.findings[..], [Finding::Scaled { .. }]));
        let other = set("b", random(77, count, DIMENSIONS), DIMENSIONS);
        let found = compare(&a, &other).unwrap();
        let expected = if count < 4 { Verdict::TooFewInputs } else { Verdict::Different };
        assert_eq!(found.verdict, expected, "{count}: {found:?}");
        assert!(found.metric("cosine_min").is_some());
    }
}

#[test]
fn a_few_equal_inputs_do_not_speak_for_those_left_out() {
    let of = |rows: usize| set("a", base()[..rows * DIMENSIONS].to_vec(), DIMENSIONS);
    let unsound = || {
        let mut four = of(4);
        four.rows.iter_mut().skip(1).for_each(|row| row.place = None);
        four
    };
    for (a, b) in [(of(6), of(3)), (of(3), of(6)), (unsound(), unsound())] {
        let found = compare(&a, &b).unwrap();
        assert_eq!(found.verdict, Verdict::TooFewInputs, "{:?}", found.reasons);
        assert!(found.reasons.last().unwrap().contains("too few to tell"), "{:?}", found.reasons);
    }
}

/// The effect of int8 on a few texts, with any noise: it is never called different, nor the same.
#[test]
fn few_inputs_with_small_differences_cannot_tell() {
    for count in [1, 2, 3, 4, 7, 9] {
        for seed in 10..30 {
            let numbers = base()[..count * DIMENSIONS].to_vec();
            let a = set("a", numbers.clone(), DIMENSIONS);
            let mut near = numbers.clone();
            noisy(&mut near, seed, 0.02);
            let found = compare(&a, &set("b", near, DIMENSIONS)).unwrap();
            assert_eq!(found.verdict, Verdict::TooFewInputs, "{count} {seed}: {:?}", found.reasons);
            assert!(found.reasons.last().unwrap().contains("too few to tell"), "{:?}", found.reasons);
            // Rounding to bfloat16 is the same all the same.
            let rounded = numbers.iter().map(|x| half::bf16::from_f32(*x).to_f32()).collect();
            assert_eq!(compare(&a, &set("b", rounded, DIMENSIONS)).unwrap().verdict, Verdict::Interchangeable);
        }
    }
}

#[test]
fn other_numbers_of_vectors_are_the_first_reason() {
    for (rows, other) in [(3, 2), (40, 30), (5, 9)] {
        let of = |seed, rows| random(seed, rows, DIMENSIONS);
        let found = compare(&set("a", of(1, rows), DIMENSIONS), &set("b", of(2, other), DIMENSIONS)).unwrap();
        let first =
            format!("a has {rows} vectors and b {other}, matched by place, so that they may be of other inputs");
        assert_eq!(found.reasons.first(), Some(&first));
    }
}

#[test]
fn nothing_sound_in_both() {
    let nan = vec![f32::NAN; 3 * DIMENSIONS];
    let found = compare(&set("a", base()[..3 * DIMENSIONS].to_vec(), DIMENSIONS), &set("b", nan, DIMENSIONS)).unwrap();
    assert_eq!((found.verdict, found.compared, found.metric("cosine_min")), (Verdict::Different, 0, None));
    assert_eq!(found.metric("nan"), Some(3.0));
}

#[test]
fn every_metric_has_its_name() {
    let found = changed(|numbers| noisy(numbers, 4, 0.001));
    for (name, _) in METRICS {
        assert!(found.metric(name).is_some(), "{name}");
    }
    assert_eq!(found.metric("speed"), None);
}

#[test]
fn thresholds() {
    let crossed = |text: &str, found: &VectorComparison| {
        let threshold = Threshold::parse(text, Kind::Vectors).unwrap();
        let mut report = VectorsReport { comparisons: vec![found.clone()], ..report() };
        report.check(&[threshold]);
        report.thresholds[0].crossed.unwrap()
    };
    let found = changed(|numbers| swap_rows(numbers, 17, 230));
    assert!(crossed("cosine_min<0.999", &found) && crossed("distance_correlation<1", &found));
    assert!(!crossed("cosine_mean<0.9", &found) && !crossed("nan>0", &found) && !crossed("max_difference>2", &found));
    // The others are equal, but nothing is known of those that have a vector in one set only.
    let cut = |rows: usize, flawed: usize| {
        let mut candidate = set("b", base()[..rows * DIMENSIONS].to_vec(), DIMENSIONS);
        candidate.rows.iter_mut().take(flawed).for_each(|row| row.place = None);
        [(&set("a", base(), DIMENSIONS), &candidate), (&candidate, &set("a", base(), DIMENSIONS))]
            .map(|(reference, candidate)| compare(reference, candidate).unwrap())
    };
    for found in cut(COUNT, 200).iter().chain(&cut(200, 0)).chain(&cut(COUNT, 1)) {
        for threshold in ["cosine_min<0.9", "top10<0.5", "max_difference>1", "nan>0"] {
            assert!(crossed(threshold, found), "{threshold}: {:?}", found.reasons);
        }
    }
    assert!(!crossed("cosine_min<0.9", &cut(COUNT, 0)[0]));
    // A count that names them is held against its own limit, and a limit to unmatched inputs allows them.
    assert!(!crossed("missing>200", &cut(COUNT, 200)[0]) && crossed("missing>199", &cut(COUNT, 200)[0]));
    let both = ["cosine_min<0.9", "unmatched>200"].map(|text| Threshold::parse(text, Kind::Vectors).unwrap());
    let mut allowed = VectorsReport { comparisons: cut(200, 0).to_vec(), ..report() };
    allowed.check(&both);
    assert!(allowed.thresholds.iter().all(|check| check.crossed == Some(false)), "{:?}", allowed.thresholds);
    allowed.comparisons = cut(200, 3).to_vec();
    allowed.check(&both[..]);
    assert!(allowed.thresholds[0].crossed == Some(true), "{:?}", allowed.thresholds);
    // Vectors that cannot be compared do not count as near.
    let other = set("b", random(1, COUNT, DIMENSIONS + 1), DIMENSIONS + 1);
    let found = compare(&set("a", base(), DIMENSIONS), &other).unwrap();
    assert!(crossed("cosine_min<0.5", &found) && crossed("dimension_mismatches>0", &found));
}

fn report() -> VectorsReport {
    let hostile = "b\x1b[2J|<i>.npy";
    let a = set("a.npy", base(), DIMENSIONS);
    let mut swapped = base();
    swap_rows(&mut swapped, 1, 2);
    swapped[9 * DIMENSIONS] = f32::NAN;
    let candidates = [set(hostile, swapped, DIMENSIONS), set("c.npy", base(), DIMENSIONS)];
    let comparisons = candidates.iter().map(|candidate| compare(&a, candidate).unwrap()).collect();
    let reference = VectorSetReport::of(&a);
    VectorsReport {
        schema_version: SCHEMA_VERSION,
        infa: "0.0.0".into(),
        reference,
        comparisons,
        thresholds: Vec::new(),
    }
}

#[test]
fn the_published_schema_is_fresh() {
    let schema = schema_of::<VectorsReport>("Report of infa compare on saved vectors", SCHEMA_VERSION);
    assert_published("docs/compare-vectors.schema.json", &schema);
}

#[test]
fn reports_are_as_the_schema_says() {
    valid()(&report());
}

#[test]
fn reports_for_people() {
    let mut report = report();
    let page = assert_drawable(|| document(&report));
    assert!(page.contains("b \\u{1b}[2J|&lt;i&gt;.npy") || page.contains("b\\u{1b}[2J|&lt;i&gt;.npy"), "{page}");
    assert_eq!(page.matches("class=\"mark\"").count(), 2);
    let text = draw::terminal(&document(&report), &TableOptions { colour: true, width: None });
    assert!(text.contains("\x1b[31m") && text.contains("interchangeable"), "{text}");
    let markdown = draw::markdown(&document(&report));
    assert!(markdown.contains("- **different**: neither can") && markdown.contains("two rows swapped"), "{markdown}");

    let hostile = "\"><script>x</script>\u{202e}' onload='";
    report.reference.name = hostile.to_owned();
    report.comparisons[0].warnings = vec![hostile.to_owned()];
    report.comparisons[0].reasons = vec![hostile.to_owned()];
    report.comparisons[0].worst[0].input.id = Some(hostile.to_owned());
    report.comparisons[0].worst[0].text = Some(hostile.to_owned());
    let page = assert_drawable(|| document(&report));
    assert!(page.matches("&lt;script&gt;x&lt;/script&gt;").count() > 5 && !page.contains("<script"));
}

#[test]
fn a_page_as_it_stands() {
    let mut quantised = base();
    noisy(&mut quantised, 9, 0.02);
    let (a, quantised) = (set("float32.npy", base(), DIMENSIONS), set("int8.npy", quantised, DIMENSIONS));
    let comparisons = vec![compare(&a, &quantised).unwrap()];
    let report = VectorsReport { reference: VectorSetReport::of(&a), comparisons, ..report() };
    let page = draw::html(document(&report));
    assert_finite(&page);
    compare_in("compare-report", "vectors.html", &readable(&page));
}

#[test]
fn pages_of_what_cannot_be_compared() {
    let a = set("a.npy", base(), DIMENSIONS);
    let other = set("b.npy", random(1, 3, DIMENSIONS + 1), DIMENSIONS + 1);
    let mut report = report();
    report.comparisons = vec![compare(&a, &other).unwrap()];
    let page = assert_drawable(|| document(&report));
    assert_finite(&page);
    assert!(!page.contains("<figure") && page.contains("instead of"), "{page}");
    report.comparisons[0].norm_ratio = Some(f64::NAN);
    report.comparisons[0].worst =
        vec![super::report::WorstInput { input: input(1), cosine: f64::NAN, text: None, tokens: None }];
    assert_finite(&draw::html(document(&report)));
}

#[test]
fn one_vector_of_another_input_is_no_permutation() {
    let found = changed(|numbers| numbers.copy_within(9 * DIMENSIONS..10 * DIMENSIONS, 3 * DIMENSIONS));
    let Some(finding @ Finding::Permuted { inputs: 1, .. }) = found.findings.first() else {
        panic!("{:?}", found.findings)
    };
    assert_eq!(finding.sentence("a", "b"), "one input has the vector of another (input 3 that of input 9)");
}
