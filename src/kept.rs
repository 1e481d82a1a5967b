//! Columns of an input that travel to its rows as they are.

use std::borrow::Cow;

use arrow_schema::DataType;
use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

/// The value of a kept column in one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptValue {
    /// Null, or no such field.
    Null,
    Text(String),
    /// Any other value as JSON, on one line.
    Literal(Box<str>),
}

impl KeptValue {
    /// The value in `json`.
    ///
    /// # Errors
    /// A string with an escape that is no character.
    pub fn read(json: &RawValue) -> Result<Self, serde_json::Error> {
        Ok(match json.get().as_bytes().first() {
            Some(b'"') => Self::Text(serde_json::from_str(json.get())?),
            Some(b'n') | None => Self::Null,
            // Line breaks stand between the values only: in strings they are escaped.
            _ => Self::Literal(json.get().replace(['\n', '\r'], " ").into()),
        })
    }

    /// The value for CSV and columns of text.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.into()),
            Self::Literal(literal) => Some((&**literal).into()),
        }
    }
}

/// The value as JSON.
impl Serialize for KeptValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Literal(literal) => {
                serde_json::from_str::<&RawValue>(literal).map_err(ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

/// A column of an input that is repeated in its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptColumn {
    pub name: String,
    /// The type in Parquet and Arrow: that of the input, where it is the same scalar in all files; else text.
    pub data_type: DataType,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_are_written() {
        for (json, text) in
            [("1.50", Some("1.50")), ("\"a\\u00fc\"", Some("aü")), ("null", None), ("true", Some("true"))]
        {
            let kept = KeptValue::read(serde_json::from_str(json).unwrap()).unwrap();
            assert_eq!(kept.text().as_deref(), text);
        }
        let json = "{\"a\":\n [1,\r\n\"x\\ny\"]}";
        let kept = KeptValue::read(serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&kept).unwrap(), "{\"a\":  [1,  \"x\\ny\"]}");
        assert!(KeptValue::read(serde_json::from_str("\"\\ud800\"").unwrap()).is_err());
    }
}
