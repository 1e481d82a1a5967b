//! The report on quantised weights, stored beside them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::calibration::Texts;
use crate::graph::int8::{Arithmetic, Multiplier, VERSION};
use crate::graph::{Output, Request, Rows};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Version of the quantiser that made them.
    pub version: u32,
    /// The graph's output: "vectors", "token vectors", "logits", "lexical weights" or "answers".
    pub output: String,
    /// True if they are for processors without exact 8-bit products, which costs up to one bit.
    pub saturating: bool,
    /// The operators they are for and were checked with: "own" or "built-in".
    #[serde(default)]
    pub operators: String,
    /// The user's texts that they were calibrated by, or the built-in ones.
    pub calibration_texts: usize,
    /// True if those were the user's.
    pub own_texts: bool,
    pub check: Check,
    /// SHA-256 of the weights' file.
    #[serde(default)]
    pub sha256: String,
}

/// The comparison of a model in int8 with itself in f32, on texts outside of the calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub texts: usize,
    /// Mean cosine of the texts' vectors (the mean over rows, where there is a row a token).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine_min: Option<f64>,
    /// Largest difference of a logit, of models that give logits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logit_difference: Option<f32>,
}

impl Report {
    pub(super) fn new(request: &Request, texts: &Texts, arithmetic: Arithmetic, check: Check) -> Self {
        let output = match request.output {
            Output::Hidden(Rows::All) => "token vectors",
            Output::Hidden(Rows::First | Rows::Last) | Output::Mean => "vectors",
            Output::Logits => "logits",
            Output::Lexical(_) => "lexical weights",
            Output::Answer(_) => "answers",
        };
        Self {
            version: VERSION,
            output: output.into(),
            saturating: arithmetic.multiplier() == Multiplier::Saturating,
            operators: if matches!(arithmetic, Arithmetic::Own(_)) { "own" } else { "built-in" }.into(),
            calibration_texts: texts.given,
            own_texts: texts.own,
            check,
            sha256: String::new(),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(mean), Some(least)) = (self.cosine_mean, self.cosine_min) {
            write!(f, "cosine to float32 {mean:.4} (least {least:.4})")?;
        } else if let Some(difference) = self.logit_difference {
            write!(f, "logits differ from float32 by {difference:.3} at most")?;
        } else {
            write!(f, "not compared with float32")?;
        }
        write!(f, " on {}", crate::plural::counted(self.texts, "text"))
    }
}
