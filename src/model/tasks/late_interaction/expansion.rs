//! Query expansion: mask tokens appended to a query up to a length; each gets a vector that is scored.
//!
//! Reference: `sentence_transformers`, `base/modules/transformer.py` (`QueryExpansionConfig`).

use serde_json::Value as Json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// True if queries that are longer are cut to the length ("fixed"); else they stay as they are ("min").
    pub cut: bool,
    /// True if attention sees the added tokens; else only they see the others.
    pub attend: bool,
    /// The token that is added; `None`: the tokenizer's mask token, or where it has none the end-of-text token.
    pub token: Option<String>,
    /// Least length of a query in tokens.
    pub length: usize,
}

impl Expansion {
    /// Every query has exactly `length` tokens.
    pub fn fixed(length: usize, attend: bool) -> Self {
        Self { cut: true, attend, token: None, length }
    }

    /// Reads the setting `query_expansion`; null turns it off.
    pub(super) fn read(json: &Json) -> Result<Option<Self>, String> {
        if json.is_null() {
            return Ok(None);
        }
        let object = json.as_object().ok_or_else(|| format!("query_expansion is {json}"))?;
        if let Some(key) = object.keys().find(|key| !["strategy", "attend", "token", "length"].contains(&key.as_str()))
        {
            return Err(format!("query_expansion: {key} is not implemented"));
        }
        let unusable = |key: &str| format!("query_expansion: {key} = {}", json[key]);
        let cut = match json["strategy"].as_str() {
            Some("fixed") => true,
            Some("min") => false,
            _ => return Err(unusable("strategy")),
        };
        let attend = match &json["attend"] {
            Json::Null => false,
            Json::Bool(attend) => *attend,
            _ => return Err(unusable("attend")),
        };
        let token = match &json["token"] {
            Json::Null => None,
            Json::String(token) => Some(token.clone()),
            _ => return Err(unusable("token")),
        };
        let length = json["length"].as_u64().and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
        Ok(Some(Self { cut, attend, token, length: length.ok_or_else(|| unusable("length"))? }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_it_says() {
        assert_eq!(Expansion::read(&Json::Null), Ok(None));
        let read = |json: Json| Expansion::read(&json);
        assert_eq!(read(json!({"strategy": "fixed", "length": 32})), Ok(Some(Expansion::fixed(32, false))));
        let min = read(json!({"strategy": "min", "attend": true, "token": "<x>", "length": 4})).unwrap().unwrap();
        assert_eq!(min, Expansion { cut: false, attend: true, token: Some("<x>".into()), length: 4 });
        for (wrong, word) in [
            (json!({"strategy": "max", "length": 32}), "strategy"),
            (json!({"strategy": "min"}), "length"),
            (json!({"strategy": "min", "length": 0}), "length"),
            (json!({"strategy": "min", "length": 3, "attend": 1}), "attend"),
            (json!({"strategy": "min", "length": 3, "depth": 1}), "depth"),
            (json!(32), "query_expansion is 32"),
        ] {
            assert!(read(wrong).unwrap_err().contains(word), "{word}");
        }
    }
}
