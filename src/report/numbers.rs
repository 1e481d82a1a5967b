//! Numbers for people: three significant digits, separated thousands, the plus_minus beside the value.

use std::time::Duration;

use super::Figure;

/// Stands for a missing value.
pub(crate) const NOTHING: &str = "–";
/// Intervals with a larger half-width are written by their two ends: they are lopsided, or wider than the value.
const WIDE: f64 = 0.5;
/// Ends of an interval that differ by a larger factor say no more than that there are too few rounds: it is left out.
pub(crate) const VAGUE: f64 = 1000.0;

/// Three significant digits, thousands separated: `8,700`, `12.3`, `0.0012`; `1.20e18` for very large and very small ones.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.2e}");
    if !(1e-4..1e15).contains(&value.abs()) {
        return scientific;
    }
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or_default();
    let rounded: f64 = scientific.parse().unwrap_or(value);
    grouped(&format!("{rounded:.*}", usize::try_from(2 - exponent).unwrap_or_default()))
}

/// Whole numbers as they are, others as [`number`]: `8`, `1,000`, `12.5`.
pub(crate) fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { grouped(&format!("{value:.0}")) } else { number(value) }
}

/// All digits, thousands separated.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// As [`count`].
pub(crate) fn size(value: usize) -> String {
    grouped(&value.to_string())
}

/// `1 text`, `2 texts`.
pub(crate) fn several(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// `412 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let unit = (bytes.ilog2() / 10) as usize;
    format!("{} {}", number(bytes as f64 / (1u64 << (10 * unit)) as f64), UNITS[unit - 1])
}

/// A share as a percentage for reading: `45%`, `2.3%`, `<0.1%`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        0.0 => "0%".to_owned(),
        small if small < 0.1 => format!("{}<0.1%", if percent < 0.0 { "-" } else { "" }),
        few if few < 9.95 => format!("{}%", format!("{percent:.1}").trim_end_matches(".0")),
        _ => format!("{}%", grouped(&format!("{percent:.0}"))),
    }
}

/// `99.2%`, and never 100% of what is not all.
pub(crate) fn share(part: f64) -> String {
    match part {
        part if (0.1..1.0).contains(&part) => format!("{:.1}%", (part * 1000.0).floor() / 10.0),
        part => percent(part),
    }
}

/// Half-width of an interval as a share: `±2%`, `±0.4%`.
pub(crate) fn plus_minus(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 0.95 {
        format!("±{}%", format!("{percent:.1}").trim_end_matches(".0"))
    } else {
        format!("±{}%", grouped(&format!("{percent:.0}")))
    }
}

/// The median with its interval: `8,700 ±2%`, or `8,700 (1,200–19,000)` if that is wide. One round has no interval:
/// `8,700`.
pub(crate) fn figure(figure: &Figure) -> String {
    figure_as(figure, number)
}

/// As [`figure`], with another format of the values.
pub(crate) fn figure_as(figure: &Figure, write: impl Fn(f64) -> String) -> String {
    let (median, share) = (write(figure.median), half_width(figure));
    match (share, figure.interval) {
        (Some(share), _) if share <= WIDE => format!("{median} {}", plus_minus(share)),
        (_, Some((low, high))) if low > 0.0 && high / low > VAGUE => median,
        (_, Some((low, high))) => format!("{median} ({}–{})", write(low), write(high)),
        (_, None) => median,
    }
}

/// True if an interval of this half-width around a logarithm, as a share, says nothing.
pub(crate) fn is_vague(half_width: f64) -> bool {
    (1.0 + half_width).powi(2) > VAGUE
}

/// The distance from the median to the farther end of the interval, as a share of the median.
pub(crate) fn half_width(figure: &Figure) -> Option<f64> {
    let (low, high) = figure.interval?;
    let share = (figure.median - low).max(high - figure.median) / figure.median.abs();
    share.is_finite().then_some(share.max(0.0))
}

