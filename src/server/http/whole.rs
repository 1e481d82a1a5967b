//! Whole numbers in request bodies, which clients of languages with one number type send as `64.0`.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A type of whole numbers of a field.
pub(crate) trait WholeNumber: TryFrom<i128> {
    /// The expected numbers, for error messages.
    const EXPECTED: &'static str;
}

impl WholeNumber for usize {
    const EXPECTED: &'static str = "a whole number, 0 or more";
}

impl WholeNumber for i64 {
    const EXPECTED: &'static str = "a whole number";
}

/// A whole number, possibly written as a float (`64.0`, `6.4e1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<T>(pub T);

/// For `#[serde(default, deserialize_with = "whole")]`: a [`Whole`] number, or none if the field is missing or null.
///
/// # Errors
/// A fraction has the wrong type; a number outside of `T` is an invalid value.
pub(crate) fn whole<'de, D: Deserializer<'de>, T: WholeNumber>(json: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Whole<T>>::deserialize(json)?.map(|Whole(number)| number))
}

/// The value of a float without a fraction.
fn integer(float: f64) -> Option<i128> {
    // Casts of numbers out of range saturate, and no field accepts the result.
    (float.fract() == 0.0).then_some(float as i128)
}

impl<'de, T: WholeNumber> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(WholeVisitor::default())
    }
}

/// Reads a [`Whole`] number where other types are also allowed.
pub(crate) struct WholeVisitor<T>(PhantomData<T>);

impl<T> Default for WholeVisitor<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: WholeNumber> Visitor<'_> for WholeVisitor<T> {
    type Value = Whole<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Whole<T>, E> {
        let wrong = |_| E::invalid_value(Unexpected::Unsigned(number), &T::EXPECTED);
        T::try_from(number.into()).map(Whole).map_err(wrong)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Whole<T>, E> {
        T::try_from(number.into()).map(Whole).map_err(|_| E::invalid_value(Unexpected::Signed(number), &T::EXPECTED))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Whole<T>, E> {
        let whole = integer(number).ok_or_else(|| E::invalid_type(Unexpected::Float(number), &T::EXPECTED))?;
        T::try_from(whole).map(Whole).map_err(|_| E::invalid_value(Unexpected::Float(number), &T::EXPECTED))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Request {
        #[serde(default, deserialize_with = "whole")]
        size: Option<usize>,
        #[serde(default, deserialize_with = "whole")]
        side: Option<i64>,
    }

    fn read(json: &str) -> Result<(Option<usize>, Option<i64>), String> {
        serde_json::from_str::<Request>(json).map(|r| (r.size, r.side)).map_err(|e| e.to_string())
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        assert_eq!(read(r#"{"size": 64, "side": -1}"#), Ok((Some(64), Some(-1))));
        assert_eq!(read(r#"{"size": 64.0, "side": -1.0}"#), Ok((Some(64), Some(-1))));
        assert_eq!(read(r#"{"size": 6.4e1, "side": -0.0}"#), Ok((Some(64), Some(0))));
        assert_eq!(read(r#"{"size": null}"#), Ok((None, None)));
        assert_eq!(read("{}"), Ok((None, None)));
        assert_eq!(read(r#"{"size": 18446744073709551615}"#), Ok((Some(usize::MAX), None)));
    }

    #[test]
    fn other_numbers_are_wrong_values_and_other_types_are_wrong_types() {
        for (json, start) in [
            (r#"{"size": 1.5}"#, "invalid type: floating point `1.5`, expected a whole number, 0 or more"),
            (r#"{"size": "8"}"#, "invalid type: string"),
            (r#"{"size": -1}"#, "invalid value: integer `-1`, expected a whole number, 0 or more"),
            (r#"{"size": -1.0}"#, "invalid value: floating point `-1.0`"),
            (r#"{"size": 99999999999999999999999}"#, "invalid value"),
            (r#"{"side": 1e300}"#, "invalid value"),
            (r#"{"side": 18446744073709551615}"#, "invalid value"),
        ] {
            assert!(read(json).unwrap_err().starts_with(start), "{json}: {:?}", read(json));
        }
    }
}
