//! The similarity of two vectors; larger is more similar.
//!
//! The functions of `sentence_transformers.util.similarity`, chosen by `similarity_fn_name`.

use std::path::Path;

use serde_json::Value as Json;

use crate::model::ModelError;
use crate::model::files::json::read_json;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Similarity {
    /// The cosine of the angle between them.
    #[default]
    Cosine,
    /// The sum of their products.
    Dot,
    /// Their distance, negated.
    Euclidean,
    /// The sum of their differences, negated.
    Manhattan,
}

impl Similarity {
    /// The similarity that `config_sentence_transformers.json` in the model's directory names.
    pub fn read(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("config_sentence_transformers.json");
        // Without modules.json sentence-transformers does not read the file.
        if !dir.join("modules.json").is_file() {
            return Ok(Self::default());
        }
        let saved: Json = read_json(&path)?.unwrap_or(Json::Null);
        let refuse = |what: String| ModelError::Config { path: path.clone(), reason: what };
        match saved.get("similarity_fn_name") {
            None | Some(Json::Null) => Ok(Self::default()),
            Some(name) => Ok(match name.as_str() {
                Some("cosine") => Self::Cosine,
                Some("dot" | "dot_product") => Self::Dot,
                Some("euclidean") => Self::Euclidean,
                Some("manhattan") => Self::Manhattan,
                _ => return Err(refuse(format!("similarity_fn_name = {name} is not implemented"))),
            }),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot product",
            Self::Euclidean => "Euclidean distance (negated)",
            Self::Manhattan => "Manhattan distance (negated)",
        }
    }

    /// The similarity of `a` and `b`, which have the same length.
    pub fn of(self, a: &[f32], b: &[f32]) -> f64 {
        let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| term(f64::from(a), f64::from(b))).sum()
        };
        match self {
            Self::Dot => sum(&|a, b| a * b),
            // No vector has length 0: the engine hands none out.
            Self::Cosine => (sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()).clamp(-1.0, 1.0),
            Self::Euclidean => -sum(&|a, b| (a - b) * (a - b)).sqrt(),
            Self::Manhattan => -sum(&|a, b| (a - b).abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn formulas() {
        let (a, b) = ([3.0, 4.0], [4.0, 3.0]);
        assert_eq!(Similarity::Dot.of(&a, &b), 24.0);
        assert_eq!(Similarity::Cosine.of(&a, &b), 24.0 / 25.0);
        assert_eq!(Similarity::Cosine.of(&a, &a), 1.0);
        assert_eq!(Similarity::Euclidean.of(&a, &b), -(2f64.sqrt()));
        assert_eq!(Similarity::Manhattan.of(&a, &b), -2.0);
    }

    #[test]
    fn what_the_file_says() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config_sentence_transformers.json");
        std::fs::write(&file, r#"{"similarity_fn_name": "dot"}"#).unwrap();
        assert_eq!(Similarity::read(dir.path()).unwrap(), Similarity::Cosine);
        std::fs::write(dir.path().join("modules.json"), "[]").unwrap();
        assert_eq!(Similarity::read(dir.path()).unwrap(), Similarity::Dot);
        std::fs::write(&file, r#"{"similarity_fn_name": "odd"}"#).unwrap();
        assert!(Similarity::read(dir.path()).unwrap_err().to_string().contains("similarity_fn_name = \"odd\""));
        std::fs::write(&file, r#"{"similarity_fn_name": null}"#).unwrap();
        assert_eq!(Similarity::read(dir.path()).unwrap(), Similarity::Cosine);
    }
}