/// A cosine, never rounded up: four digits, or up to seven where they are needed to distinguish it from 1.
pub(crate) fn cosine(value: f64) -> String {
    let missing = 1.0 - value;
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    if missing < 5e-8 {
        return "1".to_owned();
    }
    // A little less than the printed value, as decimal fractions are inexact in binary.
    let decimals = (-missing.log10() - 1e-6).ceil().clamp(4.0, 7.0) as usize;
    let power = 10f64.powi(decimals as i32);
    // A decimal number must not lose its last digit to its binary form.
    format!("{:.*}", decimals, (value * power + 1e-6).floor() / power)
}

/// `0.42 s`, `75.3 s`, `12m 30s`.
pub(crate) fn seconds(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds.round()) {
        Ok(duration) if seconds >= 120.0 => humantime::format_duration(duration).to_string(),
        _ => format!("{} s", number(seconds)),
    }
}

/// Thousands separated, of a decimal number without exponent.
fn grouped(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (8_701.4, "8,700"),
            (22_149.0, "22,100"),
            (999.6, "1,000"),
            (99.96, "100"),
            (12.345, "12.3"),
            (-1234.5, "-1,230"),
            (4.0, "4.00"),
            (0.012_34, "0.0123"),
            (0.000_042, "4.20e-5"),
            (9.99e14, "999,000,000,000,000"),
            (1e15, "1.00e15"),
            (f64::MAX, "1.80e308"),
            (f64::MIN_POSITIVE, "2.23e-308"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(number(value), expected, "{value}");
        }
        for (value, expected) in [(8.0, "8"), (12_000.0, "12,000"), (0.0, "0"), (12.56, "12.6"), (f64::NAN, "–")] {
            assert_eq!(plain(value), expected);
        }
        assert_eq!(
            [count(0), count(999), count(1000), count(u64::MAX)].join(" "),
            "0 999 1,000 18,446,744,073,709,551,615"
        );
    }

    #[test]
    fn bytes_have_units() {
        for (value, expected) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (432_013_312, "412 MiB"), (u64::MAX, "16.0 EiB")]
        {
            assert_eq!(bytes(value), expected);
        }
    }

    #[test]
    fn shares_are_percentages() {
        for (value, expected) in [
            (0.0, "0%"),
            (0.0004, "<0.1%"),
            (0.004, "0.4%"),
            (0.0996, "10%"),
            (0.45, "45%"),
            (1.0, "100%"),
            (50.0, "5,000%"),
        ] {
            assert_eq!(percent(value), expected, "{value}");
        }
        assert_eq!([0.0, 0.004, 0.016, 0.12].map(plus_minus), ["±0%", "±0.4%", "±2%", "±12%"]);
    }

    #[test]
    fn the_spread_is_that_of_the_longer_side() {
        let of = |median, interval| figure(&Figure { median, min: 0.0, max: 0.0, interval, count: 3 });
        assert_eq!(of(8700.0, Some((8600.0, 8874.0))), "8,700 ±2%");
        assert_eq!(of(8700.0, None), "8,700");
        assert_eq!(of(10.0, Some((1.0, 12.0))), "10.0 (1.00–12.0)");
        assert_eq!(of(2.0, Some((0.00274, 1530.0))), "2.00");
        assert_eq!(of(0.0, Some((0.0, 3.0))), "0 (0–3.00)");
        assert_eq!(of(0.0, Some((0.0, 0.0))), "0 (0–0)");
    }

    #[test]
    fn cosines_are_not_rounded_up() {
        for (value, expected) in [
            (1.0, "1"),
            (0.999_999_99, "1"),
            (0.999_999_9, "0.9999999"),
            (0.999_987, "0.99998"),
            (0.999_96, "0.99996"),
            (0.9999, "0.9999"),
            (0.991_29, "0.9912"),
            (0.5, "0.5000"),
            (0.0, "0.0000"),
            (-1.0, "-1.0000"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(cosine(value), expected, "{value}");
        }
    }

    #[test]
    fn times_suit_their_length() {
        for (value, expected) in [(0.4217, "0.422 s"), (75.3, "75.3 s"), (750.4, "12m 30s"), (1e300, "1.00e300 s")] {
            assert_eq!(seconds(value), expected);
        }
    }
}
