//! Numbers as text: in the fewest digits that read back as the same f32, or with a limit on those after the point.
//!
//! Measured for vectors of 384 dimensions and unit length (2026-11-21, one core of a shared AMD EPYC Zen 3): the fewest
//! digits, by serde_json (zmij within), take 11.5 µs a vector; six digits after the point 5.3 µs here, 34 µs by
//! `core::fmt`.

use std::io::Write;
use std::str::FromStr;

use super::value::json;

/// How many digits a number has after its decimal point, at most: it is rounded to the nearest, ties to even.
///
/// Zeros at the end are left out, but for one that tells a whole number to be a float; with 0 digits there is no point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision(u8);

impl Precision {
    /// Most digits: an f32 has 9 that mean something, and the first of them may come a little after the point.
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

/// How numbers are written: with a limit, or in the fewest digits that read back as the same f32.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digits(pub Option<Precision>);

impl Digits {
    /// Appends a JSON array. What is not finite becomes `null`: JSON has no other word for it.
    pub fn array(self, numbers: &[f32], out: &mut Vec<u8>) {
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

    /// Appends a field of a CSV, whose readers know `NaN` and `inf`.
    pub fn field(self, number: f32, out: &mut Vec<u8>) {
        match self.0 {
            // Writing to memory does not fail.
            _ if !number.is_finite() => _ = write!(out, "{number}"),
            Some(precision) => precision.append(number, out),
            None => json(&number, out),
        }
    }
}

/// Room for a sign, 7 digits, the point and 10 digits.
const WIDTH: usize = 24;
/// The biased exponent of an f32 whose lowest bit is worth 1.
const WHOLE: u32 = 150;
/// The powers of ten that a [`Precision`] can ask for.
const POWERS: [u64; Precision::MOST as usize + 1] = {
    let mut powers = [1; Precision::MOST as usize + 1];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};
/// `00`, `01` … `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut i = 0;
    while i < pairs.len() {
        pairs[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    pairs
};

impl Precision {
    /// Appends a finite number: `{number:.precision$}` less the zeros at its end.
    fn append(self, number: f32, out: &mut Vec<u8>) {
        let digits = usize::from(self.0);
        let exponent = number.to_bits() >> 23 & 0xff;
        if exponent >= WHOLE {
            // From 2²³ on all numbers are whole, and may have 39 digits.
            _ = write!(out, "{number:.0}{}", if digits > 0 { ".0" } else { "" });
            return;
        }
        // The text is put together in place; a copy of fixed size is cheaper than one of the right size.
        let start = out.len();
        out.extend_from_slice(&[0; WIDTH]);
        let Some((_, text)) = out.split_last_chunk_mut::<WIDTH>() else { return };
        let power = POWERS[digits];
        let scaled = scaled(number.to_bits(), power);

        // Almost always 0 in embeddings, and then without a division.
        let (whole, fraction) = if scaled < power { (0, scaled) } else { (scaled / power, scaled % power) };
        text[0] = b'-';
        let sign = usize::from(number.is_sign_negative());
        let mut end = sign + if whole < 10 { 1 } else { whole.ilog10() as usize + 1 };
        decimal(whole, &mut text[sign..end]);
        if digits > 0 {
            text[end] = b'.';
            let first = end + 1;
            end = first + digits;
            decimal(fraction, &mut text[first..end]);
            while end > first + 1 && text[end - 1] == b'0' {
                end -= 1;
            }
        }
        out.truncate(start + end);
    }
}

/// The f32 of these bits times `power`, to the nearest integer, ties to even; below 2²³, without its sign.
fn scaled(bits: u32, power: u64) -> u64 {
    let (exponent, fraction) = (bits >> 23 & 0xff, u64::from(bits & 0x7f_ffff));
    // The number is mantissa / 2^shift, exactly.
    let (mantissa, shift) = if exponent == 0 { (fraction, WHOLE - 1) } else { (fraction | 1 << 23, WHOLE - exponent) };
    // Below 2²⁴ · 10¹⁰ < 2⁵⁸: nothing overflows, and what a shift of 63 leaves rounds to 0, as do all beyond.
    let (product, shift) = (mantissa * power, shift.min(63));
    let odd = product >> shift & 1;
    (product + (1 << (shift - 1)) - 1 + odd) >> shift
}

/// Fills `text` with the last digits of `number`.
fn decimal(mut number: u64, text: &mut [u8]) {
    let mut pairs = text.rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[(number % 100) as usize]);
        number /= 100;
    }
    if let [digit] = pairs.into_remainder() {
        *digit = b'0' + (number % 10) as u8;
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
            None => whole,
            Some((whole, fraction)) => {
                let fraction = fraction.trim_end_matches('0');
                format!("{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
            }
        }
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
            (-0.000_01, 4, "-0.0"),
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
        // Every power of two, each of which is a tie at some number of digits.
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
            // As in an embedding, as in sparse weights, and ties: few bits after the point.
            same(f32::from_bits(random >> 9 | 0x3f80_0000) - 1.0);
            same((random >> 8) as f32 / 1_048_576.0);
            same((random >> 16) as f32 / f32::from(1_u16 << (random & 15)));
        }
    }

    #[test]
    fn what_is_not_finite() {
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
