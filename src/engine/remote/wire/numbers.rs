//! Numbers out of JSON, to the last bit: read from their own text, and not by way of a wider number.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::remote::error::RemoteError;

/// JSON of the expected shape; fields that are not expected are ignored.
pub(super) fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, RemoteError> {
    serde_json::from_slice(body).map_err(|e| match e.is_data() {
        true => RemoteError::shape(e),
        // Python's json writes such words, which JSON does not have.
        false => match at(body, e.line(), e.column()) {
            rest if rest.starts_with(b"NaN") => RemoteError::Numbers("the reply contains NaN"),
            rest if rest.starts_with(b"Infinity") => RemoteError::Numbers("the reply contains infinite numbers"),
            _ => RemoteError::garbage(format!("it is not JSON: {e}")),
        },
    })
}

/// The rest of `body` from where an error was found: line and column count from 1.
fn at(body: &[u8], line: usize, column: usize) -> &[u8] {
    let start = match line.checked_sub(2) {
        None => 0,
        Some(skipped) => {
            let newlines = body.iter().enumerate().filter(|&(_, &byte)| byte == b'\n');
            newlines.map(|(i, _)| i + 1).nth(skipped).unwrap_or(body.len())
        }
    };
    body.get(start + column.saturating_sub(1)..).unwrap_or_default()
}

/// A vector: a list of numbers, or the base64 of little-endian float32.
///
/// Each number is read as float32 at once; by way of float64, as one in some hundred million is, it could be rounded
/// twice. `null` is NaN, as most writers of JSON have it.
pub(super) fn vector(raw: &RawValue) -> Result<Vec<f32>, RemoteError> {
    let text = raw.get();
    let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let vector = match list {
        Some(list) => floats(list)?,
        None if text.starts_with('"') => base64(text)?,
        None => return Err(RemoteError::shape("a vector is neither a list nor base64")),
    };
    if vector.is_empty() { Err(RemoteError::shape("a vector has no numbers")) } else { Ok(vector) }
}

pub(super) fn floats(list: &str) -> Result<Vec<f32>, RemoteError> {
    if list.trim().is_empty() {
        return Ok(Vec::new());
    }
    let float = |text: &str| match text.trim() {
        "null" => Ok(f32::NAN),
        text => text.parse().map_err(|_| RemoteError::shape(format!("{text} in a vector is not a number"))),
    };
    list.split(',').map(float).collect()
}

fn base64(text: &str) -> Result<Vec<f32>, RemoteError> {
    let text: Cow<'_, str> = serde_json::from_str(text).map_err(RemoteError::garbage)?;
    let bytes = STANDARD.decode(text.as_bytes());
    let bytes = bytes.map_err(|e| RemoteError::shape(format!("a vector is not base64: {e}")))?;
    little_endian(&bytes)
}

pub(super) fn little_endian(bytes: &[u8]) -> Result<Vec<f32>, RemoteError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(RemoteError::shape(format!("{} bytes are no float32 numbers", bytes.len())));
    }
    Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
}

pub(super) fn score(raw: &RawValue) -> Result<f64, RemoteError> {
    match raw.get() {
        "null" => Ok(f64::NAN),
        text => text.parse().map_err(|_| RemoteError::shape(format!("{text} is not a score"))),
    }
}

/// One item an input, in the order of the `count` inputs: by their index if they have one, else as they came.
pub(super) fn in_order<T>(items: Vec<(Option<usize>, T)>, count: usize) -> Result<Vec<T>, RemoteError> {
    let found = items.len();
    if found != count {
        return Err(RemoteError::shape(format!("{found} results for {count} inputs")));
    }
    let mut places: Vec<Option<T>> = std::iter::repeat_with(|| None).take(count).collect();
    for (came, (index, item)) in items.into_iter().enumerate() {
        let index = index.unwrap_or(came);
        let Some(place) = places.get_mut(index) else {
            return Err(RemoteError::shape(format!("a result for input {index} of {count}, counted from 0")));
        };
        if place.replace(item).is_some() {
            return Err(RemoteError::shape(format!("two results for input {index}")));
        }
    }
    // As many as places, and no place twice: all are filled.
    Ok(places.into_iter().flatten().collect())
}

