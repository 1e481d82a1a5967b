//! Numbers as text: in the fewest digits that read back as the same f32, or with a limit on those after the point.
//!
//! Measured for vectors of 384 numbers, six digits after the point (2026-11-29, best of 200, one core of a shared AMD EPYC):
//! 5.3 µs a vector here, 21.5 µs by `core::fmt`.

use std::io::Write;
use std::str::FromStr;

use super::value::json;

/// The maximum number of digits after the decimal point; numbers are rounded to the nearest, ties to even.
///
/// Trailing zeros are left out, except the one of `1.0`; with 0 digits there is no point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision(u8);

impl Precision {
    /// Largest value: an f32 has 9 significant digits, and the first of them may stand a little after the point.
    pub const MOST: u8 = 10;

    /// `digits` after the point; none beyond [`MOST`](Self::MOST).
    pub fn new(digits: u8) -> Option<Self> {
        (digits <= Self::MOST).then_some(Self(digits))
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let precision = text.parse().ok().and_then(Self::new);
        precision.ok_or_else(|| format!("a number of digits after the decimal point, 0 to {}, is needed", Self::MOST))
    }
}

/// The format of numbers: with a limit, or in the fewest digits that read back as the same f32.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digits(pub Option<Precision>);

impl Digits {
    /// Appends a JSON array. NaN and infinities become `null`, as JSON has no numbers for them.
    pub(crate) fn array(self, numbers: &[f32], out: &mut Vec<u8>) {
        let Self(Some(precision)) = self else { return json(numbers, out) };
        out.push(b'[');
        for (i, &number) in numbers.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            if number.is_finite() {
                precision.append(number, out);
            } else {
                out.extend_from_slice(b"null");
            }
        }
        out.push(b']');
    }

    /// Appends a field of a CSV. NaN and infinities become `NaN` and `inf`, which CSV readers know.
    pub(crate) fn field(self, number: f32, out: &mut Vec<u8>) {
        match self.0 {
            // Writing to memory does not fail.
            _ if !number.is_finite() => _ = write!(out, "{number}"),
            Some(precision) => precision.append(number, out),
            None => json(&number, out),
        }
    }
}

/// Bytes of the longest text: a sign, 7 digits, the point and 10 digits, and some to spare.
const MAX_BYTES: usize = 24;
/// 2²³: from here on every f32 is a whole number.
const FIRST_WHOLE: f32 = 8_388_608.0;

