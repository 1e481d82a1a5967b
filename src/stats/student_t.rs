//! Quantiles of Student's t.

/// Beyond this, more degrees of freedom change nothing.
const MOST_FREEDOM: f64 = 1000.0;

/// The 97.5 % quantile with `freedom` degrees of freedom (at least one): a table, and beyond it the expansion in 1/freedom
/// (Abramowitz and Stegun 26.7.5), there good to 1e-5.
pub(crate) fn quantile_975(freedom: usize) -> f64 {
    const TABLE: [f64; 10] =
        [12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157, 2.228_139];
    /// The same quantile of the normal distribution.
    const Z: f64 = 1.959_963_985;
    if let Some(t) = TABLE.get(freedom.max(1) - 1) {
        return *t;
    }
    let terms = [
        (Z.powi(3) + Z) / 4.0,
        (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0,
        (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / 384.0,
        (79.0 * Z.powi(9) + 776.0 * Z.powi(7) + 1482.0 * Z.powi(5) - 1920.0 * Z.powi(3) - 945.0 * Z) / 92160.0,
    ];
    let inverse = 1.0 / freedom as f64;
    terms.iter().rfold(0.0, |sum, term| inverse * (term + sum)) + Z
}

/// The two-sided critical value with `freedom` degrees of freedom (at least one): |t| is beyond it with this probability
/// (above 0), as beyond 2.776 for 0.05 and 4.
pub(crate) fn whole_critical_value(probability: f64, freedom: usize) -> f64 {
    let wanted = 1.0 - probability;
    let (mut low, mut high) = (0.0, 1.0);
    // A single degree of freedom reaches 1e15 only for probabilities that no family of tests needs.
    while probability_within(high, freedom) < wanted && high < 1e15 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if probability_within(middle, freedom) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability that t with `freedom` degrees of freedom lies between `-t` and `t`: the finite series of
/// Abramowitz and Stegun, 26.7.3 (odd) and 26.7.4 (even).
fn probability_within(t: f64, freedom: usize) -> f64 {
    let freedom = freedom.max(1);
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = freedom % 2 == 1;
    let (mut term, mut sum) = (if odd { cosine } else { 1.0 }, 0.0);
    let mut power = if odd { 1 } else { 0 };
    while power + 2 <= freedom {
        sum += term;
        term *= cosine * cosine * (power as f64 + 1.0) / (power as f64 + 2.0);
        power += 2;
    }
    if odd { std::f64::consts::FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

/// As [`whole_critical_value`], for fractional degrees of freedom, such as Welch's.
pub(crate) fn critical_value(probability: f64, freedom: f64) -> f64 {
    let freedom = freedom.clamp(1.0, MOST_FREEDOM);
    let (fewer, more) = (freedom.floor(), freedom.ceil());
    let [low, high] = [fewer, more].map(|freedom| whole_critical_value(probability, freedom as usize));
    // Between whole numbers they are nearly linear in the inverse.
    let part = if more > fewer { (1.0 / fewer - 1.0 / freedom) / (1.0 / fewer - 1.0 / more) } else { 0.0 };
    low + (high - low) * part
}

/// The 80 % quantile, by the same expansion as [`quantile_975`], good to 2 %.
pub(crate) fn quantile_80(freedom: f64) -> f64 {
    const Z: f64 = 0.841_621_234;
    let inverse = 1.0 / freedom.max(1.0);
    let terms = [
        (Z.powi(3) + Z) / 4.0,
        (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0,
        (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / 384.0,
    ];
    terms.iter().rfold(0.0, |sum, term| inverse * (term + sum)) + Z
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value}, not {expected}");
    }

    #[test]
    fn student_t_as_scipy_has_it() {
        let scipy = [(1, 12.706_205), (4, 2.776_445), (10, 2.228_139), (11, 2.200_985), (12, 2.178_813)];
        for (freedom, t) in scipy.into_iter().chain([(20, 2.085_963), (30, 2.042_272), (100, 1.983_972)]) {
            near(quantile_975(freedom), t, 2e-5);
        }
    }

    /// scipy: `t.isf(probability / 2, freedom)`.
    #[test]
    fn other_probabilities_as_scipy_has_them() {
        for (probability, freedom, t) in [
            (0.05, 1, 12.706_205),
            (0.05, 2, 4.302_653),
            (0.05, 4, 2.776_445),
            (0.05, 9, 2.262_157),
            (0.05, 100, 1.983_972),
            (0.01, 4, 4.604_095),
            (0.001, 8, 5.041_305),
            (0.002, 1, 318.308_839),
        ] {
            near(whole_critical_value(probability, freedom), t, 1e-6 * t.max(1.0));
        }
        for freedom in [1, 2, 3, 10, 11, 30] {
            near(whole_critical_value(0.05, freedom), quantile_975(freedom), 2e-5);
        }
    }
}
