//! Bounded parts of a KServe request: scalars of `parameters`, and short lists. A tree of JSON would take many times
//! the memory of the body.

use std::fmt::{self, Formatter};
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use crate::server::http::deserialize_shapes;

/// Maximum parameters of a request, a tensor or an output.
const MAX_PARAMETERS: usize = 64;

/// Reads an object of at most [`MAX_PARAMETERS`] values. Lists and objects among them become empty: no parameter is
/// one.
pub(crate) fn scalars<'de, D: Deserializer<'de>>(json: D) -> Result<Map<String, Json>, D::Error> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = Map<String, Json>;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Map::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = Map::new();
            while let Some((name, Scalar(value))) = entries.next_entry()? {
                map.insert(name, value);
                if map.len() > MAX_PARAMETERS {
                    return Err(A::Error::custom(format!("more than {MAX_PARAMETERS} parameters")));
                }
            }
            Ok(map)
        }
    }
    json.deserialize_any(Entries)
}

/// Reads a list of at most `MANY` items; further items are refused unread.
pub(crate) fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MANY: usize>(
    json: D,
) -> Result<Vec<T>, D::Error> {
    struct Items<T, const MANY: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MANY: usize> Visitor<'de> for Items<T, MANY> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MANY}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut read = Vec::new();
            while read.len() < MANY {
                match items.next_element()? {
                    Some(item) => read.push(item),
                    None => return Ok(read),
                }
            }
            match items.next_element::<IgnoredAny>()? {
                Some(_) => Err(A::Error::invalid_length(MANY + 1, &self)),
                None => Ok(read),
            }
        }
    }
    json.deserialize_seq(Items::<T, MANY>(PhantomData))
}

struct Scalar(Json);

deserialize_shapes!(Scalar, "a value", {
    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(Json::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar(Json::Array(Vec::new())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Scalar, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar(Json::Object(Map::new())))
    }
});

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_kept_and_trees_are_not() {
        let text = r#"{"a": true, "b": 7, "c": -1, "d": 0.5, "e": "x", "f": null, "g": [1, [2]], "h": {"i": [1]}}"#;
        let read = scalars(&mut serde_json::Deserializer::from_str(text)).unwrap();
        let expected = json!({"a": true, "b": 7, "c": -1, "d": 0.5, "e": "x", "f": null, "g": [], "h": {}});
        assert_eq!(Json::Object(read), expected);
        let many: Map<String, Json> = (0..=MAX_PARAMETERS).map(|i| (i.to_string(), Json::Null)).collect();
        assert!(scalars(Json::Object(many)).is_err());
        assert!(scalars(json!([1])).is_err());
    }
}
