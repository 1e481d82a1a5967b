//! The labels of a classifier, and what its logits mean.
//!
//! `id2label` and `problem_type` of config.json; which function goes with which, as `TextClassificationPipeline` of
//! `transformers` has it (`pipelines/text_classification.py`).

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::activation::{sigmoid, softmax};
use crate::model::ModelError;

/// Number of labels: entries of `id2label`, else `num_labels`, else 2, as `transformers` has it.
pub(crate) fn count(config: &Json) -> usize {
    let names = config.get("id2label").and_then(Json::as_object).map(serde_json::Map::len);
    let number = || config.get("num_labels").and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
    names.or_else(number).unwrap_or(2)
}

/// The function from the logits of one input to its scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Any number: the logits as they are.
    Regression,
    /// One of the labels holds: softmax.
    SingleLabel,
    /// Each of the labels holds or not: sigmoid.
    MultiLabel,
}

impl Problem {
    /// The name of the function that makes scores of logits.
    pub fn function(self) -> &'static str {
        match self {
            Self::Regression => "the logits as they are",
            Self::SingleLabel => "softmax of the logits",
            Self::MultiLabel => "sigmoid of each logit",
        }
    }

    pub fn scores(self, logits: &[f32]) -> Vec<f64> {
        match self {
            Self::Regression => logits.iter().map(|&x| f64::from(x)).collect(),
            Self::SingleLabel => softmax(logits),
            Self::MultiLabel => logits.iter().map(|&x| sigmoid(f64::from(x))).collect(),
        }
    }
}

/// A classification head, as config.json describes it.
#[derive(Debug, Clone)]
pub struct Head {
    pub(crate) path: PathBuf,
    pub(crate) config: Json,
}

impl Head {
    /// Its labels, if the model gives `width` logits.
    pub fn labels(&self, width: usize) -> Result<Labels, ModelError> {
        Labels::read(&self.path, &self.config, width)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Their names, by position.
    pub names: Vec<String>,
    /// The labels of the logits.
    pub problem: Problem,
}

impl Labels {
    /// Reads config.json, parsed and at `path`, for a head of `width` labels.
    fn read(path: &Path, config: &Json, width: usize) -> Result<Self, ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        let problem = match config.get("problem_type") {
            Some(Json::String(name)) => match name.as_str() {
                "regression" => Problem::Regression,
                "single_label_classification" if width == 1 => {
                    return Err(refuse(
                        "problem_type \"single_label_classification\" needs more than one label".into(),
                    ));
                }
                "single_label_classification" => Problem::SingleLabel,
                "multi_label_classification" => Problem::MultiLabel,
                _ => return Err(refuse(format!("problem_type = \"{name}\" is not implemented"))),
            },
            None | Some(Json::Null) if width == 1 => Problem::MultiLabel,
            None | Some(Json::Null) => Problem::SingleLabel,
            Some(other) => return Err(refuse(format!("problem_type = {other} is not implemented"))),
        };
        let names = match config.get("id2label").filter(|labels| !labels.is_null()).map(|l| l.as_object().ok_or(l)) {
            None => (0..width).map(|i| format!("LABEL_{i}")).collect(),
            Some(Err(other)) => return Err(refuse(format!("id2label is {other}"))),
            Some(Ok(map)) if map.len() == width => (0..width)
                .map(|i| match map.get(&i.to_string()) {
                    Some(Json::String(name)) => Ok(name.clone()),
                    Some(name @ (Json::Number(_) | Json::Bool(_))) => Ok(name.to_string()),
                    Some(other) => Err(refuse(format!("label {i} in id2label is {other}"))),
                    None => Err(refuse(format!("id2label has {width} labels, but none with the number {i}"))),
                })
                .collect::<Result<_, _>>()?,
            Some(Ok(map)) => {
                return Err(refuse(format!("id2label has {} labels, but the model gives {width} logits", map.len())));
            }
        };
        Ok(Self { names, problem })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn read(config: Json, width: usize) -> Result<Labels, String> {
        Labels::read(Path::new("config.json"), &config, width).map_err(|e| e.to_string())
    }

    #[test]
    fn which_function_goes_with_which_problem() {
        let problem = |name: &str, width| read(json!({"problem_type": name}), width).map(|labels| labels.problem);
        assert_eq!(problem("regression", 1), Ok(Problem::Regression));
        assert_eq!(problem("regression", 3), Ok(Problem::Regression));
        assert_eq!(problem("single_label_classification", 2), Ok(Problem::SingleLabel));
        assert_eq!(problem("multi_label_classification", 2), Ok(Problem::MultiLabel));
        assert!(problem("single_label_classification", 1).unwrap_err().contains("single_label_classification"));
        assert!(problem("ranking", 1).unwrap_err().contains("problem_type = \"ranking\""));
        assert_eq!(read(json!({}), 2).unwrap().problem, Problem::SingleLabel);
        assert_eq!(read(json!({"problem_type": null}), 1).unwrap().problem, Problem::MultiLabel);
    }

    #[test]
    fn names_by_number() {
        let names = |config, width| read(config, width).map(|labels| labels.names);
        let map = json!({"id2label": {"1": "b", "0": "a", "2": 7}});
        assert_eq!(names(map.clone(), 3).unwrap(), ["a", "b", "7"]);
        assert_eq!(names(json!({}), 2).unwrap(), ["LABEL_0", "LABEL_1"]);
        for wrong in [json!(3), json!(["a", "b"]), json!({"0": "a", "1": null}), json!({"0": "a", "1": ["b"]})] {
            assert!(names(json!({"id2label": wrong}), 2).unwrap_err().contains("id2label"), "{wrong}");
        }
        assert!(names(map, 2).unwrap_err().contains("3 labels"));
        assert!(names(json!({"id2label": {"0": "a", "2": "b"}}), 2).unwrap_err().contains("number 1"));
    }
}