/// Checks that there are `count` vectors, all of one length.
pub(super) fn check(vectors: Vec<Vec<f32>>, count: usize) -> Result<Vec<Vec<f32>>, RemoteError> {
    if vectors.len() != count {
        return Err(RemoteError::shape(format!("{} vectors for {count} texts", vectors.len())));
    }
    let length = vectors.first().map_or(0, Vec::len);
    match vectors.iter().find(|vector| vector.len() != length) {
        Some(other) => Err(RemoteError::shape(format!("vectors of {length} and of {} dimensions", other.len()))),
        None => Ok(vectors),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn numbers_keep_their_bits() {
        let numbers: Vec<f32> = (0..20_000_u32)
            .map(|i| f32::from_bits(i.wrapping_mul(0x9e37_79b9)))
            .filter(|number| number.is_finite())
            .collect();
        let text = format!("[{}]", numbers.iter().map(|number| format!("{number:e}")).collect::<Vec<_>>().join(", "));
        let read = vector(&raw(&text)).unwrap();
        assert!(numbers.iter().zip(&read).all(|(a, b)| a.to_bits() == b.to_bits()));
        // By way of float64 this would be 1.0: it lies above the middle of 1.0 and its neighbour, by less than float64
        // can hold.
        let odd = "1.00000005960464477540";
        assert_eq!(vector(&raw(&format!("[{odd}]"))).unwrap(), [1.0 + f32::EPSILON]);
        assert_eq!(odd.parse::<f64>().unwrap() as f32, 1.0);
    }

    #[test]
    fn base64_and_lists() {
        let encoded = STANDARD.encode([1.5f32, -0.25].map(f32::to_le_bytes).concat());
        assert_eq!(vector(&raw(&format!("\"{encoded}\""))).unwrap(), [1.5, -0.25]);
        assert_eq!(vector(&raw(&format!("\"{}\"", encoded.replace('/', "\\/")))).unwrap(), [1.5, -0.25]);
        assert_eq!(vector(&raw("[ 1 , -2e-3 ]")).unwrap(), [1.0, -0.002]);
        let odd = vector(&raw("[null,1e999]")).unwrap();
        assert!(odd[0].is_nan() && odd[1].is_infinite());
    }

    #[test]
    fn what_is_no_vector() {
        for text in ["[]", "7", "null", "{}", "[1,\"2\"]", "[[1],[2]]", "[true]", "\"AAA=\"", "\"a b\"", "\"\""] {
            assert_eq!(vector(&raw(text)).unwrap_err().kind(), "wrong shape", "{text}");
        }
    }

    #[test]
    fn what_is_no_json() {
        let error = |text: &str| parse::<Vec<f32>>(text.as_bytes()).unwrap_err();
        assert_eq!(error("<html>").kind(), "garbage");
        assert_eq!(error("").kind(), "garbage");
        assert_eq!(error("[1,2").kind(), "garbage");
        assert_eq!(error("{}").kind(), "wrong shape");
        assert_eq!(error("[1.0, NaN]"), RemoteError::Numbers("the reply contains NaN"));
        assert_eq!(error("[\n1.0,\n  -Infinity]").kind(), "numbers");
        assert_eq!(error("[\n\n1.0,\n\n  Infinity]").kind(), "numbers");
    }

    #[test]
    fn results_go_to_their_places() {
        let ordered =
            |indices: &[Option<usize>], count| in_order(indices.iter().copied().zip("abcdef".chars()).collect(), count);
        assert_eq!(ordered(&[Some(1), Some(2), Some(0)], 3).unwrap(), ['c', 'a', 'b']);
        assert_eq!(ordered(&[None, None], 2).unwrap(), ['a', 'b']);
        assert!(ordered(&[], 0).unwrap().is_empty());
        for (indices, count) in [(&[Some(0)][..], 2), (&[Some(0), Some(2)], 2), (&[Some(1), Some(1)], 2), (&[None], 0)]
        {
            assert_eq!(ordered(indices, count).unwrap_err().kind(), "wrong shape", "{indices:?}");
        }
    }
}
