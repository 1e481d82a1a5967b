//! Ids of records, as inputs give them and outputs repeat them.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordId {
    Text(String),
    /// A number, boolean or null of JSON as it is written: a float would lose digits.
    Literal(Box<str>),
}

impl RecordId {
    /// The id in `json`, or the kind of a value that is no id.
    ///
    /// # Errors
    /// A string with an escape that is no character.
    pub fn read(json: &RawValue) -> Result<Result<Self, &'static str>, serde_json::Error> {
        Ok(match json.get().as_bytes().first() {
            Some(b'"') => Ok(Self::Text(serde_json::from_str(json.get())?)),
            Some(b'[') => Err("an array"),
            Some(b'{') => Err("an object"),
            _ => Ok(Self::Literal(json.get().into())),
        })
    }

    /// The id for CSV and tables, where strings have no quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Literal(literal) => literal,
        }
    }
}

/// The id as JSON.
impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Text(text) => Cow::Owned(serde_json::to_string(text).map_err(|_| fmt::Error)?),
            Self::Literal(literal) => Cow::Borrowed(&**literal),
        })
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Literal(literal) => {
                serde_json::from_str::<&RawValue>(literal).map_err(ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

impl From<String> for RecordId {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text_and_strings_their_characters() {
        let read = |json: &str| RecordId::read(serde_json::from_str(json).unwrap());
        for json in ["7", "-0", "1E2", "0.1234567890123456789", "1e-400", "18446744073709551616", "true", "null"] {
            let id = read(json).unwrap().unwrap();
            assert_eq!([id.to_string(), id.text().into(), serde_json::to_string(&id).unwrap()], [json; 3]);
        }
        let id = read(r#""\u00fc\/\"""#).unwrap().unwrap();
        assert_eq!([id.to_string(), id.text().into()], ["\"ü/\\\"\"", "ü/\""]);
        assert_eq!(read("[1]").unwrap(), Err("an array"));
        assert_eq!(read("{}").unwrap(), Err("an object"));
        assert!(read(r#""\ud800""#).is_err());
    }
}