impl Precision {
    /// Appends a finite number: `{number:.precision$}` without the zeros at its end, and without the sign of a zero.
    fn append(self, number: f32, out: &mut Vec<u8>) {
        let Self(digits) = self;
        if number.abs() >= FIRST_WHOLE {
            // Up to 39 digits. Writing to memory does not fail.
            _ = write!(out, "{number:.0}{}", if digits > 0 { ".0" } else { "" });
            return;
        }
        // Exact: 24 bits of an f32 times 24 bits of a power of five fit into the 53 of an f64.
        let power = 10_u64.pow(digits.into()) as f64;
        let mut rest = (f64::from(number.abs()) * power).round_ties_even() as u64;
        // What is rounded to zero has no sign.
        let is_negative = number.is_sign_negative() && rest > 0;
        let mut next_digit = || {
            let digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            (digit, rest)
        };
        let mut text = [0; MAX_BYTES];
        let mut start = MAX_BYTES;
        let mut prepend = |byte| {
            start -= 1;
            text[start] = byte;
            start
        };
        let mut is_end = true;
        for place in (0..digits).rev() {
            let (digit, _) = next_digit();
            is_end &= digit == b'0' && place > 0;
            if !is_end {
                prepend(digit);
            }
        }
        if digits > 0 {
            prepend(b'.');
        }
        let start = loop {
            let (digit, rest) = next_digit();
            let start = prepend(digit);
            if rest == 0 {
                break if is_negative { prepend(b'-') } else { start };
            }
        };
        out.extend_from_slice(&text[start..]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(number: f32, digits: u8) -> String {
        let mut out = b"[".to_vec();
        Precision::new(digits).unwrap().append(number, &mut out);
        String::from_utf8(out).unwrap().split_off(1)
    }

    /// The same by the standard library.
    fn expected(number: f32, digits: u8) -> String {
        let whole = format!("{number:.0$}", usize::from(digits));
        match whole.split_once('.') {
            None => unsigned_zero(&whole),
            Some((whole, fraction)) => {
                let fraction = fraction.trim_end_matches('0');
                unsigned_zero(&format!("{whole}.{}", if fraction.is_empty() { "0" } else { fraction }))
            }
        }
    }

    fn unsigned_zero(text: &str) -> String {
        if ["-0", "-0.0"].contains(&text) { text[1..].to_owned() } else { text.to_owned() }
    }

    #[track_caller]
    fn same(number: f32) {
        for digits in 0..=Precision::MOST {
            assert_eq!(text(number, digits), expected(number, digits), "{number:e} in {digits}");
            assert_eq!(text(-number, digits), expected(-number, digits), "{:e} in {digits}", -number);
        }
    }

    #[test]
    fn the_exact_text() {
        for (number, digits, expected) in [
            (0.123_456_79, 4, "0.1235"),
            (-0.05, 4, "-0.05"),
            (1.0, 4, "1.0"),
            (1.0, 0, "1"),
            (-0.000_01, 4, "0.0"),
            (-0.4, 0, "0"),
            (0.999_96, 4, "1.0"),
            (9.5, 0, "10"),
            (2.5, 0, "2"),
            (0.125, 2, "0.12"),
            (0.375, 2, "0.38"),
            (8_388_607.5, 10, "8388607.5"),
            (16_777_216.0, 3, "16777216.0"),
            (1e20, 0, "100000002004087734272"),
        ] {
            assert_eq!(text(number, digits), expected);
        }
    }

    #[test]
    fn equal_to_the_standard_library_at_the_edges() {
        let edges = [0.0, 0.5, 1.0, 9.0, 10.0, 99.0, 100.0, 9_999_999.0, 8_388_608.0, 16_777_216.0];
        let small = [f32::MIN_POSITIVE, f32::EPSILON, 5e-11, 5e-10, 1e-10, 2.5e-5];
        for edge in edges.into_iter().chain(small).chain([f32::MAX, f32::from_bits(1), f32::from_bits(0x7f_ffff)]) {
            for bits in edge.to_bits().saturating_sub(3)..=edge.to_bits() + 3 {
                let near = f32::from_bits(bits);
                if near.is_finite() {
                    same(near);
                }
            }
        }
        // Every power of two; each is a tie at some number of digits.
        (0..0xff).for_each(|exponent| same(f32::from_bits(exponent << 23)));
    }

    #[test]
    fn equal_to_the_standard_library_on_many_numbers() {
        let mut random = 0x2545_f491_u32;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let any = f32::from_bits(random & 0x7fff_ffff);
            if any.is_finite() {
                same(any);
            }
            // Numbers like those of embeddings, those of sparse weights, and ties: few bits after the point.
            same(f32::from_bits(random >> 9 | 0x3f80_0000) - 1.0);
            same((random >> 8) as f32 / 1_048_576.0);
            same((random >> 16) as f32 / f32::from(1_u16 << (random & 15)));
        }
    }

    #[test]
    fn numbers_that_are_not_finite() {
        let numbers = [1.25, f32::NAN, f32::NEG_INFINITY];
        for (digits, array, fields) in
            [(None, "[1.25,null,null]", "1.25 NaN -inf "), (Precision::new(1), "[1.2,null,null]", "1.2 NaN -inf ")]
        {
            let mut out = Vec::new();
            Digits(digits).array(&numbers, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), array);
            let mut out = Vec::new();
            for number in numbers {
                Digits(digits).field(number, &mut out);
                out.push(b' ');
            }
            assert_eq!(String::from_utf8(out).unwrap(), fields);
        }
    }

    #[test]
    fn no_more_digits_than_there_is_room_for() {
        assert_eq!(Precision::new(Precision::MOST + 1), None);
        assert_eq!(Precision::new(Precision::MOST).map(|Precision(digits)| digits), Some(10));
    }
}
