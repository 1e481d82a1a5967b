//! Correlations of two lists of values of the same things.

use super::ranks::{Ranked, average_ranks};

/// Pearson's correlation coefficient, from −1 to 1, in two passes: the means first, as sums of squares would lose the
/// digits of values that are far from 0.
///
/// `None` where it is not defined: lists of different lengths or of fewer than two values, a list in which all are the
/// same, or what is not finite.
pub(crate) fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let same = |values: &[f64]| values.iter().all(|&value| value == values[0]);
    if a.len() != b.len() || a.len() < 2 || a.iter().chain(b).any(|x| !x.is_finite()) || same(a) || same(b) {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut product, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        product += a * b;
        square_a += a * a;
        square_b += b * b;
    }
    // The root of a square is exact, and so the same values give 1 and not almost 1.
    let both = (square_a * square_b).sqrt();
    // Values near the ends of float64 over- or underflow.
    (product.is_finite() && both.is_normal()).then(|| (product / both).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation coefficient: Pearson's of the ranks, in which ties share the mean (Spearman 1904, The
/// Proof and Measurement of Association between Two Things; `scipy.stats.spearmanr`).
///
/// `None` if it is undefined: lists of different lengths or of fewer than two values, a list in which all are tied, or
/// NaN. Infinite values have ranks.
pub(crate) fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    pearson(&average_ranks(a)?, &average_ranks(b)?)
}

/// [`spearman`] of the items at these indices, some of which may occur several times. Both lists have the same items.
pub(crate) fn spearman_of(a: &Ranked, b: &Ranked, items: &[usize]) -> Option<f64> {
    pearson(&a.ranks(items), &b.ranks(items))
}

/// [`pearson`] of the items at these indices.
pub(crate) fn pearson_of(a: &[f64], b: &[f64], items: &[usize]) -> Option<f64> {
    let pick = |values: &[f64]| items.iter().map(|&item| values[item]).collect::<Vec<_>>();
    pearson(&pick(a), &pick(b))
}

#[cfg(test)]
mod tests {
    use super::super::kendall::kendall_tau_b;
    use super::*;

    /// Numbers with many ties that a script can make again: `(i·7919 + i²·31) mod m`, and of these and of i others below
    /// m − 2.
    fn tied(n: u64, m: u64) -> (Vec<f64>, Vec<f64>) {
        let first = |i: u64| (i * 7919 + i * i * 31) % m;
        let second = |i: u64| (i * i * 17 + i * 3 + 2 * first(i)) % (m - 2);
        ((0..n).map(|i| first(i) as f64).collect(), (0..n).map(|i| second(i) as f64).collect())
    }

    /// `scipy.stats.spearmanr(a, b).statistic`, `pearsonr` and `kendalltau` of scipy 1.17.1, over
    /// `a = [(i*7919 + i*i*31) % m for i in range(n)]` and `b = [(i*i*17 + i*3 + 2*a[i]) % (m-2) for i in range(n)]`.
    #[test]
    fn they_are_scipys() {
        for (n, m, rho, r, tau) in [
            (5, 7, -0.3244428422615251, -0.31180478223116187, -0.35355339059327373),
            (50, 13, 0.16464177252969323, 0.11929142368191359, 0.12988108336653278),
            (400, 101, -0.03794579567025216, -0.04030621730712912, -0.02409072188971096),
            (1000, 7, 0.03832578037841975, -0.005139947746146257, 0.04438543831057009),
        ] {
            let (a, b) = tied(n, m);
            let single = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<_>>();
            let found = [spearman(&a, &b), pearson(&a, &b), kendall_tau_b(&single(&a), &single(&b))];
            for (found, expected) in found.into_iter().zip([rho, r, tau]) {
                assert!((found.unwrap() - expected).abs() < 1e-12, "{n} {m}: {found:?} {expected}");
            }
        }
        // pearsonr([1e8 + i for i in (1, 2, 3, 5)], [2, 1, 4, 4]).
        let far = [1.0, 2.0, 3.0, 5.0].map(|x| x + 1e8);
        assert!((pearson(&far, &[2.0, 1.0, 4.0, 4.0]).unwrap() - 0.7481900559272089).abs() < 1e-12);
    }

    #[test]
    fn the_ends_of_the_scale() {
        let a = [1.0, 2.0, 3.0, 10.0];
        assert_eq!((pearson(&a, &a), spearman(&a, &a.map(|x| x * x))), (Some(1.0), Some(1.0)));
        assert_eq!((pearson(&a, &a.map(|x| -x)), spearman(&a, &a.map(|x| 1.0 / x))), (Some(-1.0), Some(-1.0)));
        assert_eq!(spearman(&a, &[f64::NEG_INFINITY, 0.0, 1.0, f64::INFINITY]), Some(1.0));
    }

    #[test]
    fn where_they_are_not_defined_there_is_none() {
        let (nan, infinite) = (f64::NAN, f64::INFINITY);
        for (a, b) in [
            (&[][..], &[][..]),
            (&[1.0], &[1.0]),
            (&[1.0, 2.0], &[1.0, 2.0, 3.0]),
            (&[1.0, 1.0], &[1.0, 2.0]),
            (&[1.0, 2.0], &[0.0, -0.0]),
            (&[1.0, nan], &[1.0, 2.0]),
        ] {
            assert_eq!((pearson(a, b), spearman(a, b)), (None, None), "{a:?} {b:?}");
        }
        assert_eq!(pearson(&[1.0, infinite], &[1.0, 2.0]), None);
        assert_eq!(pearson(&[f64::MAX, -f64::MAX], &[1.0, 2.0]), None);
    }

    /// Bit for bit, with ties in the values and in the draw.
    #[test]
    fn draws_are_ranked_as_if_they_were_sorted() {
        let mut rng = fastrand::Rng::with_seed(3);
        for n in [2, 3, 10, 200] {
            let mut values = || (0..n).map(|_| f64::from(rng.i8(-9..9)) / 4.0).collect::<Vec<_>>();
            let (a, b) = (values(), values());
            let (ranked_a, ranked_b) = (Ranked::of(&a), Ranked::of(&b));
            for draw in 0..30 {
                let items: Vec<usize> = (0..n).map(|at| if draw == 0 { at } else { rng.usize(..n) }).collect();
                let pick = |values: &[f64]| items.iter().map(|&item| values[item]).collect::<Vec<_>>();
                assert_eq!(ranked_a.ranks(&items), average_ranks(&pick(&a)).unwrap());
                assert_eq!(spearman_of(&ranked_a, &ranked_b, &items), spearman(&pick(&a), &pick(&b)));
                assert_eq!(pearson_of(&a, &b, &items), pearson(&pick(&a), &pick(&b)));
            }
        }
    }
}
