//! Scales of axes: positions of values, and ticks.

use super::super::numbers::{number, plain};

/// Most ticks of an even scale.
const TICKS: usize = 6;
/// Most nines: below it differences are those of float32.
const NINES: f64 = 7.0;
/// Values that differ by more are put on a logarithmic scale.
const WIDE: f64 = 30.0;

/// The layout of values along an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scale {
    /// Even, from 0 to a round number.
    Linear {
        /// The end.
        high: f64,
        /// Between two ticks.
        step: f64,
    },
    /// Each step is a factor; from one to another of 1, 2 and 5 times a power of ten.
    Log {
        /// The beginning.
        low: f64,
        /// The end.
        high: f64,
    },
    /// Each step is one more nine: 0, 0.9, 0.99, 0.999; the place of a value x is lg(1/(1-x)), and 1 is at the end.
    Nines {
        /// Nines at the beginning.
        low: f64,
        /// Nines at the end.
        high: f64,
    },
}

impl Scale {
    /// A linear scale with room for all values above 0.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        let most = values.into_iter().filter(|value| value.is_finite()).fold(0.0, f64::max);
        // No values, or ones outside of the countable range.
        let most = if (1e-300..1e300).contains(&most) { most } else { 1.0 };
        let power = 10f64.powf(most.log10().floor() - 1.0);
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| most / step <= (TICKS - 1) as f64).unwrap_or(most);
        Self::Linear { high: (most / step).ceil() * step, step }
    }

    /// An even one, or a logarithmic one where the largest of the values, all above 0, is many times the smallest.
    pub(crate) fn fitting(values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        if least > 0.0 && most / least > WIDE && (1e-300..1e300).contains(&most) && least > 1e-300 {
            return Self::Log { low: round(least, f64::floor), high: round(most, f64::ceil) };
        }
        Self::linear(values)
    }

    /// Shares below 1 and near it.
    pub(crate) fn nines(values: impl IntoIterator<Item = f64>) -> Self {
        let nines = |value: f64| if value < 1.0 { nines(value) } else { 0.0 };
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let most = values.iter().copied().map(nines).fold(0.0, f64::max);
        let least = values.iter().copied().map(|value| if value < 1.0 { nines(value) } else { most });
        let least = least.fold(f64::INFINITY, f64::min).min(most);
        let high = most.ceil().max(1.0);
        // Cosines are at least -1.
        let low = if least < 0.0 { nines(-1.0) } else { least.floor().min(high - 1.0) };
        // 1 has a place of its own.
        Self::Nines { low, high: high + 0.5 }
    }

    /// The position of a value, from 0 to 1; values outside are at the edge.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { high, .. } => value / high,
            Self::Log { low, high } => (value / low).ln() / (high / low).ln(),
            Self::Nines { high, .. } if value >= 1.0 => return if *high > 0.0 { 1.0 } else { 0.0 },
            Self::Nines { low, high } => (nines(value) - low) / (high - low),
        };
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// Positions of ticks, and their labels.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let values: Vec<f64> = match self {
            Self::Linear { high, step } => {
                (0..=(high / step).round() as usize).map(|tick| tick as f64 * step).collect()
            }
            Self::Log { low, high } => {
                let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
                let factors: &[f64] = match (high / low).log10() {
                    few if few <= 2.5 => &[1.0, 2.0, 5.0],
                    _ => &[1.0],
                };
                let every = (decades.clone().count() / 8).max(1);
                let powers = decades.step_by(every).map(|decade| 10f64.powi(decade));
                let ticks = powers.flat_map(|power| factors.iter().map(move |factor| factor * power));
                ticks.filter(|tick| (low * 0.999..=high * 1.001).contains(tick)).collect()
            }
            Self::Nines { low, high } => {
                let whole = (low.ceil() as i32)..=(high.floor() as i32);
                let shares = whole.map(|nines| 1.0 - 10f64.powi(-nines));
                shares.chain([1.0]).collect()
            }
        };
        values.into_iter().map(|value| (self.place(value), self.write(value))).collect()
    }

    fn write(&self, value: f64) -> String {
        match self {
            // The fewest digits that distinguish them.
            Self::Linear { .. } | Self::Log { .. } => {
                let text = if value >= 1000.0 { plain(value) } else { number(value) };
                match text.contains('.') && !text.contains('e') {
                    true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                    false => text,
                }
            }
            Self::Nines { .. } => {
                let text = format!("{value:.7}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }
}

/// lg(1/(1-x)) for x below 1.
fn nines(value: f64) -> f64 {
    (-(1.0 - value.max(-1.0)).log10()).min(NINES)
}

/// To 1, 2 or 5 times a power of ten.
fn round(value: f64, towards: fn(f64) -> f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let rounded = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let up = towards(0.5) > 0.0;
    // A round number stays, despite its last bit.
    let near = |candidate: &&f64| if up { **candidate >= value * 0.9999 } else { **candidate <= value * 1.0001 };
    let found = if up { rounded.iter().find(near) } else { rounded.iter().rev().find(near) };
    found.copied().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(scale: &Scale) -> String {
        scale.ticks().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn even_scales_begin_at_0_and_end_at_a_round_number() {
        for (most, expected) in [
            (22_100.0, "0 5,000 10,000 15,000 20,000 25,000"),
            (1.0, "0 0.2 0.4 0.6 0.8 1"),
            (0.003, "0 0.001 0.002 0.003"),
            (99.0, "0 20 40 60 80 100"),
            (1_234_567.0, "0 500,000 1,000,000 1,500,000"),
        ] {
            assert_eq!(ticks(&Scale::linear([0.1 * most, most])), expected);
        }
        let scale = Scale::linear([100.0]);
        assert_eq!([-5.0, 0.0, 50.0, 100.0, 1e9].map(|value| scale.place(value)), [0.0, 0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn wide_ranges_are_logarithmic() {
        assert!(matches!(Scale::fitting([1.0, 30.0]), Scale::Linear { .. }));
        assert!(matches!(Scale::fitting([0.0, 1e6]), Scale::Linear { .. }));
        let scale = Scale::fitting([3.0, 140.0]);
        assert_eq!(scale, Scale::Log { low: 2.0, high: 200.0 });
        assert_eq!(ticks(&scale), "2 5 10 20 50 100 200");
        assert!((scale.place(20.0) - 0.5).abs() < 1e-12);
        assert_eq!(ticks(&Scale::fitting([0.2, 70_000.0])), "1 10 100 1,000 10,000 100,000");
        assert_eq!(Scale::fitting([1.0, 1000.0]), Scale::Log { low: 1.0, high: 1000.0 });
    }

    #[test]
    fn nines_are_as_far_apart() {
        let scale = Scale::nines([0.0, 0.5, 0.99, 0.999, 1.0]);
        assert_eq!(scale, Scale::Nines { low: 0.0, high: 3.5 });
        assert_eq!(ticks(&scale), "0 0.9 0.99 0.999 1");
        assert!((scale.place(0.99) - 2.0 / 3.5).abs() < 1e-9 && scale.place(1.0) == 1.0 && scale.place(0.0) == 0.0);
        assert_eq!(ticks(&Scale::nines([0.98, 0.9995])), "0.9 0.99 0.999 0.9999 1");
        assert_eq!(ticks(&Scale::nines([-0.5, 0.8])), "0 0.9 1");
        assert_eq!(ticks(&Scale::nines([1.0, 1.0])), "0 0.9 1");
        assert_eq!(Scale::nines([1.0 - 1e-16]), Scale::Nines { low: 7.0 - 1.0, high: 7.5 });
    }

    #[test]
    fn every_value_has_a_place() {
        let strange = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 0.0, -0.0, -1e9, 1.0];
        let sets: [&[f64]; 6] = [&[], &[0.0], &strange, &[f64::MAX], &[f64::MIN_POSITIVE, 1.0], &[-1.0]];
        for values in sets {
            let all = |make: fn(Vec<f64>) -> Scale| make(values.to_vec());
            for scale in [all(Scale::linear), all(Scale::fitting), all(Scale::nines)] {
                assert!(strange.iter().all(|&value| (0.0..=1.0).contains(&scale.place(value))), "{scale:?}");
                let ticks = scale.ticks();
                assert!((1..=20).contains(&ticks.len()), "{scale:?} {ticks:?}");
                assert!(ticks.iter().all(|(place, _)| (0.0..=1.0).contains(place)), "{scale:?} {ticks:?}");
            }
        }
    }
}
